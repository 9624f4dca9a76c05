package sagatest_test

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/sagatest"
)

var (
	firstSeed = flag.Uint64("seed", 1, "the first seed to simulate")
	seeds     = flag.Int("seeds", 50, "how many seeds to simulate")
	sagasOf   = flag.Int("sagas", 0, "how many sagas each seed has; 0: a hundred")
	only      = flag.String("only", "", "the kinds of faults that are armed, separated by commas, or none; empty: as the seed says")
)

// reached are the faults and rare states that fifty seeds must have hit, or the
// simulation proves less than it seems to.
var reached = []string{
	"abort", "crash-before-commit", "crash-after-commit", "commit-unknown-kept", "commit-unknown-lost", "kill", "publish-written",
	"publish-lost", "ack-lost", "duplicate-command", "late-command", "duplicate-reply", "late-reply", "bus-outage", "silence",
	"slow-handler", "technical-failure", "failed-but-done", "undo-failure", "undo-refused", "retriable-refusal", "redelivery", "forged-reply", "clock-back",
	"cancel", "past-pivot", "history-asked", "rejected", "tombstone", "do-after-undo", "stored-reply", "dead-letter", "ignored",
	"deferred", "ongoing", "phase-held", "phase-undo-held", "phase-unknown", "phase-skipped", "phase-refused", "phase-undo-resting",
	"attention-pivot-unknown", "attention-retriable-failing", "attention-compensation-failed", "attention-undeliverable", "undeliverable", "breaker-open",
	"signalled", "decided", "phase-sleeping", "phase-awaiting", "phase-asking", "phase-expired", "signal-kept", "escalated", "delayed-start", "heartbeat-lost",
	"phase-spreading", "announced", "watched",
	"granted", "child", "child-of-an-item", "phase-raising", "phase-reversing", "attention-child-abandoned", "mail-again",
}

// TestSimulation runs -seeds seeds from -seed on.
func TestSimulation(t *testing.T) {
	t.Parallel()
	hits := simulated(t, wanted())
	if *seeds < 50 || *sagasOf != 0 || *only != "" {
		return
	}
	for _, what := range reached {
		require.Positive(t, hits[what], "%s never happened", what)
	}
	if *seeds < 600 {
		return
	}
	for _, pair := range legal() {
		assert.Positive(t, hits[pair], "%s was never decided", pair)
	}
}

// simulated runs the seeds that the flags ask for, and returns what was hit.
func simulated(t *testing.T, options sagatest.Options) map[string]int {
	t.Helper()
	hits := map[string]int{}
	sagas, transitions, began := 0, 0, time.Now()
	for seed := *firstSeed; seed < *firstSeed+uint64(*seeds); seed++ {
		report := sagatest.Simulate(seed, options)
		if report.Failed() {
			t.Fatalf("SHRUNK: %s", shrunk(os.Stderr, report, shrinkFor))
		}
		sagas, transitions = sagas+report.Sagas, transitions+report.Transitions
		for what, n := range report.Hits {
			hits[what] += n
		}
	}
	took := time.Since(began)
	t.Logf("%d sagas, %d transitions, %.0f sagas/s", sagas, transitions, float64(sagas)/took.Seconds())
	for _, what := range slices.Sorted(maps.Keys(hits)) {
		t.Logf("%8d %s", hits[what], what)
	}
	return hits
}

// shrinkFor is how long a smaller world is looked for.
const shrinkFor = 30 * time.Second

// shrunk says at once what was broken and how to run it again, for a run that is cut short
// too, then looks for a smaller world, and says now and then how far it is.
func shrunk(out io.Writer, report sagatest.Report, atMost time.Duration) sagatest.Report {
	fmt.Fprintf(out, "%s\n\nlooking for a smaller world, for at most %s\n", report, atMost)
	began, said := time.Now(), time.Now()
	return sagatest.Shrink(report, func(tried int, smallest sagatest.Report) bool {
		if time.Since(said) > 5*time.Second {
			said = time.Now()
			fmt.Fprintf(out, "%d worlds tried; the smallest has %d sagas and %d kinds of faults\n", tried, smallest.Sagas, len(smallest.Faults))
		}
		return time.Since(began) < atMost
	})
}

