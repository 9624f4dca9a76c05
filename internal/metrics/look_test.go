package metrics

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
)

func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	url := testserver.Postgres(t)
	require.NoError(t, migrations.Up(t.Context(), url, "unwind", migrations.Outbox, migrations.Coordinator))
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

const insertSagas = `INSERT INTO unwind.sagas (id, namespace, definition, version, level, status, attention, bucket, seq, started_at, changed_at, state)
SELECT gen_random_uuid(), 'default', 'trip', 'r1', 1, CASE WHEN i % 4 = 0 THEN 3 ELSE i % 4 END,
    CASE WHEN i <= 2 THEN '{pivot-unknown,undeliverable}'::text[] ELSE '{}' END, i % 64, 5,
    clock_timestamp() - interval '1 h', clock_timestamp(), '\x00' FROM generate_series(1, 40) AS i`

func TestALookAtTheDatabase(t *testing.T) {
	t.Parallel()
	pool := database(t)
	m, err := New(Config{Pool: pool, LookEvery: time.Nanosecond, Definition: func(string, string, string) (saga.Definition, bool) {
		return trip, true
	}})
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), insertSagas)
	require.NoError(t, err)
	cmd := saga.Command{ID: saga.CommandID{Saga: saga.ID{1}, Step: saga.StepRef{Name: "flight"}, Direction: saga.Do}, Participant: "flights", Name: "reserve"}
	_, err = pool.Exec(t.Context(), `INSERT INTO unwind.outbox (bucket, topic, key, headers) SELECT 0, 't', 'k', $1 FROM generate_series(1, 3)`,
		outbox.EncodeHeaders(saga.CommandHeaders(cmd, time.Now().Add(-time.Minute))))
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `INSERT INTO unwind.far_wakes (bucket, at, saga) VALUES (1, now(), gen_random_uuid())`)
	require.NoError(t, err)

	page := show(t, m, "")
	for _, line := range []string{
		`unwind_sagas_active{definition="trip",status="running"} 10`,
		`unwind_sagas_active{definition="trip",status="compensating"} 10`,
		`unwind_sagas_attention{definition="trip",reason="pivot-unknown"} 2`,
		`unwind_sagas_attention{definition="trip",reason="undeliverable"} 2`,
		`unwind_definition_info{definition="trip",owner="team travel"} 1`,
		`unwind_attention_oldest_saga_age_seconds 36`,
		`unwind_outbox_rows 3`, `unwind_outbox_oldest_age_seconds 6`, `unwind_far_wakes 1`, `unwind_kept_messages 0`,
	} {
		require.Contains(t, page, line)
	}
}

func TestALookIsKeptAndAFailedOneShowsNothing(t *testing.T) {
	t.Parallel()
	pool := database(t)
	m, err := New(Config{Pool: pool, LookEvery: time.Hour})
	require.NoError(t, err)
	require.Contains(t, show(t, m, ""), "unwind_outbox_rows 0")
	_, err = pool.Exec(t.Context(), `INSERT INTO unwind.outbox (bucket, topic, key) VALUES (0, 't', 'k')`)
	require.NoError(t, err)
	require.Contains(t, show(t, m, ""), "unwind_outbox_rows 0", "the look is kept")

	again, err := New(Config{Pool: pool, LookEvery: time.Nanosecond})
	require.NoError(t, err)
	require.Contains(t, show(t, again, ""), "unwind_outbox_rows 1")
	_, err = pool.Exec(t.Context(), `DROP TABLE unwind.outbox`)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return !strings.Contains(show(t, again, ""), "unwind_outbox_rows ") }, time.Minute, 10*time.Millisecond)
	require.Positive(t, testutil.ToFloat64(again.scrapes))
}

func TestGroupsAreBounded(t *testing.T) {
	t.Parallel()
	m, err := New(Config{MaxSeries: 2})
	require.NoError(t, err)
	g := newLook(m).groups(sagasActive)
	for _, name := range []string{"a", "b", "c", "d"} {
		g.add(1, name, "running")
	}
	require.Len(t, g.values(), 3)
	require.InDelta(t, 2, g.sums["other\x00other"], 0)
}

// TestLooksUseTheirIndexes also where the tables are new and nothing is known of
// them.
func TestLooksUseTheirIndexes(t *testing.T) {
	t.Parallel()
	pool := database(t)
	require.NoError(t, pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), setLimits, "2000")
		require.NoError(t, err)
		for query, index := range map[string]string{
			countActive: "sagas_active", countAttention: "sagas_attention", countOutbox: "outbox_pkey", oldestOutbox: "outbox_pkey",
			countDeadLetters: "dead_letters_open", countLeft: "far_wakes_pkey",
		} {
			rows, err := tx.Query(t.Context(), "EXPLAIN "+strings.ReplaceAll(query, "{s}", "unwind"))
			require.NoError(t, err)
			lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
			require.NoError(t, err)
			plan := strings.Join(lines, "\n")
			require.Contains(t, plan, index)
			require.NotContains(t, plan, "Seq Scan")
		}
		return nil
	}))
}
