package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
)

const hourly = `unwind: v1
schedule: hourly
saga: trip
cron: "0 * * * *"
zone: Europe/Berlin
overlap: allow
catchUp: all
atMost: 40
input: {"for": "${fire.at}"}
`

// TestASchedulesCoordinatorIsKilled has two coordinators see forty times of a schedule
// and one killed while it starts their sagas: there is one saga for each, and another
// schedule fires on its own time.
func TestASchedulesCoordinatorIsKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 2)
	file := filepath.Join(t.TempDir(), "hourly.yaml")
	require.NoError(t, os.WriteFile(file, []byte(hourly), 0o600))
	unwind := func(args ...string) {
		t.Helper()
		command(t, append(w.env(), "UNWIND_URL="+w.nodes[1].url), unwindBinary, append([]string{"schedule"}, args...)...)
	}
	unwind("apply", file)
	c, err := client.New(client.Config{URL: w.nodes[1].url})
	require.NoError(t, err)
	_, err = w.pool.Exec(t.Context(), `UPDATE unwind.schedules SET next_at = date_trunc('hour', clock_timestamp()) - interval '39 hours'`)
	require.NoError(t, err)
	count := func(outcome string) (n int) {
		require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT count(*) FROM unwind.schedule_fires WHERE name = 'hourly' AND outcome = $1`, outcome).Scan(&n))
		return n
	}
	eventually(t, "it catches up", func() bool { return count("due") > 0 || count("started") > 0 })
	w.nodes[0].kill()
	eventually(t, "each time has its saga", func() bool { return count("started") == 40 })
	sagas := w.sagasOf(t, "hourly")
	require.Len(t, sagas, 40)
	for _, id := range sagas {
		history := w.ended(t, id, saga.Completed)
		require.Equal(t, "schedule:hourly", history[0].Actor)
		require.Equal(t, "flight hotel charge mail", w.did(t, id))
	}

	unwind("create", "minutely", "--definition", "trip", "--cron", "* * * * *")
	_, err = w.pool.Exec(t.Context(), `UPDATE unwind.schedules SET next_at = date_trunc('minute', clock_timestamp()) WHERE name = 'minutely'`)
	require.NoError(t, err)
	unwind("pause", "hourly", "--reason", "enough")
	unwind("trigger", "hourly", "--reason", "one more")
	require.Len(t, w.sagasOf(t, "hourly"), 41)
	eventually(t, "the minute has come", func() bool {
		s, err := c.Schedule(t.Context(), "minutely")
		return err == nil && len(s.Fires) > 0 && s.Fires[len(s.Fires)-1].Outcome == "started"
	})
	unwind("show", "minutely")
	unwind("delete", "minutely")
	unwind("list", "-o", "json")
}

// sagasOf returns the sagas that a schedule has started.
func (w *world) sagasOf(t *testing.T, name string) (ids []saga.ID) {
	t.Helper()
	rows, err := w.pool.Query(t.Context(), `SELECT DISTINCT id FROM unwind.sagas JOIN unwind.start_keys ON saga = id WHERE key LIKE 'schedule/' || $1 || '/%'`, name)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var id saga.ID
		require.NoError(t, rows.Scan((*[16]byte)(&id)))
		ids = append(ids, id)
	}
	return ids
}