// wanted are the options that the flags ask for.
func wanted() sagatest.Options {
	options := sagatest.Options{Sagas: *sagasOf}
	if *only != "" {
		for name := range strings.SplitSeq(*only, ",") {
			options.Only = append(options.Only, sagatest.Fault(name))
		}
	}
	return options
}

// TestShrink: a failing seed is shrunk to a few sagas and a few kinds of faults that
// break the same invariant, and the line that it prints runs just that.
func TestShrink(t *testing.T) {
	t.Parallel()
	for _, mutant := range []sagatest.Mutant{sagatest.UndoAllAtOnce, sagatest.NoStoredReply, sagatest.HistoryGap} {
		t.Run(string(mutant), func(t *testing.T) {
			t.Parallel()
			report := sagatest.Report{}
			for seed := uint64(1); !report.Failed(); seed++ {
				report = sagatest.Simulate(seed, sagatest.Options{Mutant: mutant})
			}
			small := sagatest.Shrink(report, nil)
			t.Logf("%s\nSHRUNK: %s", report, small)
			require.LessOrEqual(t, small.Sagas, 5)
			require.Less(t, len(small.Faults), len(report.Faults))
			require.LessOrEqual(t, len(small.Faults), 2)
			invariant := func(r sagatest.Report) string { return strings.Split(r.Violations[0], ":")[0] }
			require.Equal(t, strings.Fields(invariant(report))[1], strings.Fields(invariant(small))[1])
			require.Contains(t, small.String(), "-sagas=")
			require.Equal(t, small, sagatest.Shrink(report, nil))
		})
	}
}

// TestAFailureIsToldFirst: the line that repeats a failing seed is out before anything is
// shrunk, and the search ends when its time is over, with the smallest world until then.
func TestAFailureIsToldFirst(t *testing.T) {
	t.Parallel()
	report := sagatest.Report{}
	for seed := uint64(1); !report.Failed(); seed++ {
		report = sagatest.Simulate(seed, sagatest.Options{Mutant: sagatest.UndoAllAtOnce})
	}
	var out strings.Builder
	small := shrunk(&out, report, 0)
	require.True(t, strings.HasPrefix(out.String(), report.String()), out.String())
	require.Contains(t, out.String(), fmt.Sprintf("-seed=%d -seeds=1\n", report.Seed))
	require.True(t, small.Failed())

	var worlds []int
	sagatest.Shrink(report, func(tried int, smallest sagatest.Report) bool {
		worlds = append(worlds, smallest.Sagas)
		return tried < 3
	})
	require.Len(t, worlds, 3)
}

// TestSimulationIsDeterministic: one seed is one course of the world.
func TestSimulationIsDeterministic(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		for _, options := range []sagatest.Options{{}, {Code: true}} {
			first, second := sagatest.Simulate(seed, options), sagatest.Simulate(seed, options)
			require.Equal(t, first, second)
		}
	}
}

// TestSimulationOfCodeCatchesMutants: worlds of functions find what is broken, too.
func TestSimulationOfCodeCatchesMutants(t *testing.T) {
	t.Parallel()
	for mutant, invariant := range map[sagatest.Mutant]string{
		sagatest.NoTombstone:       "I3: ",
		sagatest.NoStoredReply:     "I2: ",
		sagatest.NoStickyRejection: "I3: ",
		sagatest.NoToken:           "I3: ",
		sagatest.WakesLost:         "I1: ",
		sagatest.HistoryGap:        "I8: ",
	} {
		t.Run(string(mutant), func(t *testing.T) {
			t.Parallel()
			catches(t, sagatest.Options{Mutant: mutant, Code: true}, invariant)
		})
	}
}

