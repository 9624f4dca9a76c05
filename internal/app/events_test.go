package app_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
)

// crowd is two coordinators of one installation, and somebody else's topics.
type crowd struct {
	*client.Client
	second   *client.Client
	leave    func() // ends the second one
	metrics  []*app.App
	pool     *pgxpool.Pool
	admin    *kafka.Admin
	producer *kafka.Producer
	prefix   string
}

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	brokers, url := testserver.Kafka(t), testserver.Postgres(t)
	c := &crowd{prefix: "crowd" + time.Now().Format("150405.000000") + "."}
	config := app.Config{
		DatabaseURL: url, Brokers: brokers, Listen: "127.0.0.1:0", MetricsListen: "127.0.0.1:0", Migrate: true, CreateTopics: true, Prefix: c.prefix, Partitions: 1,
	}
	for n := range 2 {
		a, end := run(t, config)
		api, err := client.New(client.Config{URL: a.URL()})
		require.NoError(t, err)
		c.metrics = append(c.metrics, a)
		if n == 0 {
			c.Client = api
			continue
		}
		c.second, c.leave = api, end
	}
	var err error
	c.pool, err = pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(c.pool.Close)
	c.admin, err = kafka.NewAdmin(kafka.Config{Brokers: brokers})
	require.NoError(t, err)
	c.producer, err = kafka.NewProducer(kafka.Config{Brokers: brokers})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.producer.Close(context.Background())) })
	return c
}

// topic makes somebody else's topic.
func (c *crowd) topic(t *testing.T, name string, partitions int32) string {
	t.Helper()
	name = "others-" + c.prefix + name
	require.NoError(t, c.admin.Create(t.Context(), kafka.Topic{Name: name, Partitions: partitions}))
	return name
}

// tell writes events, each under a key of its own.
func (c *crowd) tell(t *testing.T, topic string, values ...string) {
	t.Helper()
	var records []kafka.Record
	for _, v := range values {
		records = append(records, kafka.Record{Topic: topic, Partition: kafka.ByKey, Key: []byte(v), Value: []byte(v)})
	}
	done := make(chan error, len(records))
	c.producer.Produce(t.Context(), records, func(_ int, _ int32, _ int64, err error) { done <- err })
	for range records {
		require.NoError(t, <-done)
	}
}

// listen applies a definition whose sagas are over at once.
func (c *crowd) listen(t *testing.T, name, startOn string) {
	t.Helper()
	_, err := c.ApplyDefinition(t.Context(), name+".yaml", fmt.Appendf(nil, "unwind: v1\nsaga: %s\nstartOn: %s\nsteps: [{step: rest, sleep: 1ms}]\n", name, startOn))
	require.NoError(t, err)
}

func (c *crowd) count(t *testing.T, query string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, c.pool.QueryRow(t.Context(), query, args...).Scan(&n))
	return n
}

func (c *crowd) sagas(t *testing.T, definition string) int {
	t.Helper()
	return c.count(t, "SELECT count(*) FROM unwind.sagas WHERE definition = $1 AND status = 3", definition)
}

// heard is how often events have had a result, of both coordinators.
func (c *crowd) heard(t *testing.T, definition, result string) (n float64) {
	t.Helper()
	for _, a := range c.metrics {
		for key, v := range scrape(t, a.MetricsURL()) {
			if strings.HasPrefix(key, "events_read_total "+definition+" "+result+" ") {
				n += v
			}
		}
	}
	return n
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	require.Eventually(t, is, 2*time.Minute, 50*time.Millisecond, what)
}

// TestEventsStartSagas: what a definition wants becomes a saga of each definition
// that listens, what it does not want is skipped, what cannot be taken is a dead
// letter, and holds nobody up.
func TestEventsStartSagas(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	orders := c.topic(t, "orders", 4)
	c.tell(t, orders, `{"id":"before"}`)
	c.listen(t, "fulfil", `{topic: `+orders+`, when: "${event.value.?kind.orValue('') != 'test'}", key: "order ${event.value.id}", input: {id: "${event.value.id}", topic: "${event.topic}"}}`)
	c.listen(t, "tally", `{topic: `+orders+`}`)
	eventually(t, "both listen", func() bool {
		c.tell(t, orders, `{"id":"ping"}`)
		return c.sagas(t, "fulfil") == 1 && c.sagas(t, "tally") > 0
	})
	require.Positive(t, c.heard(t, "fulfil", "repeated")+c.heard(t, "fulfil", "started"))
	pings := c.count(t, "SELECT count(*) FROM unwind.start_keys WHERE key LIKE 'event/tally/%'")

	c.tell(t, orders, `{"id":"o1"}`, `{"id":"o2","kind":"test"}`, `{"nothing":1}`, `no JSON`, `{"id":"o3"}`)
	eventually(t, "each order has its saga", func() bool { return c.sagas(t, "fulfil") == 3 })
	eventually(t, "every record with JSON is tallied", func() bool { return c.sagas(t, "tally") >= pings+4 })
	require.Zero(t, c.count(t, "SELECT count(*) FROM unwind.start_keys WHERE key IN ('order before', 'order o2')"), "it was written before the definition was applied, or is not wanted")
	eventually(t, "what cannot be taken is kept", func() bool {
		return c.count(t, "SELECT count(*) FROM unwind.dead_letters WHERE topic = $1 AND class = 'refused-event'", orders) == 2
	})
	letters, err := c.DeadLetters(t.Context(), client.DeadLetterFilter{})
	require.NoError(t, err)
	reasons := letters.DeadLetters[0].Reason + letters.DeadLetters[1].Reason
	require.Contains(t, reasons, "definition fulfil: the event cannot be taken: startOn.key: ${event.value.id}: event.value has no field id")
	require.Contains(t, reasons, "; definition tally: the event cannot be taken: its value is not JSON")
	require.InDelta(t, 1, c.heard(t, "fulfil", "skipped"), 0)
	require.InDelta(t, 2, c.heard(t, "fulfil", "refused"), 0)

	event, err := c.History(t.Context(), c.saga(t, "order o1"), 0, 1)
	require.NoError(t, err)
	require.JSONEq(t, fmt.Sprintf(`{"id":"o1","topic":%q}`, orders), string(event.Events[0].Payload))
	require.Equal(t, "operator:kafka/"+orders, event.Events[0].Actor)
}

