package e2e

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
)

const (
	oldSagas = 4000 // that ended a month ago
	oldNeedy = 10   // of those, need a person
)

// insertOld writes sagas that ended a month ago, each with five events and a start key.
const insertOld = `WITH old AS (INSERT INTO unwind.sagas (id, namespace, definition, version, level, status, attention, bucket, seq, started_at, changed_at, state)
	SELECT (lpad(to_hex((extract(epoch FROM now() - interval '30 days') * 1000)::bigint + n), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid,
		'default', 'old', 'r1', 1, 3, CASE WHEN n <= $2 THEN '{pivot-unknown}'::text[] ELSE '{}' END, 0, 5, now() - interval '30 days', now() - interval '30 days', ''
	FROM generate_series(1, $1::int) AS n RETURNING id),
keys AS (INSERT INTO unwind.start_keys (namespace, key, hash, saga) SELECT 'default', 'old ' || id, '', id FROM old)
INSERT INTO unwind.saga_events (saga, seq, at, kind, payload) SELECT id, s, now() - interval '30 days', 'replied', '{}' FROM old, generate_series(1, 5) AS s`

// TestDeletionOutlivesItsCoordinator: thousands of sagas of long ago are deleted beside a
// load. The coordinator that is at it is killed with -9; the other one goes on, deletes
// all of them with all that belongs to them, and leaves those that need a person.
func TestDeletionOutlivesItsCoordinator(t *testing.T) {
	t.Parallel()
	w := &world{
		t: t, database: testserver.Postgres(t), brokers: testserver.Kafka(t), prefix: "e2e." + strings.ToLower(rand.Text()[:8]) + ".", taps: map[string]*tap{},
		extra: []string{"UNWIND_RETENTION_SHORT=24h", "UNWIND_RETENTION_STANDARD=240h", "UNWIND_RETENTION_RATE=400"},
	}
	w.raise(t, 0)
	_, err := w.pool.Exec(t.Context(), insertOld, oldSagas, oldNeedy)
	require.NoError(t, err)
	w.nodes = []*node{{}, {}}
	w.begin(0)
	w.begin(1)
	w.define(t)
	bound := boundary(t, w)
	left := func(table, column string) (n int) {
		require.NoError(t, w.pool.QueryRow(t.Context(), fmt.Sprintf(
			"SELECT count(*) FROM unwind.%s WHERE %s < $1::uuid", table, column), bound).Scan(&n))
		return n
	}
	first := w.startMany(t, 20, func(int) (string, script) { return "steady", nil })
	eventually(t, "some are deleted", func() bool { return left("sagas", "id") < oldSagas-200 })
	at := w.deletes(t)
	w.nodes[at].kill()
	halfway := left("sagas", "id")
	require.Greater(t, halfway, oldNeedy, "it was killed in the midst of it")
	w.begin(at)
	second := w.startMany(t, 20, func(int) (string, script) { return "steady", nil })
	eventually(t, "all are deleted", func() bool { return left("sagas", "id") <= oldNeedy })
	for _, id := range append(first, second...) {
		w.ended(t, id, saga.Completed)
	}
	eventually(t, "their keys are, too", func() bool { return left("start_keys", "saga") <= oldNeedy })
	require.Equal(t, [2]int{oldNeedy, 5 * oldNeedy}, [2]int{left("sagas", "id"), left("saga_events", "saga")}, "nothing is left behind, and what stays is whole")
	t.Logf("killed with %d of %d left", halfway, oldSagas)
}

// boundary is an id between those of a month ago and those of today.
func boundary(t *testing.T, w *world) (id string) {
	t.Helper()
	require.NoError(t, w.pool.QueryRow(t.Context(),
		`SELECT (lpad(to_hex((extract(epoch FROM now() - interval '20 days') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid::text`).Scan(&id))
	return id
}

// deletes returns the coordinator that has bucket 0: it deletes.
func (w *world) deletes(t *testing.T) int {
	t.Helper()
	var owner string
	require.NoError(t, w.pool.QueryRow(t.Context(), "SELECT owner FROM unwind.buckets WHERE bucket = 0").Scan(&owner))
	for i, n := range w.nodes {
		if strings.Contains(owner, fmt.Sprintf("/%d/", n.cmd.Process.Pid)) {
			return i
		}
	}
	require.FailNow(t, "nobody has bucket 0", owner)
	return 0
}
