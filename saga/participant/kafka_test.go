package participant

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
)

const (
	replyPartitions = 8 // of the tests' reply topics; ask.record names partition 7
	patience        = 60 * time.Second
)

// coordinator is a hand-written one: it produces commands and reads replies.
type coordinator struct {
	t        *testing.T
	cfg      Config
	commands string
	replies  string
	producer *kafka.Producer
	reader   *kafka.Reader
}

// newCoordinator makes topics of its own for participant flights.
func newCoordinator(t *testing.T) *coordinator {
	t.Helper()
	cfg := kafka.Config{Brokers: testserver.Kafka(t)}
	unique := strings.ToLower(rand.Text()[:8])
	c := &coordinator{t: t, replies: unique + ".replies"}
	c.cfg = Config{
		Name: "flights", Kafka: cfg, TopicPrefix: unique + ".", Group: unique, Concurrency: 8,
		RetryMax: 100 * time.Millisecond, DrainTimeout: 10 * time.Second,
	}
	c.commands = c.cfg.topic()
	admin, err := kafka.NewAdmin(cfg)
	require.NoError(t, err)
	require.NoError(t, admin.Create(t.Context(),
		kafka.Topic{Name: c.commands, Partitions: 4, ReplicationFactor: 1},
		kafka.Topic{Name: deadletter.Topic(c.commands), Partitions: 1, ReplicationFactor: 1},
		kafka.Topic{Name: c.replies, Partitions: replyPartitions, ReplicationFactor: 1}))
	c.producer, err = kafka.NewProducer(cfg)
	require.NoError(t, err)
	c.reader, err = kafka.NewReader(kafka.ReaderConfig{Config: cfg, Topic: c.replies})
	require.NoError(t, err)
	require.NoError(t, c.reader.Assign(7, 0))
	t.Cleanup(func() {
		_ = c.reader.Close()
		_ = c.producer.Close(context.Background())
		_ = admin.Delete(context.Background(), c.commands, deadletter.Topic(c.commands), c.replies)
	})
	return c
}

// send produces a command as it is.
func (c *coordinator) send(r kafka.Record) {
	c.t.Helper()
	r.Topic, r.Partition = c.commands, kafka.ByKey
	ended := make(chan error, 1)
	c.producer.Produce(c.t.Context(), []kafka.Record{r}, func(_ int, _ int32, _ int64, err error) { ended <- err })
	require.NoError(c.t, <-ended)
}

// ask sends a command that is to be answered to this coordinator.
func (c *coordinator) ask(a ask) {
	c.t.Helper()
	a.replyTopic = c.replies
	c.send(a.record())
}

// await reads n replies, whatever their order.
func (c *coordinator) await(n int) []saga.Reply {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	var replies []saga.Reply
	for len(replies) < n {
		records, err := c.reader.Poll(ctx, n-len(replies))
		require.NoError(c.t, err)
		for _, r := range records {
			reply, err := saga.DecodeReply(r.Headers, r.Value)
			require.NoError(c.t, err)
			require.Equal(c.t, reply.ID.Saga.String(), string(r.Key))
			replies = append(replies, reply)
		}
	}
	return replies
}

// start runs p until stop is called, which returns Run's error.
func (c *coordinator) start(p *Participant) (stop func()) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(c.t, <-ended)
		}
	}
	c.t.Cleanup(stop)
	select {
	case <-p.Running():
	case err := <-ended:
		ended <- err
		require.NoError(c.t, err)
	}
	return stop
}

func TestThroughARealBroker(t *testing.T) {
	t.Parallel()
	c := newCoordinator(t)
	f := newFixture(t, func(cfg *Config) { c.cfg.Pool = cfg.Pool; *cfg = c.cfg })
	c.start(f.p)
	id := newSaga()
	c.send(kafka.Record{Key: []byte(id.String()), Value: []byte("\x00junk"), Headers: []kafka.Header{{Key: "a"}, {Key: "a", Value: []byte{}}}})
	c.ask(ask{saga: id})
	done := c.await(1)[0]
	require.Equal(t, saga.Succeeded, done.Outcome)
	c.ask(ask{saga: id, attempt: 2})
	require.Equal(t, done.Payload, c.await(1)[0].Payload)
	c.ask(ask{saga: id, undo: true, epoch: 2})
	require.Equal(t, saga.Succeeded, c.await(1)[0].Outcome)
	c.ask(ask{saga: id, epoch: 3})
	require.Equal(t, ReasonUndone, c.await(1)[0].Reason)
	do, undo := f.effects(id)
	require.Equal(t, []int{1, 1}, []int{do, undo})
	c.checkDeadLetter("\x00junk")
}

