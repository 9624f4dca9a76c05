package travel

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
)

// world is a participant of the example on real servers, with the test as its
// coordinator.
type world struct {
	t        *testing.T
	name     string
	prefix   string
	url      string
	pool     *pgxpool.Pool
	producer *kafka.Producer
	reader   *kafka.Reader
}

const replyTopicPartitions = 1

func newWorld(t *testing.T, name string) *world {
	t.Helper()
	brokers := testserver.Kafka(t)
	w := &world{t: t, name: name, prefix: "travel." + rand.Text()[:8] + ".", url: testserver.Postgres(t)}
	admin, err := kafka.NewAdmin(kafka.Config{Brokers: brokers})
	require.NoError(t, err)
	require.NoError(t, admin.Create(t.Context(),
		kafka.Topic{Name: w.prefix + "commands." + name, Partitions: 1}, kafka.Topic{Name: w.replies(), Partitions: replyTopicPartitions}))
	w.producer, err = kafka.NewProducer(kafka.Config{Brokers: brokers})
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.producer.Close(context.Background()) })
	w.reader, err = kafka.NewReader(kafka.ReaderConfig{Config: kafka.Config{Brokers: brokers}, Topic: w.replies()})
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.reader.Close() })
	require.NoError(t, w.reader.Assign(0, -2))
	w.run(Config{DatabaseURL: w.url, Brokers: brokers, TopicPrefix: w.prefix})
	return w
}

func (w *world) replies() string { return w.prefix + "replies" }

// run runs the participant until the test ends, and returns when it is ready.
func (w *world) run(cfg Config) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	out := &lines{}
	cfg.Out = out
	go func() { ended <- Run(ctx, w.name, cfg) }()
	w.t.Cleanup(func() {
		stop()
		require.NoError(w.t, <-ended)
	})
	require.Eventually(w.t, func() bool { return out.has("ready") }, 30*time.Second, 10*time.Millisecond)
	var err error
	w.pool, err = pgxpool.New(context.Background(), w.url)
	require.NoError(w.t, err)
	w.t.Cleanup(w.pool.Close)
}

// lines is an output that can be looked at while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.buf.Bytes(), []byte(text))
}

// send sends one attempt of a command.
func (w *world) send(id saga.ID, direction saga.Direction, name string, attempt int, input any) {
	data, err := json.Marshal(input)
	require.NoError(w.t, err)
	epoch := 1
	if direction == saga.Undo {
		epoch = 2
	}
	cmd := saga.Command{
		ID: saga.CommandID{Saga: id, Step: saga.StepRef{Name: "step", Visit: 1}, Direction: direction}, Participant: w.name, Name: name,
		Definition: "test", Version: "r1", Attempt: attempt, Epoch: epoch, Deadline: time.Now().Add(time.Minute), Payload: saga.JSON(data),
		Route: saga.Route{Namespace: "default", Incarnation: 1, ReplyTopic: w.replies(), Token: "t"},
	}
	done := make(chan error, 1)
	w.producer.Produce(w.t.Context(), []kafka.Record{{
		Topic: w.prefix + "commands." + w.name, Partition: kafka.ByKey, Key: []byte(id.String()), Value: data, Headers: saga.CommandHeaders(cmd, time.Now()),
	}}, func(_ int, _ int32, _ int64, err error) { done <- err })
	require.NoError(w.t, <-done)
}

// reply reads the next answer.
func (w *world) reply() saga.Reply {
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	records, err := w.reader.Poll(ctx, 1)
	require.NoError(w.t, err)
	require.Len(w.t, records, 1)
	r, err := saga.DecodeReply(records[0].Headers, records[0].Value)
	require.NoError(w.t, err)
	return r
}

// audit expects the given faults of sagas that ended so.
func (w *world) audit(ended []Ended, want ...string) {
	for _, name := range Participants() {
		require.NoError(w.t, Migrate(w.t.Context(), w.url, name))
	}
	faults, err := Audit(w.t.Context(), w.url, ended)
	require.NoError(w.t, err)
	require.ElementsMatch(w.t, want, faults)
}

