package office_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/deadletter/office"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/saga"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

const patience = 30 * time.Second

// newStore returns a store in a database of its own.
func newStore(t *testing.T) (*office.Store, *pgxpool.Pool) {
	t.Helper()
	url := testserver.Postgres(t)
	require.NoError(t, migrations.Up(t.Context(), url, "unwind", migrations.Outbox, migrations.Coordinator))
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	store, err := office.NewStore(office.StoreConfig{Pool: pool})
	require.NoError(t, err)
	return store, pool
}

// put stores letters.
func put(t *testing.T, pool *pgxpool.Pool, letters ...office.Letter) {
	t.Helper()
	var b pgx.Batch
	office.Queue(&b, "unwind", letters)
	require.NoError(t, pool.SendBatch(t.Context(), &b).Close())
}

// list returns all letters with their records, the oldest first.
func list(t *testing.T, store *office.Store) []office.Letter {
	t.Helper()
	page, _, err := store.List(t.Context(), office.Filter{})
	require.NoError(t, err)
	var letters []office.Letter
	for _, one := range slices.Backward(page) {
		l, err := store.Get(t.Context(), one.ID)
		require.NoError(t, err)
		letters = append(letters, l)
	}
	return letters
}

// strange is a record that only a careful hand keeps as it is.
func strange(topic string, offset int64) kafka.Record {
	return kafka.Record{
		Topic: topic, Partition: 0, Offset: offset, Timestamp: time.UnixMilli(1_700_000_000_123),
		Key: []byte{0xff, 0}, Value: []byte{0, 0xff, 0},
		Headers: []kafka.Header{
			{Key: "a", Value: []byte{}},
			{Key: "a"},
			{Key: "a", Value: []byte{0xff, 0}},
			{Key: "\xff\x00", Value: []byte("x")},
			{Key: saga.HeaderNamespace, Value: []byte("\x00'; DROP")},
			{Key: saga.HeaderStep, Value: []byte("\x00\xff")},
		},
	}
}
