package sagatest

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/unwindhq/unwind/sagatest/inject"
	"github.com/unwindhq/unwind/sagatest/script"
	"github.com/unwindhq/unwind/sagatest/stage"
)

// Faults says how Inject tries a saga. The zero value is the default.
type Faults struct {
	Depth int    // Depth is how many faults strike in one run at most, 1 to 4. Default 2.
	Runs  int    // Runs is how many runs there are at most; of more a part is taken, evenly. Default 10,000.
	Only  string // Only is the only run, as a failure names it, such as "do hotel 1 reply-lost, event 4 crash-after-commit".

	// Invariant, if set, must hold after each run, besides the ones that hold for
	// every saga.
	Invariant func(p *Played) error
}

const maxDepth = 4

// shown is how many broken runs a test tells of.
const shown = 3

// Inject plays a scene of a saga of either kind with a fault at every point, and then with
// two: at each step, do and undo, each attempt, the participant refuses, fails, dies before
// and after its commit or is away, and the command or its reply is late, lost or repeated;
// at each event the coordinator dies before and after its commit, or when it has sent.
// What the scene expects is not looked at. t fails unless after each run
//
//   - every event could be decided: no panic of a function, no expression that failed;
//   - the saga has ended, or asks for attention, or waits for others whom the scene does
//     not play;
//   - no effect is lost, doubled or left over;
//   - what was done was undone in reverse;
//   - nothing behind the pivot was undone;
//   - every prefix of the history leads to the state, and on to the next event.
//
// Mocks are asked anew in each run. It logs how many runs there were; a run that fails is
// a subtest that is named by its faults, told with its story and the line that runs it.
func Inject(t TB, of Saga, s Scene, f Faults) inject.Report {
	t.Helper()
	cfg, err := s.injected(of, f)
	if err != nil {
		t.Fatalf("the scene %scannot be played: %s", quoted(s.Name), err)
		return inject.Report{}
	}
	report := inject.Explore(cfg)
	t.Logf("%s, in %s", report, report.Took)
	for _, broken := range report.Broken[:min(shown, len(report.Broken))] {
		fail(t, broken)
	}
	if more := report.NumBroken - shown; more > 0 {
		t.Errorf("and %d more runs are broken", more)
	}
	return report
}

// injected is what to explore.
func (s *Scene) injected(of Saga, f Faults) (cfg inject.Config, err error) {
	if err = s.check(of); err != nil {
		return cfg, err
	}
	if f.Depth < 0 || f.Depth > maxDepth {
		return cfg, fmt.Errorf("%d faults in one run: the most is %d", f.Depth, maxDepth)
	}
	cfg = inject.Config{Saga: of, Depth: f.Depth, Runs: f.Runs, Cast: func() stage.Cast { return newCast(s.Answers) }}
	if cfg.Scene, err = s.scripted(); err != nil {
		return cfg, err
	}
	if f.Only != "" {
		cfg.Only, err = inject.ParseFaults(f.Only)
	}
	if f.Invariant != nil {
		cfg.Invariant = func(st *stage.Stage) error { return f.Invariant(playedOn(st)) }
	}
	return cfg, err
}

// playedOn is what was played on a stage.
func playedOn(st *stage.Stage) *Played {
	return &Played{State: st.State(), History: st.History(), Sent: st.Sent(), Took: st.Took(), Next: st.Next(), Story: script.Story(st)}
}

// fail tells of a broken run, as a subtest where there are any.
func fail(t TB, broken inject.Broken) {
	t.Helper()
	again := fmt.Sprintf("run it again: sagatest.Faults{Only: %q}", broken.Faults)
	parent, ok := t.(*testing.T)
	if !ok || len(broken.Faults) == 0 {
		t.Errorf("%s\n%s", broken, again)
		return
	}
	parent.Run(broken.Faults.String(), func(t *testing.T) {
		names := strings.Split(t.Name(), "/")
		for i := range names {
			names[i] = "^" + regexp.QuoteMeta(names[i]) + "$"
		}
		t.Errorf("%s\n%s\nor: go test -run '%s'", broken, again, strings.Join(names, "/"))
	})
}
