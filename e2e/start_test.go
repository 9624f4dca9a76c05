package e2e

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/outbox/outboxkafka"
	"github.com/unwindhq/unwind/saga"
)

// startTopic takes the starts of a world.
func (w *world) startTopic() string { return w.prefix + "start.default" }

// asking is a start as docs/wire-contract.md describes it, written by hand.
func (w *world) asking(key, definition string, s script) kafka.Record {
	value, err := json.Marshal(map[string]any{"script": s})
	require.NoError(w.t, err)
	rec := kafka.Record{Topic: w.startTopic(), Key: []byte(key), Value: value, Partition: int32(bucket.Of(key, commandPartitions))}
	for _, h := range [][2]string{
		{"ce_specversion", "1.0"},
		{"ce_id", key},
		{"ce_type", "unwind.start.v1"},
		{"ce_source", "/shop"},
		{"ce_subject", definition},
		{"ce_time", time.Now().UTC().Format(time.RFC3339Nano)},
		{"content-type", "application/json"},
		{"unwind-namespace", "default"},
		{"unwind-definition", definition},
	} {
		rec.Headers = append(rec.Headers, kafka.Header{Key: h[0], Value: []byte(h[1])})
	}
	rec.Timestamp = time.Now().Truncate(time.Millisecond)
	return rec
}

// startedBy waits until a key has started a saga.
func (w *world) startedBy(t *testing.T, key string) (id saga.ID) {
	t.Helper()
	eventually(t, "a saga is started", func() bool {
		var text string
		err := w.pool.QueryRow(t.Context(), "SELECT saga::text FROM unwind.start_keys WHERE namespace = 'default' AND key = $1", key).Scan(&text)
		if err != nil {
			require.ErrorIs(t, err, pgx.ErrNoRows)
			return false
		}
		id, err = saga.ParseID(text)
		require.NoError(t, err)
		return true
	})
	return id
}

// TestStartOverKafka: what is asked for on the start topic is started as REST
// would start it, once, and what REST would refuse becomes a dead letter.
func TestStartOverKafka(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 2)
	for name, test := range map[string]func(*testing.T, *world){
		"from a transaction":  startInTransaction,
		"written by hand":     startByHand,
		"again and again":     startAgain,
		"refused":             startRefused,
		"undecodable":         startUndecodable,
		"without its topics":  startTopicless,
		"key of another saga": startOtherBytes,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, w)
		})
	}
}

// startInTransaction: a program's own transaction starts a saga if it commits.
func startInTransaction(t *testing.T, w *world) {
	w.shop(t)
	from := client.Outbox{Schema: "shop", Source: "shop", Prefix: w.prefix}
	ask := client.Start{Definition: "trip", Input: map[string]script{"script": {"hotels": {"reject"}}}}
	var kept, lost string
	sell := func(key *string, end error) {
		err := pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) (err error) {
			if *key, err = from.StartTx(t.Context(), tx, ask); err != nil {
				return err
			}
			return end
		})
		require.ErrorIs(t, err, end)
	}
	sell(&lost, context.Canceled)
	sell(&kept, nil)
	id := w.startedBy(t, kept)
	unburned(t, w.ended(t, id, saga.Compensated))
	require.Equal(t, "operator:/clients/shop", w.history(t, id)[0].Actor)
	var count int
	require.NoError(t, w.pool.QueryRow(t.Context(), "SELECT count(*) FROM unwind.start_keys WHERE key = $1", lost).Scan(&count))
	require.Zero(t, count)
}

// shop relays the outbox of a program of its own until the test ends.
func (w *world) shop(t *testing.T) {
	t.Helper()
	require.NoError(t, migrations.Up(t.Context(), w.database, "shop", migrations.Outbox))
	pool, err := pgxpool.New(t.Context(), w.database)
	require.NoError(t, err)
	relay := outbox.Standalone{Relay: outbox.RelayConfig{Pool: pool, Schema: "shop", Publisher: outboxkafka.New(w.producer)}}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- relay.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
		pool.Close()
	})
}

// startByHand: any Kafka client can start a saga, and REST finds it by its key.
func startByHand(t *testing.T, w *world) {
	key := rand.Text()
	w.produce(t, w.asking(key, "trip", script{"payments": {"ok"}}))
	id := w.startedBy(t, key)
	again, err := w.insist(key, "trip", script{"payments": {"ok"}})
	require.NoError(t, err)
	require.Equal(t, id, again)
	unburned(t, w.ended(t, id, saga.Completed))
}