// catches runs seeds until the invariant is broken that is meant to find a mutant.
func catches(t *testing.T, options sagatest.Options, invariant string) {
	t.Helper()
	const most = 60
	for seed := uint64(1); seed <= most; seed++ {
		for _, violation := range sagatest.Simulate(seed, options).Violations {
			if _, what, _ := strings.Cut(violation, " "); strings.HasPrefix(what, invariant) {
				t.Logf("caught by seed %d: %s", seed, violation)
				return
			}
		}
	}
	t.Fatalf("not caught by %d seeds", most)
}

// TestSimulationCatchesMutants: what is broken on purpose is found, and by the
// invariant that is meant to find it.
func TestSimulationCatchesMutants(t *testing.T) {
	t.Parallel()
	caughtBy := map[sagatest.Mutant]string{
		sagatest.NoTombstone:       "I3: ",
		sagatest.NoStoredReply:     "I2: ",
		sagatest.NoStickyRejection: "I3: ",
		sagatest.UnknownNotDone:    "I3: ",
		sagatest.PivotUnknownIsNo:  "I3: ",
		sagatest.UndoAllAtOnce:     "I3: ",
		sagatest.NoEpoch:           "I3: ",
		sagatest.NoToken:           "I3: ",
		sagatest.WakesLost:         "I1: ",
		sagatest.PublishFirst:      "I4: ",
		sagatest.HistoryGap:        "I8: ",
		sagatest.OutageIsTimeout:   "DESIGN 6.2: ",
		sagatest.HeldIsAttempt:     "I14: ",
		sagatest.LockKept:          "I1: ",
		sagatest.GrantToAll:        "DESIGN 6.15: ",
	}
	for _, mutant := range sagatest.Mutants {
		t.Run(string(mutant), func(t *testing.T) {
			t.Parallel()
			catches(t, sagatest.Options{Mutant: mutant}, caughtBy[mutant])
		})
	}
}

// TestRulesCatchMutants: the rules of e2e/checker find what is broken from what is
// left behind alone. That an attempt was burned for our own outage cannot be seen there.
func TestRulesCatchMutants(t *testing.T) {
	t.Parallel()
	for _, mutant := range sagatest.Mutants {
		if mutant == sagatest.OutageIsTimeout {
			continue
		}
		t.Run(string(mutant), func(t *testing.T) {
			t.Parallel()
			const most = 60
			for seed := uint64(1); seed <= most; seed++ {
				for _, violation := range sagatest.Simulate(seed, sagatest.Options{Mutant: mutant}).Violations {
					if strings.HasSuffix(violation, "(e2e/checker)") {
						t.Logf("caught by seed %d: %s", seed, violation)
						return
					}
				}
			}
			t.Fatalf("not caught by %d seeds", most)
		})
	}
}

// reachedByCode are what fifty seeds of functions must have hit beside.
var reachedByCode = []string{
	"asked-do", "asked-pivot", "asked-sleep", "asked-await", "asked-approval", "asked-child", "asked-side", "asked-version", "asked-attribute",
	"asked-continue", "asked-cancel", "asked-update", "asked-return", "asked-fail", "continued", "evicted", "child", "history-asked", "signal-kept", "escalated", "tombstone",
	"phase-unknown", "phase-held", "phase-undo-held", "phase-undo-resting", "phase-raising", "phase-reversing", "phase-expired", "kill",
	"crash-before-commit", "crash-after-commit", "commit-unknown-kept", "commit-unknown-lost", "edited", "past-pivot", "verb-refused",
}

// TestSimulationOfCode runs worlds whose sagas are functions, among some that are
// declared, with the same faults and the same invariants.
func TestSimulationOfCode(t *testing.T) {
	t.Parallel()
	options := wanted()
	options.Code = true
	hits := simulated(t, options)
	if *seeds < 50 || *sagasOf != 0 || *only != "" {
		return
	}
	for _, what := range reachedByCode {
		require.Positive(t, hits[what], "%s never happened", what)
	}
}
