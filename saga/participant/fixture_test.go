package participant

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// booking is the input of the tests' commands: what the handler is to do.
type booking struct {
	Seat   int    `json:"seat"`
	Reject string `json:"reject,omitempty"`
	Fail   string `json:"fail,omitempty"`
}

// ticket is their result.
type ticket struct {
	Number string `json:"number"`
}

// fixture is a participant on a fresh database, without Kafka: records are
// delivered by calling take, and replies are read from the outbox.
type fixture struct {
	t    testing.TB
	p    *Participant
	pool *pgxpool.Pool
	sent *capture
}

// newFixture has a ledger of effects that book and cancel write to.
func newFixture(t testing.TB, change ...func(*Config)) *fixture {
	t.Helper()
	pool := newPool(t, "flights")
	cfg := Config{Name: "flights", Pool: pool, Kafka: kafka.Config{Brokers: []string{"127.0.0.1:1"}}, RetryMax: time.Millisecond}
	for _, f := range change {
		f(&cfg)
	}
	p, err := New(cfg)
	require.NoError(t, err)
	f := &fixture{t: t, p: p, pool: pool, sent: &capture{}}
	p.producer = f.sent
	Handle(p, "book", book)
	HandleUndo(p, "cancel", cancel)
	return f
}

// newPool migrates a schema in a fresh database.
func newPool(t testing.TB, schema string) *pgxpool.Pool {
	t.Helper()
	return migrate(t, testserver.Postgres(t), schema)
}

// migrate makes the schema and the ledger in the database of that URL.
func migrate(t testing.TB, url, schema string) *pgxpool.Pool {
	t.Helper()
	require.NoError(t, migrations.Up(t.Context(), url, schema, migrations.Outbox, migrations.Participant))
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	_, err = pool.Exec(t.Context(), `CREATE TABLE ledger (saga text, step text, direction text, done text)`)
	require.NoError(t, err)
	return pool
}

// note writes an effect into the ledger.
func note(ctx context.Context, tx pgx.Tx, done string) error {
	id := Info(ctx).ID
	_, err := tx.Exec(ctx, `INSERT INTO ledger VALUES ($1, $2, $3, $4)`, id.Saga.String(), id.Step.String(), id.Direction.String(), done)
	return err
}

func book(ctx context.Context, tx pgx.Tx, in booking) (ticket, error) {
	if err := note(ctx, tx, ""); err != nil {
		return ticket{}, err
	}
	switch {
	case in.Reject != "":
		return ticket{}, Reject(in.Reject)
	case in.Fail != "":
		return ticket{}, errors.New(in.Fail)
	}
	return ticket{Number: "T" + rand.Text()[:6]}, nil
}

func cancel(ctx context.Context, tx pgx.Tx, in booking, done *ticket) error {
	number := "none"
	if done != nil {
		number = done.Number
	}
	if err := note(ctx, tx, number); err != nil {
		return err
	}
	if in.Fail != "" {
		return errors.New(in.Fail)
	}
	return nil
}

// effects counts what is in the ledger of one saga.
func (f *fixture) effects(id saga.ID) (do, undo int) {
	f.t.Helper()
	err := f.pool.QueryRow(context.Background(),
		`SELECT count(*) FILTER (WHERE direction = 'do'), count(*) FILTER (WHERE direction = 'undo') FROM ledger WHERE saga = $1`, id.String()).
		Scan(&do, &undo)
	require.NoError(f.t, err)
	return do, undo
}

// replies takes everything out of the outbox, oldest first.
func (f *fixture) replies() []outbox.Message {
	f.t.Helper()
	rows, err := f.pool.Query(context.Background(), `DELETE FROM flights.outbox RETURNING id, topic, partition, key, headers, payload`)
	require.NoError(f.t, err)
	byID := map[int64]outbox.Message{}
	var m outbox.Message
	var id int64
	var partition int32
	var headers []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &m.Topic, &partition, &m.Key, &headers, &m.Payload}, func() error {
		m.Partition = outbox.Pin(partition)
		var err error
		m.Headers, err = outbox.DecodeHeaders(headers)
		byID[id] = m
		m = outbox.Message{}
		headers = nil
		return err
	})
	require.NoError(f.t, err)
	return sorted(byID)
}

// reply is the one reply in the outbox.
func (f *fixture) reply() saga.Reply {
	f.t.Helper()
	all := f.replies()
	require.Len(f.t, all, 1)
	r, err := saga.DecodeReply(all[0].Headers, all[0].Payload)
	require.NoError(f.t, err)
	return r
}

// give delivers a record and returns the reply to it.
func (f *fixture) give(r kafka.Record) saga.Reply {
	f.t.Helper()
	require.NoError(f.t, f.p.take(context.Background(), r))
	return f.reply()
}

// ask is a command for the tests, by default the do of step fly at epoch 1.
type ask struct {
	saga        saga.ID
	step        string
	undo        bool
	name        string
	incarnation int64
	epoch       int
	attempt     int
	value       string
	replyTopic  string
}

// record writes the command as the coordinator would.
func (a ask) record() kafka.Record {
	cmd := saga.Command{
		ID:          saga.CommandID{Saga: a.saga, Step: saga.StepRef{Name: cmp.Or(a.step, "fly")}, Direction: saga.Do},
		Participant: "flights", Name: cmp.Or(a.name, "book"), Definition: "trip", Version: "r1",
		Attempt: cmp.Or(a.attempt, 1), Epoch: cmp.Or(a.epoch, 1), Deadline: time.Now().Add(time.Minute),
		Payload: saga.JSON([]byte(cmp.Or(a.value, `{"seat":3}`))),
		Route: saga.Route{
			Namespace: "default", Incarnation: cmp.Or(a.incarnation, 1), ReplyTopic: cmp.Or(a.replyTopic, "unwind.replies.g1"), ReplyPartition: 7, Token: "k1.abc",
		},
	}
	if a.undo {
		cmd.ID.Direction, cmd.Name = saga.Undo, cmp.Or(a.name, "cancel")
	}
	return kafka.Record{
		Topic: "unwind.commands.flights", Key: []byte(a.saga.String()), Value: cmd.Payload.Data, Headers: saga.CommandHeaders(cmd, time.Now()),
	}
}

// newSaga returns a fresh saga id.
func newSaga() (id saga.ID) {
	_, _ = rand.Read(id[:])
	return id
}

// sorted returns the messages in the order of their ids.
func sorted(byID map[int64]outbox.Message) []outbox.Message {
	var all []outbox.Message
	for len(byID) > 0 {
		least := int64(1) << 62
		for id := range byID {
			least = min(least, id)
		}
		all = append(all, byID[least])
		delete(byID, least)
	}
	return all
}

// capture is a producer that keeps what it is given, and fails with fault.
type capture struct {
	mu      sync.Mutex
	records []kafka.Record
	fault   error
}

func (c *capture) Produce(_ context.Context, records []kafka.Record, done func(int, int32, int64, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, r := range records {
		if c.fault == nil {
			c.records = append(c.records, r)
		}
		done(i, 0, 0, c.fault)
	}
}