// startAgain: a start that is delivered more than once, here from several
// producers and with other record keys, starts one saga.
func startAgain(t *testing.T, w *world) {
	key := rand.Text()
	var records []kafka.Record
	for n := range 20 {
		rec := w.asking(key, "mapped", nil)
		if n%2 == 1 {
			rec.Key, rec.Partition = []byte(rand.Text()), int32(n%commandPartitions) // beside the others
		}
		records = append(records, rec)
	}
	w.produce(t, records...)
	w.ended(t, w.startedBy(t, key), saga.Completed)
	last := rand.Text()
	w.produce(t, w.asking(last, "pair", nil))
	w.ended(t, w.startedBy(t, last), saga.Completed)
	var count int
	require.NoError(t, w.pool.QueryRow(t.Context(), "SELECT count(*) FROM unwind.sagas WHERE definition = 'mapped'").Scan(&count))
	require.Equal(t, 1, count)
}

// startRefused: a start that REST would refuse is kept byte for byte, and holds
// nobody up.
func startRefused(t *testing.T, w *world) {
	unknown := w.asking(rand.Text(), "trap", nil)
	version := w.asking(rand.Text(), "trip", nil)
	version.Headers = append(version.Headers, kafka.Header{Key: "unwind-version", Value: []byte("r77")})
	broken := w.asking(rand.Text(), "trip", nil)
	broken.Value = []byte(`{"script": `)
	empty := w.asking(rand.Text(), "trip", nil)
	empty.Value = nil
	foreign := with(w.asking(rand.Text(), "trip", nil), "unwind-namespace", "others")
	zipped := w.asking(rand.Text(), "trip", nil)
	zipped.Headers = append(zipped.Headers, kafka.Header{Key: "unwind-codec", Value: []byte("gzip")})
	good := w.asking(rand.Text(), "trip", nil)
	w.produce(t, unknown, version, broken, empty, foreign, zipped, good)
	w.ended(t, w.startedBy(t, string(good.Key)), saga.Completed)
	for reason, rec := range map[string]kafka.Record{
		"there is no definition trap; did you mean trip?": unknown,
		"there is no definition trip r77":                 version,
		"the JSON text ends too early at byte 1":          broken,
		"the JSON text ends too early at byte 0":          empty,
		"it is for namespace others":                      foreign,
		"is not plain application/json":                   zipped,
	} {
		require.Contains(t, w.buried(t, rec, "refused-start"), reason)
	}
}

// startUndecodable: what is no start at all.
func startUndecodable(t *testing.T, w *world) {
	bad := rubbish(w.startTopic(), 0, saga.TypeStart)
	keyless := w.asking(rand.Text(), "trip", nil) // a repeat could not be told from another start
	keyless.Headers = slices.DeleteFunc(keyless.Headers, func(h kafka.Header) bool { return h.Key == "ce_id" })
	w.produce(t, append(bad, keyless)...)
	require.Contains(t, w.buried(t, keyless, "undecodable"), "header ce_id: missing")
	for _, rec := range bad {
		require.Contains(t, w.buried(t, rec, "undecodable"), "decode start: ")
	}
}

// startTopicless: commands would have nowhere to go.
func startTopicless(t *testing.T, w *world) {
	text := "unwind: v1\nsaga: lonely\nsteps:\n  - {step: call, kind: pivot, command: strangers/call}\n"
	w.call(t, request{method: http.MethodPut, path: "/v1/definitions?file=lonely.yaml", body: []byte(text), want: http.StatusOK})
	rec := w.asking(rand.Text(), "lonely", nil)
	w.produce(t, rec)
	require.Contains(t, w.buried(t, rec, "refused-start"), "Kafka has no topic "+w.commandTopic("strangers"))
}

// startOtherBytes: a key belongs to the bytes that it came with first.
func startOtherBytes(t *testing.T, w *world) {
	key := rand.Text()
	w.produce(t, w.asking(key, "trip", nil))
	id := w.startedBy(t, key)
	other := w.asking(key, "trip", script{"mails": {"ok"}})
	w.produce(t, other)
	require.Contains(t, w.buried(t, other, "refused-start"), "the idempotency key was used for another start")
	w.ended(t, id, saga.Completed)
}

