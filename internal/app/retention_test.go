package app_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/retention"
	"github.com/unwindhq/unwind/internal/testserver"
)

// TestAnOldSagaIsDeleted: a process with a policy deletes a saga of long ago, counts it,
// and says what has become of it to who starts it again; one of today stays.
func TestAnOldSagaIsDeleted(t *testing.T) {
	t.Parallel()
	url := testserver.Postgres(t)
	cfg := app.Config{DatabaseURL: url, Listen: "127.0.0.1:0", MetricsListen: "127.0.0.1:0", Migrate: true}
	_, stop := run(t, cfg)
	stop()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	const old = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f" // of 2022
	_, err = conn.Exec(t.Context(), `INSERT INTO unwind.sagas (id, namespace, definition, version, level, status, bucket, seq, started_at, changed_at, state)
		VALUES ($1, 'default', 'x', 'r1', 1, 3, 0, 1, '2022-02-22', '2022-02-22', '')`, old)
	require.NoError(t, err)

	cfg.Retention = retention.Policy{Short: 24 * time.Hour, Standard: 48 * time.Hour}
	a, c := startApp(t, cfg)
	require.Eventually(t, func() bool {
		var n int
		require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM unwind.sagas WHERE id = $1", old).Scan(&n))
		return n == 0
	}, time.Minute, 20*time.Millisecond)
	require.Eventually(t, func() bool {
		return scrape(t, a.MetricsURL())["retention_deleted_total standard"] == 1
	}, time.Minute, 20*time.Millisecond)

	_, err = c.ApplyDefinition(t.Context(), "trip.yaml", []byte(trip))
	require.NoError(t, err)
	found, err := c.Definition(t.Context(), "bookTrip", "")
	require.NoError(t, err)
	require.Equal(t, [2]string{"standard", "48h0m0s"}, [2]string{found.Retention, found.KeptFor})

	begin := client.Start{Definition: "bookTrip", Key: "k", Input: []byte(`{}`)}
	started, _, err := c.Start(t.Context(), begin)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `DELETE FROM unwind.sagas WHERE id = $1`, started.ID)
	require.NoError(t, err)
	_, _, err = c.Start(t.Context(), begin)
	require.ErrorContains(t, err, started.ID+", which has ended and was deleted since")
}
