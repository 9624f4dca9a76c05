package inject

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
	"github.com/unwindhq/unwind/sagatest/script"
	"github.com/unwindhq/unwind/sagatest/stage"
)

// Config says what to explore.
type Config struct {
	Saga  script.Saga       // Saga is the saga. Required.
	Scene *definition.Scene // Scene is its input, its start and the cues. What it expects is not looked at. Required.
	Cast  func() stage.Cast // Cast makes the participants of one run, what is behind their guards. Required.
	Depth int               // Depth is how many faults strike in one run at most. Default 2.
	Runs  int               // Runs is how many runs there are at most; of more a part is taken, evenly. Default 10,000.
	Only  Faults            // Only, if not empty, are the faults of the only run.

	Invariant func(*stage.Stage) error // Invariant, if set, must hold after each run too.
}

const (
	defaultDepth = 2
	defaultRuns  = 10_000
	maxBroken    = 20    // broken runs that a report has
	maxEvents    = 5_000 // events of a run
	maxPrefixes  = 200   // prefixes of a history that are replayed
)

// Report says what came of it.
type Report struct {
	Runs      int            // Runs is how many there were, the one without a fault among them.
	Possible  int            // Possible is how many there would have been without Config.Runs.
	Points    int            // Points is at how many points a fault has struck.
	Struck    map[Kind]int   // Struck is how often each kind has.
	Ended     map[string]int // Ended is how many runs ended with each status; attention or waiting for those that did not.
	Broken    []Broken       // Broken are the runs in which an invariant was broken, those with the fewest faults first; at most 20.
	NumBroken int            // NumBroken is how many there were.
	Took      time.Duration  // Took is how long it took, by the clock on the wall.
}

// Broken is a run in which an invariant was broken.
type Broken struct {
	Faults Faults   // Faults have struck; none: it needs no fault.
	What   []string // What was broken.
	Story  []string // Story is what happened.
}

// String tells all of it.
func (b Broken) String() string {
	faults := b.Faults.String()
	if faults == "" {
		faults = "no fault"
	}
	return faults + "\n  broken: " + strings.Join(b.What, "\n  broken: ") + "\n  what happened:\n    " + strings.Join(b.Story, "\n    ")
}

// String returns one line that says how it went.
func (r Report) String() string {
	text := fmt.Sprintf("%d runs with faults at %d points", r.Runs, r.Points)
	if r.Possible > r.Runs {
		text += fmt.Sprintf(", of %d possible ones", r.Possible)
	}
	var ends []string
	for how, n := range r.Ended {
		ends = append(ends, fmt.Sprintf("%d %s", n, how))
	}
	slices.Sort(ends)
	text += ": " + strings.Join(ends, ", ")
	if r.NumBroken > 0 {
		text += fmt.Sprintf("; %d BROKEN", r.NumBroken)
	}
	return text
}

// explorer explores one saga.
type explorer struct {
	cfg    Config
	report Report
	points map[Point]bool
}

// found is a run, and the faults that may strike behind its own.
type found struct {
	faults Faults
	next   []Fault
}

// Explore plays the saga without a fault, then with each fault at each point, then with
// two, as deep and as often as cfg says. The same Config gives the same runs.
func Explore(cfg Config) Report {
	if cfg.Depth == 0 {
		cfg.Depth = defaultDepth
	}
	if cfg.Runs == 0 {
		cfg.Runs = defaultRuns
	}
	x := &explorer{cfg: cfg, points: map[Point]bool{}}
	x.report.Struck, x.report.Ended = map[Kind]int{}, map[string]int{}
	began := time.Now()
	level := []found{x.play(cfg.Only)}
	for depth := 0; depth < cfg.Depth && len(cfg.Only) == 0; depth++ {
		level = x.deeper(level)
	}
	x.report.Possible += x.report.Runs
	x.report.Points, x.report.Took = len(x.points), time.Since(began)
	return x.report
}

// deeper plays the runs with one fault more; if there are too many, some of them, evenly.
func (x *explorer) deeper(level []found) (deeper []found) {
	total := 0
	for _, f := range level {
		total += len(f.next)
	}
	room := max(x.cfg.Runs-x.report.Runs, 0)
	x.report.Possible += max(total-room, 0)
	i := -1
	for _, f := range level {
		for _, next := range f.next {
			if i++; total <= room || i*room/total != (i+1)*room/total {
				deeper = append(deeper, x.play(append(slices.Clone(f.faults), next)))
			}
		}
	}
	return deeper
}

// play plays one run and looks at it.
func (x *explorer) play(faults Faults) found {
	w := x.world(faults)
	err := script.Lay(w.stage, x.cfg.Saga, x.cfg.Scene, func(cue int, refusal error) bool {
		return errors.Is(refusal, saga.ErrNotNow) && x.cfg.Scene.Cues[cue].Refused == ""
	})
	if err == nil {
		err = w.stage.Run()
	}
	w.check(err)
	x.report.Runs++
	x.report.Ended[w.end()]++
	for _, f := range faults[:w.struck] {
		x.points[f.Point] = true
		x.report.Struck[f.Kind]++
	}
	if len(w.broken) > 0 {
		if x.report.NumBroken++; len(x.report.Broken) < maxBroken {
			x.report.Broken = append(x.report.Broken, Broken{Faults: faults, What: w.broken, Story: script.Story(w.stage)})
		}
		return found{faults: faults} // what is broken is not broken further
	}
	out := found{faults: faults}
	for _, p := range w.later {
		for _, kind := range p.all() {
			out.next = append(out.next, Fault{p, kind})
		}
	}
	return out
}

func (x *explorer) world(faults Faults) *world {
	w := &world{
		of: x, cast: x.cfg.Cast(), faults: faults, reached: map[Point]bool{}, lanes: map[string]time.Duration{}, gone: map[string]time.Duration{},
		guards: map[saga.StepRef]*guard{},
	}
	w.ledger = ledger{w: w, effects: map[saga.StepRef]*effect{}}
	def := x.cfg.Saga.Definition()
	w.stage = stage.New(stage.Config{
		Decider: x.cfg.Saga, Definition: def.Name, Version: def.Version, Cast: w, Start: x.cfg.Scene.Start, Until: x.cfg.Scene.Until,
		MaxEvents: maxEvents, Crash: w.crash, Stop: w.over,
	})
	return w
}