// TestStartsSurviveACrash kills a coordinator again and again while 500 starts
// come in, each of them twice: 500 sagas.
func TestStartsSurviveACrash(t *testing.T) {
	t.Parallel()
	const sagas = 500
	w := newWorld(t, testserver.Kafka(t), 2)
	for n := range sagas {
		rec := w.asking(fmt.Sprintf("order %d", n), "pair", nil)
		w.produce(t, rec, rec)
		if n%150 == 100 {
			w.nodes[0].kill()
			w.spawn(0)
		}
	}
	count := func(query string) (n int) {
		require.NoError(t, w.pool.QueryRow(t.Context(), query).Scan(&n))
		return n
	}
	eventually(t, "every start has become a saga that has ended", func() bool {
		return count("SELECT count(*) FROM unwind.start_keys") == sagas && count("SELECT count(*) FROM unwind.sagas WHERE status < 3") == 0
	})
	require.Equal(t, sagas, count("SELECT count(*) FROM unwind.sagas"))
	require.Zero(t, count("SELECT count(*) FROM unwind.dead_letters"))
}

// TestEventsSurviveACrash kills a coordinator again and again while somebody else's
// topic fills: every event starts exactly one saga, by its place or by its own key.
func TestEventsSurviveACrash(t *testing.T) {
	t.Parallel()
	const events = 500
	w := newWorld(t, testserver.Kafka(t), 2)
	topic := "shop." + w.prefix + "orders"
	admin, err := kafka.NewAdmin(kafka.Config{Brokers: w.brokers})
	require.NoError(t, err)
	require.NoError(t, admin.Create(t.Context(), kafka.Topic{Name: topic, Partitions: commandPartitions}))
	listen := func(name, startOn string) {
		text := fmt.Sprintf("unwind: v1\nsaga: %s\nstartOn: %s\nsteps: [{step: rest, sleep: 1ms}]\n", name, startOn)
		w.call(t, request{method: http.MethodPut, path: "/v1/definitions?file=x.yaml", body: []byte(text), want: http.StatusOK})
	}
	listen("byPlace", "{topic: "+topic+"}\nonEnd: {}")
	command(t, w.env(), unwindBinary, "topics", "apply") // the topic of the ends
	listen("byKey", "{topic: "+topic+`, key: "order ${event.value.order}"}`)
	count := func(query string) (n int) {
		require.NoError(t, w.pool.QueryRow(t.Context(), query).Scan(&n))
		return n
	}
	for n := range events {
		rec := kafka.Record{Topic: topic, Partition: int32(n % commandPartitions), Key: fmt.Append(nil, n), Value: fmt.Appendf(nil, `{"order":%d}`, n)}
		w.produce(t, rec, rec) // whoever writes repeats itself
		if n%150 == 100 {
			w.nodes[0].kill()
			w.spawn(0)
		}
	}
	eventually(t, "every event has become a saga that has ended", func() bool {
		return count("SELECT count(*) FROM unwind.start_keys") == 3*events && count("SELECT count(*) FROM unwind.sagas WHERE status < 3") == 0
	})
	require.Equal(t, 2*events, count("SELECT count(*) FROM unwind.sagas WHERE definition = 'byPlace'"))
	require.Equal(t, events, count("SELECT count(*) FROM unwind.sagas WHERE definition = 'byKey'"))
	require.Zero(t, count("SELECT count(*) FROM unwind.dead_letters"))
	ends := w.tap(w.prefix+"events.default", commandPartitions)
	eventually(t, "every end of a saga of byPlace is told", func() bool {
		told := map[string]bool{}
		for _, rec := range ends.find(everything) {
			told[header(rec, saga.HeaderID)] = true
		}
		return len(told) == 2*events
	})
	list := acknowledged(t, nil)
	found, looked := w.checked(t, list)
	require.Empty(t, found)
	require.Equal(t, 2*events, looked["happened"])
	require.GreaterOrEqual(t, looked["told"], 2*events)
	end := ends.one(t, "an end", everything)
	w.produce(t, with(end, saga.HeaderStatus, saga.Compensated.String()))
	w.spoilt(t, list, "I4", `SELECT`)
	w.spoilt(t, list, "I11", `DELETE FROM unwind.start_keys WHERE key = (SELECT min(key) FROM unwind.start_keys WHERE key LIKE 'event/byPlace/%')`)

	out, code := w.topics(t, "check")
	require.Zero(t, code, out)
	require.Regexp(t, topic+` +3 +exists`, out)
	listen("waits", "{topic: "+topic+".none}")
	command(t, w.env(), unwindBinary, "topics", "apply")
	out, code = w.topics(t, "check")
	require.Equal(t, 1, code, "somebody else's topic is not made")
	require.Regexp(t, topic+`.none +0 +missing; a definition names it`, out)
}

