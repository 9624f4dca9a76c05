package e2e

import (
	"context"
	"crypto/rand"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/server"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
)

const (
	// patience is how long a test waits for what must come.
	patience = 60 * time.Second
	// often is how long it waits between two looks.
	often = 20 * time.Millisecond
	// commandPartitions is how many partitions a command topic has.
	commandPartitions = 3
)

// participants are those that a world's process of participants acts.
const participants = "flights,hotels,payments,mails"

// world is one database, one prefix of topics, coordinators and participants.
type world struct {
	t        *testing.T
	database string
	brokers  []string
	prefix   string
	pool     *pgxpool.Pool
	producer *kafka.Producer
	nodes    []*node
	hands    *process // the participants
	extra    []string // more of the environment of all programs
	written  bool     // the coordinators are those that have code

	mu   sync.Mutex
	taps map[string]*tap
}

// node is one coordinator process; its address outlives it.
type node struct {
	*process
	url string
}

// newWorld makes a world with that many coordinators, every definition applied and
// all participants. With no coordinator, the test starts one and calls define.
func newWorld(t *testing.T, brokers []string, nodes int) *world {
	t.Helper()
	return newWorldIn(t, testserver.Postgres(t), brokers, nodes)
}

// newWorldIn makes a world in a given database.
func newWorldIn(t *testing.T, database string, brokers []string, nodes int) *world {
	t.Helper()
	w := &world{
		t: t, database: database, brokers: brokers,
		prefix: "e2e." + strings.ToLower(rand.Text()[:8]) + ".", taps: map[string]*tap{},
	}
	w.raise(t, nodes)
	return w
}

// raise starts what a world has.
func (w *world) raise(t *testing.T, nodes int) {
	t.Helper()
	w.open()
	command(t, w.env(), unwindBinary, "migrate", "up")
	command(t, w.env(), unwindBinary, "topics", "apply")
	for range nodes {
		w.nodes = append(w.nodes, &node{})
		w.begin(len(w.nodes) - 1)
	}
	if nodes > 0 {
		w.define(t)
	}
}

// define applies every definition, creates its topics and lets the participants
// begin.
func (w *world) define(t *testing.T) {
	t.Helper()
	for name, text := range definitions {
		w.call(t, request{method: http.MethodPut, path: "/v1/definitions?file=" + name + ".yaml", body: []byte(text), want: http.StatusOK})
	}
	command(t, w.env(), unwindBinary, "topics", "apply")
	w.hands = w.employ(participants)
}

// open opens the test's own ways into Postgres and Kafka.
func (w *world) open() {
	config, err := pgxpool.ParseConfig(w.database)
	require.NoError(w.t, err)
	config.MaxConns = 8
	w.pool, err = pgxpool.NewWithConfig(w.t.Context(), config)
	require.NoError(w.t, err)
	w.t.Cleanup(w.pool.Close)
	w.producer, err = kafka.NewProducer(kafka.Config{Brokers: w.brokers})
	require.NoError(w.t, err)
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = w.producer.Close(ctx) // the broker may be gone
	})
}

// env is what the unwind commands read.
func (w *world) env() []string {
	return append([]string{
		"UNWIND_DATABASE_URL=" + w.database, "UNWIND_KAFKA_BROKERS=" + strings.Join(w.brokers, ","),
		"UNWIND_TOPIC_PREFIX=" + w.prefix, "UNWIND_COMMAND_PARTITIONS=" + strconv.Itoa(commandPartitions),
	}, w.extra...)
}

// begin starts, or starts again, one coordinator and waits until it is ready.
func (w *world) begin(i int, env ...string) {
	w.t.Helper()
	w.spawn(i, env...)
	w.ready(i)
}

// spawn starts, or starts again, one coordinator.
func (w *world) spawn(i int, env ...string) {
	w.t.Helper()
	n := w.nodes[i]
	if n.url == "" {
		port, err := server.FreePort(1)
		require.NoError(w.t, err)
		n.url = "http://" + server.Address(port)
	}
	env = append(append(w.env(), "UNWIND_METRICS_LISTEN=off", "UNWIND_LISTEN="+strings.TrimPrefix(n.url, "http://")), env...)
	if w.written {
		n.process = launch(w.t, env, codeBinary)
		return
	}
	n.process = launch(w.t, env, unwindBinary, "serve")
}

// ready waits until a coordinator says that it is.
func (w *world) ready(i int) {
	w.t.Helper()
	eventually(w.t, "coordinator is ready", func() bool {
		status, _, err := w.send(request{method: http.MethodGet, path: "/readyz", node: i})
		return err == nil && status == http.StatusOK
	})
}

// employ starts a process that acts these participants and waits for it.
func (w *world) employ(names string) *process {
	w.t.Helper()
	p := launch(w.t, w.env(), participantBinary, "-names", names)
	eventually(w.t, "participants run", func() bool { return strings.Contains(p.output(), "running\n") })
	return p
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(often)
	defer tick.Stop()
	for end := time.Now().Add(patience); !holds(); <-tick.C {
		require.True(t, time.Now().Before(end), "waited %v until %s", patience, what)
	}
}

// alive returns a coordinator that runs.
func (w *world) alive() int {
	for i, n := range w.nodes {
		select {
		case <-n.ended:
		default:
			return i
		}
	}
	return 0
}
