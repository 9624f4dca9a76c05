package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/e2e/checker/rules"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
)

// TestChecker holds the checker to a run with a kill in it: it finds nothing, and
// then what is spoilt in each of the places that it reads.
func TestChecker(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 2)
	started := w.crowd(70, anyFate)
	w.eachAtWork(t)
	w.nodes[0].kill()
	ids, err := started()
	require.NoError(t, err)
	list := acknowledged(t, ids)
	found, looked := w.checked(t, list)
	require.Empty(t, found)
	require.Equal(t, len(ids), looked["sagas"])
	for _, what := range []string{"completed", "compensated", "events", "commands", "replies", "effects", "starts"} {
		require.Positive(t, looked[what], what)
	}
	w.spoilt(t, list, "I2", `INSERT INTO flights.effects (saga, step, direction, attempt, epoch)
		SELECT saga, step, direction, attempt, epoch FROM flights.effects LIMIT 1`)
	w.spoilt(t, list, "I7", `UPDATE unwind.sagas SET seq = seq + 1 WHERE id = (SELECT min(id::text)::uuid FROM unwind.sagas)`)
	stray := saga.ID{15: 1}
	w.spoilt(t, acknowledged(t, append(ids, stray)), "I1", `SELECT`)
	r := w.commands("flights").one(t, "a command", everything)
	w.produce(t, with(r, saga.HeaderAttempt, "77"))
	w.spoilt(t, list, "I4", `SELECT`)
}

// acknowledged writes the file of acknowledged starts.
func acknowledged(t *testing.T, ids []saga.ID) string {
	t.Helper()
	var lines strings.Builder
	for _, id := range ids {
		require.NoError(t, json.NewEncoder(&lines).Encode(rules.Start{ID: id.String()}))
	}
	path := filepath.Join(t.TempDir(), "started")
	require.NoError(t, os.WriteFile(path, []byte(lines.String()), 0o600))
	return path
}

// spoilt runs a statement that breaks an invariant, and the checker finds it.
func (w *world) spoilt(t *testing.T, list, invariant, statement string) {
	t.Helper()
	_, err := w.pool.Exec(t.Context(), statement)
	require.NoError(t, err)
	found, _ := w.checked(t, list)
	names := map[string]bool{}
	for _, f := range found {
		names[f.Invariant] = true
	}
	require.True(t, names[invariant], "%s is not in %v", invariant, found)
}

// checked runs the checker and returns what it found, and how much it looked at.
func (w *world) checked(t *testing.T, list string) (found []rules.Finding, looked map[string]int) {
	t.Helper()
	args := []string{
		"--database-url", w.database, "--kafka-brokers", strings.Join(w.brokers, ","), "--topic-prefix", w.prefix,
		"--started", list, "--wait", patience.String(), "--no-dead-letters", "-o", "json",
	}
	for name := range strings.SplitSeq(participants, ",") {
		args = append(args, "--effects", name+"="+w.database+"&search_path="+name)
	}
	cmd := exec.CommandContext(t.Context(), checkerBinary, args...)
	var trouble strings.Builder
	cmd.Stderr = &trouble
	out, _ := cmd.Output() // its code is looked at
	var report struct {
		Findings []rules.Finding `json:"findings"`
		Looked   map[string]int  `json:"looked"`
	}
	require.NoError(t, json.Unmarshal(out, &report), trouble.String())
	require.Equal(t, min(len(report.Findings), 1), cmd.ProcessState.ExitCode())
	return report.Findings, report.Looked
}
