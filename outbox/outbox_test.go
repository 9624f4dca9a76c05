package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/outbox"
)

const (
	wait = 20 * time.Second
	tick = 5 * time.Millisecond
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

func database(t testing.TB) *pgxpool.Pool {
	t.Helper()
	url := testserver.Postgres(t)
	require.NoError(t, migrations.Up(t.Context(), url, "unwind", migrations.Outbox))
	cfg, err := pgxpool.ParseConfig(url)
	require.NoError(t, err)
	cfg.MaxConns = 12
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// broker is a publisher that keeps a log. fail, if set, decides about each row;
// a row that fails may be in the log all the same.
type broker struct {
	mu   sync.Mutex
	log  []outbox.Row
	fail func(row outbox.Row) (logged bool, err error)
}

func (b *broker) Publish(_ context.Context, rows []outbox.Row, done func(i int, err error)) {
	for i, row := range rows {
		done(i, b.take(row))
	}
}

func (b *broker) take(row outbox.Row) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	logged, err := true, error(nil)
	if b.fail != nil {
		logged, err = b.fail(row)
	}
	if logged {
		b.log = append(b.log, row)
	}
	return err
}

func (b *broker) rows() []outbox.Row {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.log)
}

// payloads returns what was logged for key, first occurrences only.
func (b *broker) payloads(key string) []string {
	var got []string
	for _, row := range b.rows() {
		if p := string(row.Payload); row.Key == key && !slices.Contains(got, p) {
			got = append(got, p)
		}
	}
	return got
}

// requireOrder checks that first occurrences have rising ids, per key.
func requireOrder(t testing.TB, rows []outbox.Row) {
	t.Helper()
	seen, last := map[int64]bool{}, map[string]int64{}
	for _, row := range rows {
		if seen[row.ID] {
			continue
		}
		seen[row.ID] = true
		require.Greater(t, row.ID, last[row.Key], "key %s", row.Key)
		last[row.Key] = row.ID
	}
}

// run starts a relay that has every bucket.
func run(t testing.TB, pool *pgxpool.Pool, b outbox.Publisher, change func(*outbox.RelayConfig)) *outbox.Relay {
	t.Helper()
	cfg := outbox.RelayConfig{Pool: pool, Publisher: b, SweepEvery: 50 * time.Millisecond, DeleteAfter: 50 * time.Millisecond, RetryMin: time.Millisecond, RetryMax: 20 * time.Millisecond}
	if change != nil {
		change(&cfg)
	}
	r, err := outbox.NewRelay(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	require.NoError(t, r.Gain(t.Context(), all()...))
	return r
}

func all() []int {
	var buckets []int
	for b := range bucket.Count {
		buckets = append(buckets, b)
	}
	return buckets
}

func message(key string, n int) outbox.Message {
	return outbox.Message{Topic: "t", Key: key, Payload: fmt.Append(nil, n)}
}

// write commits messages and returns their rows.
func write(t testing.TB, pool *pgxpool.Pool, messages ...outbox.Message) []outbox.Row {
	t.Helper()
	var rows []outbox.Row
	require.NoError(t, pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		var b pgx.Batch
		outbox.DefaultSchema.Queue(&b, messages, func(ids []int64) { rows = outbox.Rows(messages, ids) })
		return tx.SendBatch(t.Context(), &b).Close()
	}))
	return rows
}

func left(t testing.TB, pool *pgxpool.Pool) (n int) {
	t.Helper()
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM unwind.outbox").Scan(&n))
	return n
}

func requireEmpty(t testing.TB, pool *pgxpool.Pool) {
	t.Helper()
	require.Eventually(t, func() bool { return left(t, pool) == 0 }, wait, tick, "every committed row is published and deleted")
}

func TestRowComesThroughByteForByte(t *testing.T) {
	t.Parallel()
	pool, b := database(t), &broker{}
	in := outbox.Message{
		Topic: "orders", Key: "k", Partition: outbox.Pin(0), Payload: []byte{0, 1, 255},
		Headers: []outbox.Header{{Key: "b", Value: nil}, {Key: "a", Value: []byte{}}, {Key: "b", Value: []byte("x\x00")}},
	}
	plain := outbox.Message{Topic: "orders", Key: "other"}
	require.NoError(t, pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		return outbox.Insert(t.Context(), tx, in, plain)
	}))
	run(t, pool, b, nil)
	requireEmpty(t, pool)
	rows := b.rows()
	require.Len(t, rows, 2)
	slices.SortFunc(rows, func(x, y outbox.Row) int { return int(x.ID - y.ID) })
	require.Equal(t, in, rows[0].Message)
	require.Equal(t, in.Bucket(), rows[0].Bucket)
	require.Nil(t, rows[1].Payload, "no value stays no value")
	_, pinned := rows[1].Partition.Pinned()
	require.False(t, pinned)
}