func newSaga(t *testing.T) saga.ID {
	t.Helper()
	id, err := uuid.NewV7()
	require.NoError(t, err)
	return saga.ID(id)
}

func TestFlightsReserveReleaseAndRefuse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Flights)
	first, full := newSaga(t), newSaga(t)
	w.send(first, saga.Do, "reserve", 1, seat{"LH100", "Ada"})
	r := w.reply()
	require.Equal(t, saga.Succeeded, r.Outcome, r.Reason)
	require.JSONEq(t, `{"booking":"F-1001"}`, string(r.Payload.Data))
	w.audit([]Ended{{Saga: first.String(), Status: "completed", Steps: []string{Flights}}})

	w.send(full, saga.Do, "reserve", 1, seat{"FULL1", "Bob"})
	r = w.reply()
	require.Equal(t, saga.Rejected, r.Outcome)
	require.Equal(t, "no seats left on FULL1", r.Reason)

	w.send(first, saga.Undo, "release", 1, seat{"LH100", "Ada"})
	require.Equal(t, saga.Succeeded, w.reply().Outcome)
	w.audit([]Ended{{Saga: first.String(), Status: "compensated"}, {Saga: full.String(), Status: "compensated"}})
}

func TestAuditReadsDoctoredTables(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Payments)
	id := newSaga(t)
	w.send(id, saga.Do, "charge", 1, charge{Card: "gold", Cents: 1999})
	require.Equal(t, saga.Succeeded, w.reply().Outcome)
	w.send(newSaga(t), saga.Do, "charge", 1, charge{Card: "empty", Cents: 1999})
	require.Equal(t, "card empty declined", w.reply().Reason)
	_, err := w.pool.Exec(t.Context(), `INSERT INTO payments.charges (saga, step, card, cents, text) SELECT saga, step, card, cents, text FROM payments.charges`)
	require.NoError(t, err)
	w.audit([]Ended{{Saga: id.String(), Status: "completed", Steps: []string{Payments}}},
		"saga "+id.String()+" is completed, and payments has 2 effects (charged, charged) where one may be",
		"payments has given 1999 of gold, and its live bookings add up to 3998")
}

func TestSwitchMakesSilentLostAndFaulty(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Hotels)
	turn := func(f Fault) { require.NoError(t, Switch(t.Context(), w.pool, Hotels, f)) }
	silent, lost, marker := newSaga(t), newSaga(t), newSaga(t)
	in := room{"Astoria", "Ada", 2}

	turn(Fault{Command: "reserve", Mode: Silent})
	w.send(silent, saga.Do, "reserve", 1, in)
	w.send(silent, saga.Undo, "release", 1, in)
	r := w.reply()
	require.Equal(t, saga.Undo, r.ID.Direction, "the undo is answered, the do is not")
	require.Equal(t, "nothing to undo", r.Reason)

	turn(Fault{Command: "reserve", Mode: Lost})
	w.send(lost, saga.Do, "reserve", 1, in)
	w.send(lost, saga.Undo, "release", 1, in)
	r = w.reply()
	require.Equal(t, saga.Undo, r.ID.Direction)
	require.Empty(t, r.Reason, "there was something to undo")

	turn(Fault{Command: "reserve", Mode: Fail})
	w.send(marker, saga.Do, "reserve", 1, in)
	require.Equal(t, saga.Failed, w.reply().Outcome)
	turn(Fault{Command: "reserve", Mode: Slow, Delay: time.Millisecond})
	w.send(marker, saga.Do, "reserve", 2, in)
	require.Equal(t, saga.Succeeded, w.reply().Outcome)
	turn(Fault{Mode: Reject})
	turn(Fault{Mode: Off})
	w.send(newSaga(t), saga.Do, "reserve", 1, in)
	require.Equal(t, saga.Succeeded, w.reply().Outcome)
	w.audit([]Ended{
		{Saga: silent.String(), Status: "compensated"},
		{Saga: lost.String(), Status: "compensated"},
		{Saga: marker.String(), Status: "completed", Steps: []string{Hotels}},
	})
}