// topics runs unwind topics and returns what it prints and its exit code.
func (w *world) topics(t *testing.T, verb string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, unwindBinary, "topics", verb)
	cmd.Env = append(os.Environ(), w.env()...)
	out, err := cmd.Output()
	if err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError))
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// TestAwaitedEventsSurviveACrash kills a coordinator again and again while events start
// sagas and others end their waits: every saga is told once, and none is forgotten.
func TestAwaitedEventsSurviveACrash(t *testing.T) {
	t.Parallel()
	const events = 400
	w := newWorld(t, testserver.Kafka(t), 2)
	orders, parcels := "shop."+w.prefix+"orders", "shop."+w.prefix+"parcels"
	admin, err := kafka.NewAdmin(kafka.Config{Brokers: w.brokers})
	require.NoError(t, err)
	for _, topic := range []string{orders, parcels} {
		require.NoError(t, admin.Create(t.Context(), kafka.Topic{Name: topic, Partitions: commandPartitions}))
	}
	text := "unwind: v1\nsaga: track\nstartOn: {topic: " + orders + ", key: \"order ${event.value.order}\"}\nsteps:\n" +
		"  - {step: delivered, await: {topic: " + parcels + ", match: \"${event.value.order == input.order && event.value.done}\"}}\n" +
		"output: ${steps.delivered.output.parcel}\n"
	w.call(t, request{method: http.MethodPut, path: "/v1/definitions?file=x.yaml", body: []byte(text), want: http.StatusOK})
	count := func(query string) (n int) {
		require.NoError(t, w.pool.QueryRow(t.Context(), query).Scan(&n))
		return n
	}
	crash := func(n int) {
		if n%150 == 100 {
			w.nodes[0].kill()
			w.spawn(0)
		}
	}
	say := func(topic string, n int, value string) {
		w.produce(t, kafka.Record{Topic: topic, Partition: int32(n % commandPartitions), Key: fmt.Append(nil, n), Value: fmt.Appendf(nil, value, n, n)})
	}
	for n := range events {
		say(orders, n, `{"order":%d,"first":%d}`)
		crash(n)
	}
	eventually(t, "every order has its saga", func() bool { return count("SELECT count(*) FROM unwind.sagas") == events })
	for n := range events {
		say(parcels, n, `{"order":%d,"parcel":%d,"done":false}`)
		say(parcels, n, `{"order":%d,"parcel":%d,"done":true}`)
		say(parcels, n, `{"order":%d,"parcel":"again %d","done":true}`)
		crash(n)
	}
	eventually(t, "every saga has been told and has ended", func() bool {
		return count("SELECT count(*) FROM unwind.sagas WHERE status = 3") == events && count("SELECT count(*) FROM unwind.event_waits") == 0
	})
	require.Equal(t, events, count("SELECT count(*) FROM unwind.saga_events WHERE kind = 'signalled'"))
	require.Zero(t, count("SELECT count(*) FROM unwind.saga_events WHERE kind = 'signalled' AND convert_from(payload, 'UTF8') LIKE '%again%'"))
	require.Zero(t, count("SELECT count(*) FROM unwind.dead_letters"))
	list := acknowledged(t, nil)
	found, looked := w.checked(t, list)
	require.Empty(t, found)
	require.Equal(t, 4*events, looked["happened"])
	w.spoilt(t, list, "I12", `UPDATE unwind.saga_events SET payload = '{"order":0}'
		WHERE kind = 'signalled' AND saga = (SELECT min(id::text)::uuid FROM unwind.sagas)`)
}