func TestAbortedTransactionPublishesNothing(t *testing.T) {
	t.Parallel()
	pool, b := database(t), &broker{}
	r := run(t, pool, b, nil)
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	require.NoError(t, outbox.Insert(t.Context(), tx, message("k", 1), message("k", 2)))
	require.NoError(t, tx.Rollback(t.Context()))
	write(t, pool, message("k", 3))
	r.Nudge()
	requireEmpty(t, pool)
	require.Equal(t, []string{"3"}, b.payloads("k"))
}

func TestInsertRefusesWithoutHarmToTheTransaction(t *testing.T) {
	t.Parallel()
	pool := database(t)
	require.NoError(t, pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		err := outbox.Insert(t.Context(), tx, message("a", 1), outbox.Message{Key: "\x00", Payload: make([]byte, outbox.MaxSize+1)})
		require.ErrorIs(t, err, outbox.ErrInvalid)
		for _, part := range []string{"message 2 of 2", "topic", "NUL", "bytes in all"} {
			require.ErrorContains(t, err, part)
		}
		require.NoError(t, outbox.Insert(t.Context(), tx))
		return outbox.Insert(t.Context(), tx, message("a", 1))
	}))
	require.Equal(t, 1, left(t, pool))
}

func TestHandedRowsAreNotReadBack(t *testing.T) {
	t.Parallel()
	pool, b := database(t), &broker{}
	r := run(t, pool, b, func(c *outbox.RelayConfig) { c.SweepEvery = time.Hour })
	for n := range 50 {
		r.Hand(write(t, pool, message("k", n), message("other", n)))
	}
	requireEmpty(t, pool)
	require.Zero(t, r.Stats().Swept)
	require.Len(t, b.rows(), 100, "each once")
	requireOrder(t, b.rows())
}

func TestSweepAndHandShareOneView(t *testing.T) {
	t.Parallel()
	pool, b := database(t), &broker{}
	r := run(t, pool, b, func(c *outbox.RelayConfig) { c.SweepEvery, c.DeleteAfter = time.Millisecond, 10*time.Millisecond })
	for n := range 200 {
		rows := write(t, pool, message(fmt.Sprint("k", n%7), n))
		if n%3 > 0 {
			r.Hand(rows)
		} else {
			r.Doubt(rows[0].Bucket) // as after a commit of unknown outcome
		}
	}
	requireEmpty(t, pool)
	require.Len(t, b.rows(), 200, "no row goes out twice while nothing fails")
	requireOrder(t, b.rows())
}

// Another key's later row must not make the sweep pass by a row that commits late.
func TestLateCommitOfALowerIDIsFound(t *testing.T) {
	t.Parallel()
	pool, b := database(t), &broker{}
	run(t, pool, b, nil)
	slow, err := pool.Begin(t.Context())
	require.NoError(t, err)
	require.NoError(t, outbox.Insert(t.Context(), slow, message("slow", 1)))
	write(t, pool, message("fast", 1))
	requireEmpty(t, pool)
	require.Equal(t, []string{"1"}, b.payloads("fast"))
	require.NoError(t, slow.Commit(t.Context()))
	requireEmpty(t, pool)
	require.Equal(t, []string{"1"}, b.payloads("slow"))
}

func TestRowWithForeignHeadersHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	pool, b := database(t), &broker{}
	_, err := pool.Exec(t.Context(), `INSERT INTO unwind.outbox (bucket, topic, key, headers) VALUES (1, 't', 'x', '\x99')`)
	require.NoError(t, err)
	write(t, pool, message("k", 1))
	run(t, pool, b, nil)
	require.Eventually(t, func() bool { return left(t, pool) == 1 }, wait, tick)
	require.Equal(t, []string{"1"}, b.payloads("k"))
}

func TestLockKeyPutsIDsInTheOrderOfCommits(t *testing.T) {
	t.Parallel()
	pool := database(t)
	first, err := pool.Begin(t.Context())
	require.NoError(t, err)
	require.NoError(t, outbox.LockKey(t.Context(), first, "k"))
	second := make(chan error, 1)
	go func() {
		second <- pgx.BeginFunc(context.Background(), pool, func(tx pgx.Tx) error {
			return errors.Join(outbox.LockKey(context.Background(), tx, "k"), outbox.Insert(context.Background(), tx, message("k", 2)))
		})
	}()
	require.Eventually(t, func() bool {
		var waiting int
		require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())").Scan(&waiting))
		return waiting == 1
	}, wait, tick)
	require.NoError(t, outbox.Insert(t.Context(), first, message("k", 1)))
	require.NoError(t, first.Commit(t.Context()))
	require.NoError(t, <-second)
	var order string
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT string_agg(convert_from(payload, 'UTF8'), ',' ORDER BY id) FROM unwind.outbox").Scan(&order))
	require.Equal(t, "1,2", order)
}

func TestRelayConfigFaultsComeTogether(t *testing.T) {
	t.Parallel()
	_, err := outbox.NewRelay(outbox.RelayConfig{BatchMax: -1, MaxTx: -1})
	for _, part := range []string{"Pool", "Publisher", "limits", "times"} {
		require.ErrorContains(t, err, part)
	}
	require.Equal(t, 4, strings.Count(err.Error(), "outbox relay"))
}
