package e2e

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
)

// codeFates are what the sagas that are code have to come to, in turn. Few fail, or the
// breakers would open.
var codeFates = []fate{
	{"codeTrip", nil, saga.Completed, "flight hotel charge mail"},
	{"codePair", nil, saga.Completed, "charge flight hotel"},
	{"codeTrip", script{"hotels": {"reject"}}, saga.Compensated, "flight -flight"},
	{"codePair", script{"hotels": {"reject"}}, saga.Compensated, "-flight flight"},
	{"codeTrip", script{"payments": {"reject"}}, saga.Compensated, "flight hotel -hotel -flight"},
	{"codeTrip", script{"flights": {"fail", "ok"}}, saga.Completed, "flight hotel charge mail"},
}

// crowdOfCode is how many sagas TestCodeOutlivesItsCoordinators has in flight.
func crowdOfCode(t *testing.T) int {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv("UNWIND_TEST_CODE_SAGAS")); err == nil {
		return n
	}
	return 5000
}

// TestCodeOutlivesItsCoordinators: 5,000 sagas that are code are in flight when their
// only coordinator is killed with kill -9; another takes over, and is killed in their
// midst; a third one ends them. None is lost, none is doubled: each has come to its
// fate, the participants' ledgers say so, and the checker finds nothing.
func TestCodeOutlivesItsCoordinators(t *testing.T) {
	w := newWorldOfCode(t)
	n := crowdOfCode(t)
	began := time.Now()
	ids, err := w.crowd(n, func(i int) (string, script) {
		f := codeFates[i%len(codeFates)]
		return f.definition, f.script
	})()
	require.NoError(t, err)
	t.Logf("%d sagas were started within %v", n, time.Since(began))
	w.nodes[0].kill()
	require.Equal(t, n, w.count(t, `SELECT count(*) FROM unwind.sagas WHERE status < 3`), "in flight when the coordinator was killed")
	killed := time.Now()
	w.begin(0)
	t.Logf("the next coordinator was ready after %v", time.Since(killed))
	w.hands = w.employ(participants)
	const perSaga = 3
	eventually(t, "half of it is done", func() bool {
		return w.count(t, `SELECT (SELECT count(*) FROM flights.effects) + (SELECT count(*) FROM hotels.effects) + (SELECT count(*) FROM payments.effects)`) > n*perSaga/2
	})
	w.nodes[0].kill()
	t.Logf("%d sagas were in flight when the second coordinator was killed", w.count(t, `SELECT count(*) FROM unwind.sagas WHERE status < 3`))
	w.begin(0)
	found, looked := w.checked(t, acknowledged(t, ids)) // waits for the last to end
	t.Logf("all had ended and were checked after %v: %v", time.Since(began), looked)
	require.Empty(t, found)
	require.Equal(t, n, looked["sagas"])
	w.fared(t, ids)
}

// newWorldOfCode makes a world with one coordinator that has the code of package
// written, with its topics and without participants.
func newWorldOfCode(t *testing.T) *world {
	t.Helper()
	w := newWorldIn(t, testserver.Postgres(t), testserver.Kafka(t), 0)
	w.written = true
	w.nodes = append(w.nodes, &node{})
	w.begin(0)
	command(t, w.env(), unwindBinary, "topics", "apply") // what the code says that it asks for
	return w
}

func (w *world) count(t *testing.T, query string) (n int) {
	t.Helper()
	require.NoError(t, w.pool.QueryRow(t.Context(), query).Scan(&n))
	return n
}

// fared holds each saga to its fate, by its status and by the participants' ledgers.
func (w *world) fared(t *testing.T, ids []saga.ID) {
	t.Helper()
	type outcome struct {
		Status saga.Status
		Did    string
	}
	all := map[string]outcome{}
	rows, err := w.pool.Query(t.Context(), outcomes)
	require.NoError(t, err)
	var id string
	var o outcome
	_, err = pgx.ForEachRow(rows, []any{&id, &o.Status, &o.Did}, func() error { all[id] = o; return nil })
	require.NoError(t, err)
	require.Len(t, all, len(ids))
	for i, id := range ids {
		f, got := codeFates[i%len(codeFates)], all[id.String()]
		if f.definition == "codePair" { // what runs side by side is in no order
			words := strings.Fields(got.Did)
			slices.Sort(words)
			got.Did = strings.Join(words, " ")
		}
		require.Equal(t, outcome{f.status, f.did}, got, "saga %s, %s", id, f.definition)
	}
}

const outcomes = `SELECT s.id::text, s.status, coalesce(string_agg(CASE e.direction WHEN 'undo' THEN '-' ELSE '' END || e.step, ' ' ORDER BY e.at), '')
FROM unwind.sagas s LEFT JOIN (
	SELECT * FROM flights.effects UNION ALL SELECT * FROM hotels.effects UNION ALL SELECT * FROM payments.effects UNION ALL SELECT * FROM mails.effects
) e ON e.saga::text = s.id::text GROUP BY s.id, s.status`