// checkDeadLetter reads the one dead letter.
func (c *coordinator) checkDeadLetter(value string) {
	c.t.Helper()
	reader, err := kafka.NewReader(kafka.ReaderConfig{Config: c.cfg.Kafka, Topic: deadletter.Topic(c.commands)})
	require.NoError(c.t, err)
	defer func() { _ = reader.Close() }()
	require.NoError(c.t, reader.Assign(0, 0))
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	records, err := reader.Poll(ctx, 10)
	require.NoError(c.t, err)
	require.Len(c.t, records, 1)
	original, why, err := deadletter.Original(records[0])
	require.NoError(c.t, err)
	require.Equal(c.t, value, string(original.Value))
	require.Equal(c.t, []kafka.Header{{Key: "a"}, {Key: "a", Value: []byte{}}}, original.Headers)
	require.Equal(c.t, classUndecodable, why.Class)
}

// The handler that runs when Run's context ends is not cut off, and its reply
// leaves before Run returns.
func TestShutdownDrains(t *testing.T) {
	t.Parallel()
	c := newCoordinator(t)
	f := newFixture(t, func(cfg *Config) { c.cfg.Pool = cfg.Pool; *cfg = c.cfg })
	entered, leave := make(chan struct{}), make(chan struct{})
	Handle(f.p, "try", func(ctx context.Context, _ pgx.Tx, _ booking) (ticket, error) {
		close(entered)
		<-leave
		return ticket{"T1"}, ctx.Err()
	})
	stop := c.start(f.p)
	c.ask(ask{saga: newSaga(), name: "try"})
	<-entered
	ended := make(chan struct{})
	go func() { defer close(ended); stop() }()
	require.Eventually(t, func() bool {
		select {
		case <-f.p.draining:
			return true
		default:
			return false
		}
	}, patience, time.Millisecond)
	close(leave)
	<-ended
	require.Equal(t, saga.Succeeded, c.await(1)[0].Outcome)
}

// Two instances share the group, the guard and the outbox; one of them ends in
// the middle of it. Every command is answered, every effect is there once.
func TestTwoInstancesOneEnds(t *testing.T) {
	t.Parallel()
	const sagas = 200
	c := newCoordinator(t)
	f := newFixture(t, func(cfg *Config) { c.cfg.Pool = cfg.Pool; *cfg = c.cfg })
	second, err := New(c.cfg)
	require.NoError(t, err)
	Handle(second, "book", book)
	HandleUndo(second, "cancel", cancel)
	c.start(f.p)
	stop := c.start(second)
	want := map[saga.ID]bool{}
	for i := range sagas {
		id := newSaga()
		want[id] = true
		c.ask(ask{saga: id})
		c.ask(ask{saga: id, attempt: 2})
		if i == sagas/2 {
			stop()
		}
	}
	for len(want) > 0 {
		for _, r := range c.await(1) {
			require.Equal(t, saga.Succeeded, r.Outcome)
			delete(want, r.ID.Saga)
		}
	}
	var steps, twice int
	require.NoError(t, f.pool.QueryRow(t.Context(),
		`SELECT count(*), count(*) FILTER (WHERE n > 1) FROM (SELECT count(*) AS n FROM ledger GROUP BY saga, direction) AS effects`).Scan(&steps, &twice))
	require.Equal(t, []int{sagas, 0}, []int{steps, twice})
}

func TestWithoutADatabaseThroughARealBroker(t *testing.T) {
	t.Parallel()
	c := newCoordinator(t)
	p, err := New(c.cfg)
	require.NoError(t, err)
	var calls atomic.Int32
	HandleFunc(p, "book", func(context.Context, booking) (ticket, error) {
		calls.Add(1)
		return ticket{"T1"}, nil
	})
	c.start(p)
	c.ask(ask{saga: newSaga()})
	reply := c.await(1)[0]
	var got ticket
	require.NoError(t, json.Unmarshal(reply.Payload.Data, &got))
	require.Equal(t, ticket{"T1"}, got)
	require.Equal(t, int32(1), calls.Load())
}

// While its database is away a participant answers nothing and acknowledges
// nothing; afterwards every command is answered, its effect there once.
func TestDatabaseAwayAndBack(t *testing.T) {
	t.Parallel()
	server := testserver.RestartablePostgres(t)
	c := newCoordinator(t)
	pool := migrate(t, server.URL(), "flights")
	f := newFixture(t, func(cfg *Config) { c.cfg.Pool = pool; *cfg = c.cfg })
	f.pool = pool
	c.start(f.p)
	c.ask(ask{saga: newSaga()})
	require.Equal(t, saga.Succeeded, c.await(1)[0].Outcome)
	server.Kill()
	ids := map[saga.ID]bool{}
	for range 20 {
		id := newSaga()
		ids[id] = true
		c.ask(ask{saga: id})
	}
	require.Eventually(t, func() bool { return f.p.troubles.Load() > 2 }, patience, time.Millisecond)
	require.NoError(t, server.Start(t.Context()))
	for len(ids) > 0 {
		reply := c.await(1)[0]
		require.Equal(t, saga.Succeeded, reply.Outcome, reply.Reason)
		delete(ids, reply.ID.Saga)
	}
	var effects int
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM ledger`).Scan(&effects))
	require.Equal(t, 21, effects)
}