// saga is the saga of an idempotency key.
func (c *crowd) saga(t *testing.T, key string) (id string) {
	t.Helper()
	require.NoError(t, c.pool.QueryRow(t.Context(), "SELECT saga::text FROM unwind.start_keys WHERE key = $1", key).Scan(&id))
	return id
}

// TestRefusedEventsAreRedriven: a mended definition takes the event, and what had
// taken it before starts no second saga. The topic's other readers see nothing.
func TestRefusedEventsAreRedriven(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	orders := c.topic(t, "orders", 1)
	c.listen(t, "picky", `{topic: `+orders+`, input: {id: "${event.value.id}"}}`)
	c.listen(t, "easy", `{topic: `+orders+`}`)
	eventually(t, "both listen", func() bool {
		c.tell(t, orders, `{"id":1}`)
		return c.sagas(t, "picky") > 0 && c.sagas(t, "easy") > 0
	})
	open := func() int {
		return c.count(t, "SELECT count(*) FROM unwind.dead_letters WHERE status = 'open'")
	}
	c.tell(t, orders, `{"number":2}`)
	eventually(t, "one refuses it", func() bool { return open() == 1 })
	letters, err := c.DeadLetters(t.Context(), client.DeadLetterFilter{})
	require.NoError(t, err)
	first := letters.DeadLetters[0].ID
	redrive := func(id int64) {
		_, err := c.RedriveDeadLetter(t.Context(), id, client.Redrive{})
		require.NoError(t, err)
	}
	redrive(first)
	eventually(t, "it is refused again, as another dead letter", func() bool {
		return c.count(t, "SELECT coalesce(max(id), 0) FROM unwind.dead_letters WHERE status = 'open'") > int(first)
	})
	written := func() int {
		ranges, err := c.admin.Ranges(t.Context(), func(topic string) bool { return topic == orders })
		require.NoError(t, err)
		return int(ranges[orders][0].Next)
	}
	easy := written()
	eventually(t, "all of them are taken", func() bool { return c.sagas(t, "easy") == easy })
	again := c.count(t, "SELECT max(id) FROM unwind.dead_letters")
	c.listen(t, "picky", `{topic: `+orders+`, input: {id: "${event.value.number}"}}`)
	redrive(int64(again))
	eventually(t, "the mended definition takes it", func() bool {
		return c.count(t, "SELECT count(*) FROM unwind.saga_events WHERE payload = '{\"id\":2}'") == 1
	})
	require.Equal(t, easy, c.sagas(t, "easy"))
	require.Equal(t, easy, written(), "the topic holds what its writer wrote")
}

// TestSubscriptionsFollowDefinitions: a topic that is made later, another version
// with another topic, a definition that is disabled, and a coordinator that leaves.
func TestSubscriptionsFollowDefinitions(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	late := "others-" + c.prefix + "late"
	c.listen(t, "patient", `{topic: `+late+`, key: "${event.value}"}`)
	eventually(t, "the missing topic is shown", func() bool {
		return scrape(t, c.metrics[0].MetricsURL())["event_topic_missing "+late] == 1
	})
	c.topic(t, "late", 6)
	c.tell(t, late, `"first"`)
	eventually(t, "it is read once it is there", func() bool { return c.sagas(t, "patient") == 1 })
	eventually(t, "and is shown as missing no more", func() bool {
		return scrape(t, c.metrics[0].MetricsURL())["event_topic_missing "+late] == 0
	})

	require.NoError(t, c.DisableDefinition(t.Context(), "patient", "not now"))
	eventually(t, "a disabled definition skips and counts", func() bool {
		c.tell(t, late, `"unheard"`)
		return c.heard(t, "patient", "disabled") > 0
	})
	require.NoError(t, c.EnableDefinition(t.Context(), "patient"))
	keys := func(like string) int {
		return c.count(t, "SELECT count(*) FROM unwind.start_keys WHERE key LIKE $1", like)
	}
	eventually(t, "it starts sagas again", func() bool {
		c.tell(t, late, `"heard"`)
		return keys("heard") == 1
	})

	const many = 200
	for n := range many {
		c.tell(t, late, fmt.Sprintf("%q", fmt.Sprint("o", n)))
		if n == many/2 {
			c.leave()
		}
	}
	eventually(t, "every event has started its saga, whoever left", func() bool { return keys("o%") == many })
	eventually(t, "and no other", func() bool { return c.sagas(t, "patient") == keys("%") })

	other := c.topic(t, "other", 1)
	c.listen(t, "patient", `{topic: `+other+`, key: "${event.value}"}`)
	eventually(t, "the newest version's topic is read", func() bool {
		c.tell(t, other, `"moved"`)
		return keys("moved") == 1
	})
	c.tell(t, late, `"too late"`)
	c.tell(t, other, `"last"`)
	eventually(t, "and the old one is not", func() bool { return keys("last") == 1 })
	require.Zero(t, keys("too late"))
}
