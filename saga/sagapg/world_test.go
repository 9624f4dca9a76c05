package sagapg_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/internal/lease"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/sagapg"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// world is a coordinator on a real Postgres, with a bus and participants in
// memory.
type world struct {
	pool  *pgxpool.Pool
	store *faulty
	c     *coordinator.Coordinator
	bus   *bus
	meter *tally
}

var keys = saga.Keys{{ID: "k1", Secret: []byte("0123456789abcdef0123456789abcdef")}}

func setup(t *testing.T, defs ...saga.Definition) *world {
	t.Helper()
	return gated(t, nil, defs...)
}

// gated is setup with a gate.
func gated(t *testing.T, gate coordinator.Gate, defs ...saga.Definition) *world {
	t.Helper()
	return tuned(t, func(cfg *coordinator.Config) { cfg.Gate = gate }, defs...)
}

// tuned is setup with other settings.
func tuned(t *testing.T, tune func(cfg *coordinator.Config), defs ...saga.Definition) *world {
	t.Helper()
	url := testserver.Postgres(t)
	require.NoError(t, migrations.Up(t.Context(), url, "unwind", migrations.Outbox, migrations.Coordinator))
	pool, err := pgxpool.New(t.Context(), url+"&pool_max_conns=20")
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	store, err := sagapg.New(sagapg.Config{Pool: pool})
	require.NoError(t, err)
	w := &world{pool: pool, store: &faulty{Store: store}, bus: newBus(), meter: &tally{}}
	deciders := library{}
	for _, def := range defs {
		m, err := saga.Compile(def)
		require.NoError(t, err)
		deciders[def.Name] = m
	}
	cfg := coordinator.Config{
		Store: w.store, Definitions: deciders, Admission: deciders, Relay: w.bus, Replies: w.bus,
		SaveOffsets: w.bus.save, Meter: w.meter,
		Keys: keys, Incarnation: 1, Writers: 4, CheckEvery: 20 * time.Millisecond, FarEvery: 50 * time.Millisecond,
	}
	tune(&cfg)
	w.c, err = coordinator.New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.c.Run(ctx) }()
	t.Cleanup(func() {
		w.c.Lose(all())
		cancel()
		require.NoError(t, <-ended)
	})
	w.c.Gain(ctx, all())
	return w
}

func all() []lease.Held {
	held := make([]lease.Held, bucket.Count)
	for i := range held {
		held[i] = lease.Held{Bucket: i, ReadOffset: -1}
	}
	return held
}

// start starts a saga and fails the test if that fails.
func (w *world) start(t *testing.T, definition, input string) saga.ID {
	t.Helper()
	res, err := w.c.Start(t.Context(), coordinator.StartRequest{
		Namespace: "default", Definition: definition, Version: "r1", Input: saga.JSON([]byte(input)),
	})
	require.NoError(t, err)
	return res.ID
}

// state reads a saga's committed state.
func (w *world) state(t *testing.T, id saga.ID) saga.State {
	t.Helper()
	b, err := w.store.Store.Begin(t.Context(), coordinator.Load{Sagas: []saga.ID{id}})
	require.NoError(t, err)
	defer b.Abort(context.Background())
	row, ok := b.Saga(id)
	require.True(t, ok, "saga %s is stored", id)
	return row.State
}

// ends waits until the saga has the status.
func (w *world) ends(t *testing.T, id saga.ID, status saga.Status) {
	t.Helper()
	require.Eventually(t, func() bool { return w.state(t, id).Status == status }, 20*time.Second, 5*time.Millisecond,
		"saga %s becomes %s", id, status)
}

// library is a coordinator.Definitions in memory.
type library map[string]saga.Decider

func (l library) Decider(_, name, _ string) (saga.Decider, bool) {
	d, ok := l[name]
	return d, ok
}

func (l library) Load(_ context.Context, _, name, _ string) error {
	if _, ok := l[name]; !ok {
		return coordinator.ErrNoDefinition
	}
	return nil
}

// faulty is a Store whose commits fail as told.
type faulty struct {
	*sagapg.Store
	mu     sync.Mutex
	commit func(w *coordinator.Writes) (before, after error)
}

