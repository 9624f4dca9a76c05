package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/embedded"
)

// played is a board in the middle of a tour: some trips of each kind.
func played() *board {
	b := newBoard(trips(), begin)
	steps := func(phases ...string) []client.Step {
		var all []client.Step
		for i, phase := range phases {
			all = append(all, client.Step{Step: []string{"flight", "hotel", "charge"}[i], Phase: phase, Attempt: 1})
		}
		return all
	}
	put := func(i int, status, cause string, steps []client.Step) {
		b.trips[i].update(client.Saga{
			ID: fmt.Sprintf("saga-%d", i+1), Status: status, Cause: cause, Steps: steps, StartedAt: &begin, ChangedAt: &later,
		})
	}
	put(0, "completed", "", steps("done", "done", "done"))
	put(1, "running", "", steps("done", "doing", "waiting"))
	b.trips[1].saga.Steps[1].Attempt, b.trips[1].hit = 3, true
	put(2, "compensating", "charge was rejected: card empty declined", steps("done", "undoing", "refused"))
	put(3, "compensated", "charge was rejected: card empty declined", steps("undone", "undone", "refused"))
	put(6, "compensated", "hotel was rejected: no rooms left at Full", steps("undone", "refused", "waiting"))
	put(14, "compensated", "flight was rejected: no seats left on FULL1", steps("refused", "waiting", "waiting"))
	b.note, b.killed = "kill -9 4711: hotels is gone, with 1 commands open", "hotels"
	return b
}

func TestFrame(t *testing.T) {
	t.Parallel()
	frame := played().frame(begin.Add(2300*time.Millisecond), paint{})
	for _, line := range frame {
		require.LessOrEqual(t, len([]rune(line)), width, line)
	}
	require.Len(t, frame, 23, "it fits a terminal of 24 lines")
	golden(t, "demo-frame.txt", strings.Join(frame, "\n")+"\n")
}

func TestNewsComeOnce(t *testing.T) {
	t.Parallel()
	b := played()
	golden(t, "demo-news.txt", strings.Join(b.news(later), "\n")+"\n")
	require.Empty(t, b.news(later))
	b.trips[1].saga.Steps[1].Phase = "done"
	require.Len(t, b.news(later), 1)
}

func TestScreenRedrawsOnlyTerminals(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := newScreen(&out)
	require.False(t, s.live)
	s.show(played(), later)
	require.NotContains(t, out.String(), "\x1b")
	require.Contains(t, out.String(), "== kill -9 4711")
	out.Reset()
	s = &screen{out: &out, live: true, paint: paint{on: true}}
	s.show(played(), later)
	s.show(played(), later)
	require.Equal(t, 1, strings.Count(out.String(), "\x1b[23A"), "the second frame covers the first")
}

// done is a board on which everything ended as it must.
func done() *board {
	b := newBoard(trips(), begin)
	for _, trip := range b.trips {
		trip.update(client.Saga{ID: fmt.Sprint(trip.number), Status: trip.want})
	}
	b.killed = "hotels"
	return b
}

func TestSummaryCanFail(t *testing.T) {
	t.Parallel()
	s := done().summary(nil)
	require.True(t, s.OK, s.Faults)
	require.Equal(t, summary{Sagas: 20, Completed: 14, Compensated: 6, Checked: true, OK: true}, s)

	require.False(t, done().summary([]string{"saga 3 is completed, and hotels has no effect where one must be"}).OK)
	b := done()
	b.trips[3].saga.Status = "completed"
	s = b.summary(nil)
	require.False(t, s.OK)
	require.Equal(t, []string{"trip 4 (4) is completed and must be compensated"}, s.Faults)
	b = done()
	b.killed = ""
	require.False(t, b.summary(nil).OK)
	var out bytes.Buffer
	b.verdict(&out, b.summary(nil))
	require.Contains(t, out.String(), "✗ no participant was killed")
	require.NotContains(t, out.String(), "all is as it must be")
}

// TestDemo runs the real thing: servers, processes, a kill, the audit.
func TestDemo(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "unwind")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	built, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, string(built))
	dir := filepath.Join(t.TempDir(), "demo")
	t.Cleanup(func() { require.NoError(t, embedded.Reset(dir)) })
	cmd := exec.CommandContext(t.Context(), binary, "demo", "--dir", dir, "-o", "json")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Run(), "%s\n%s", &stdout, &stderr)
	var s summary
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &s), stdout.String())
	require.True(t, s.OK)
	require.Equal(t, []int{20, 14, 6}, []int{s.Sagas, s.Completed, s.Compensated})
	require.Positive(t, s.Hit)
	require.Contains(t, stderr.String(), "all is as it must be")
}

func TestDemoRefusesUnknownFormats(t *testing.T) {
	t.Parallel()
	code, _, errs := unwind(t.Context(), nil, "demo", "-o", "xml")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, `-o "xml"`)
}