func (f *faulty) set(commit func(w *coordinator.Writes) (before, after error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commit = commit
}

func (f *faulty) Begin(ctx context.Context, load coordinator.Load) (coordinator.Batch, error) {
	b, err := f.Store.Begin(ctx, load)
	if err != nil {
		return nil, err
	}
	return &faultyBatch{Batch: b, f: f}, nil
}

type faultyBatch struct {
	coordinator.Batch
	f *faulty
}

func (b *faultyBatch) Commit(ctx context.Context, w *coordinator.Writes) error {
	b.f.mu.Lock()
	commit := b.f.commit
	b.f.mu.Unlock()
	if commit == nil {
		return b.Batch.Commit(ctx, w)
	}
	before, after := commit(w)
	if before != nil {
		b.Abort(ctx)
		return before
	}
	return errors.Join(b.Batch.Commit(ctx, w), after)
}

// bus is the relay, the broker and the participants, all in memory. answer
// decides what a participant says to a command; nil is silence.
type bus struct {
	mu      sync.Mutex
	answer  func(cmd saga.Command) []saga.Reply
	down    bool
	held    map[string]int
	sent    []saga.Command
	offsets map[int32]int64
	queue   chan kafka.Record
	moved   []outbox.Row

	stopped  chan error      // what Poll answers next
	assigned map[int32]int64 // the last offset of each partition to be assigned
	saved    map[int]int64
}

func (b *bus) save(_ context.Context, offsets map[int]int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.Copy(b.saved, offsets)
	return nil
}

func (b *bus) Assign(partition int32, offset int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.assigned[partition] = offset
	return nil
}

func newBus() *bus {
	return &bus{
		answer: succeed, offsets: map[int32]int64{}, queue: make(chan kafka.Record, 100_000), held: map[string]int{},
		stopped: make(chan error, 1), assigned: map[int32]int64{}, saved: map[int]int64{},
	}
}

func succeed(cmd saga.Command) []saga.Reply { return []saga.Reply{replyTo(cmd, saga.Succeeded)} }

func replyTo(cmd saga.Command, outcome saga.Outcome) saga.Reply {
	return saga.Reply{
		ID: cmd.ID, Participant: cmd.Participant, Attempt: cmd.Attempt, Epoch: cmd.Epoch, Outcome: outcome,
		Payload: saga.JSON([]byte(`{}`)), Route: cmd.Route,
	}
}

func (b *bus) answers(f func(cmd saga.Command) []saga.Reply) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = f
}

func (b *bus) Gain(context.Context, ...int) error              { return nil }
func (b *bus) Doubt(...int)                                    {}
func (b *bus) Deleted([]int64)                                 {}
func (b *bus) Lose(...int)                                     {}
func (b *bus) ReturnSent([]int64)                              {}
func (b *bus) Revoke(int32)                                    {}
func (b *bus) TakeSent(func(int) bool, int, int) (ids []int64) { return nil }

func (b *bus) Unsent(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held[key] > 0
}

func (b *bus) Hand(rows []outbox.Row) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, row := range rows {
		if n, pinned := row.Partition.Pinned(); pinned { // a reply that was misplaced
			b.moved = append(b.moved, row)
			b.put(row.Headers, row.Payload, n)
			continue
		}
		cmd, err := saga.DecodeCommand(row.Headers, row.Payload)
		if err != nil {
			panic(err)
		}
		b.sent = append(b.sent, cmd)
		for _, reply := range b.answer(cmd) {
			b.put(saga.ReplyHeaders(row.Headers, reply, time.Now()), reply.Payload.Data, reply.Route.ReplyPartition)
		}
	}
}

// say sends a participant's reply to a command that it has had.
func (b *bus) say(cmd saga.Command, outcome saga.Outcome, payload string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	reply := replyTo(cmd, outcome)
	reply.Payload = saga.JSON([]byte(payload))
	b.put(saga.ReplyHeaders(saga.CommandHeaders(cmd, time.Now()), reply, time.Now()), reply.Payload.Data, cmd.Route.ReplyPartition)
}

// put appends a record to a reply partition. The caller holds the lock.
func (b *bus) put(headers []saga.Header, value []byte, partition int32) {
	b.queue <- kafka.Record{Topic: "unwind.replies.g1", Partition: partition, Offset: b.offsets[partition], Headers: headers, Value: value}
	b.offsets[partition]++
}

func (b *bus) Poll(ctx context.Context, limit int) ([]kafka.Record, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case err := <-b.stopped:
		return nil, err
	case rec := <-b.queue:
		list := []kafka.Record{rec}
		for len(list) < limit && len(b.queue) > 0 {
			list = append(list, <-b.queue)
		}
		return list, nil
	}
}

func (b *bus) HighWater(_ context.Context, partitions []int32) (map[int32]int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return nil, errors.New("the broker is away")
	}
	ends := map[int32]int64{}
	for _, p := range partitions {
		ends[p] = b.offsets[p]
	}
	return ends, nil
}

// commands returns what was sent, as "step/direction@attempt".
func (b *bus) commands(id saga.ID) []saga.Command {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []saga.Command
	for _, cmd := range b.sent {
		if cmd.ID.Saga == id {
			list = append(list, cmd)
		}
	}
	return list
}
