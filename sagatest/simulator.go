package sagatest

import (
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// Options say what to simulate. The zero value is the default.
type Options struct {
	// Sagas is how many sagas are started. Default 100.
	Sagas int
	// Only, if not nil, are the kinds of faults that are armed, whatever the seed says.
	Only []Fault
	// Mutant is what is broken on purpose. Default nothing.
	Mutant Mutant
	// Code makes worlds of another family: the sagas are functions, and some that are
	// declared beside them. Their seeds are their own.
	Code bool
}

// Report says what happened in one run.
type Report struct {
	Seed        uint64         // Seed reproduces the run.
	Sagas       int            // Sagas were started and acknowledged.
	Completed   int            // Completed is how many of them.
	Compensated int            // Compensated is how many of them.
	Transitions int            // Transitions are the stored events.
	Virtual     time.Duration  // Virtual is how long it took by the virtual clock.
	Faults      []Fault        // Faults are the kinds that were armed.
	Hits        map[string]int // Hits counts each fault injected and each rare state reached.
	Violations  []string       // Violations are the broken invariants; at most 20.

	options Options // that it was run with
	story   string  // of a user's saga that is broken
}

const defaultSagas = 100

// Failed reports whether an invariant was broken.
func (r Report) Failed() bool { return len(r.Violations) > 0 }

// String returns one line that says how it went and how to run it again.
func (r Report) String() string {
	var line strings.Builder
	fmt.Fprintf(&line, "seed %d: %d sagas, %d completed, %d compensated, %d transitions in %s with %v",
		r.Seed, r.Sagas, r.Completed, r.Compensated, r.Transitions, r.Virtual.Round(time.Second), r.Faults)
	if r.Failed() {
		line.WriteString("\nBROKEN, run again with: " + r.again())
		for _, v := range r.Violations {
			line.WriteString("\n  " + v)
		}
	}
	return line.String()
}

// Simulate runs one seed to its end and checks it. It does not block and uses
// no clock; the same seed and options give the same report. A panic ends it, as one more
// thing that is broken.
func Simulate(seed uint64, options Options) Report {
	if options.Sagas == 0 {
		options.Sagas = defaultSagas
	}
	w := newWorld(seed, options)
	defer w.ended()
	if options.Code {
		w.drawFunctions()
	} else {
		w.drawDefinitions()
	}
	w.begin()
	w.toItsEnd()
	return w.report
}

// begin schedules what clients do and what goes wrong.
func (w *world) begin() {
	w.scheduleStarts()
	w.scheduleTrouble()
}

func (w *world) toItsEnd() {
	defer func() {
		if p := recover(); p != nil {
			w.brokenf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	w.run()
	if w.own != nil && w.report.Failed() {
		return // what else there is would only hide it
	}
	w.checkEnd()
	w.checkRules()
}

// scheduleStarts lets clients start sagas, and cancel some of them.
func (w *world) scheduleStarts() {
	for range w.options.Sagas {
		client := &client{w: w, decider: w.anySaga()}
		w.after(w.upTo(startFor), client.start)
	}
}

// anySaga chooses what is started.
func (w *world) anySaga() Saga {
	if w.own != nil {
		return w.deciders[0]
	}
	return w.deciders[w.rng.IntN(len(w.deciders))]
}

// scheduleTrouble lets outages, kills and silences come and go.
func (w *world) scheduleTrouble() {
	w.repeat(2*time.Minute, func() {
		if w.strikes(busOutage, 1) {
			w.bus.fail(time.Second + w.upTo(40*time.Second))
		}
	})
	w.repeat(time.Minute, func() {
		if w.strikes(kill, 1) {
			w.coordinator.crash()
		}
	})
	w.repeat(40*time.Second, func() {
		names := slices.Sorted(maps.Keys(w.participants))
		if len(names) > 0 && w.strikes(silence, 1) {
			p := w.participants[names[w.rng.IntN(len(names))]]
			p.silentUntil = w.now.Add(w.upTo(50 * time.Second))
		}
	})
	w.repeat(5*time.Second, func() {
		if w.strikes(forgedReply, 1) {
			w.forge()
		}
	})
}

// repeat calls f at random times, about every mean, while there is trouble.
func (w *world) repeat(mean time.Duration, f func()) {
	w.after(w.upTo(2*mean), func() {
		if w.calm() || w.now.Sub(w.origin) > troubleFor {
			return
		}
		f()
		w.repeat(mean, f)
	})
}

// client is who starts one saga: it tries until it is told that it is started,
// or gives up.
type client struct {
	w       *world
	decider Saga
	id      saga.ID
	input   []byte
	held    bool
	begin   time.Time // when its first steps begin
	told    int       // signals and decisions that were sent
}

func (c *client) start() {
	w := c.w
	if c.id.IsZero() {
		c.id, c.input = w.newID(), w.input()
		w.store.deciders[c.id] = c.decider
		c.held = w.rng.IntN(6) == 0
		if w.rng.IntN(6) == 0 {
			c.begin = w.now.Add(w.upTo(40 * time.Second)).Truncate(time.Microsecond)
			w.hit("delayed-start")
		}
		c.attend()
	}
	def := c.decider.Definition()
	e := saga.Event{
		Kind: saga.Started, Actor: saga.Actor{Kind: saga.Operator}, Payload: saga.JSON(c.input), Hold: c.held, RequestID: "start",
		Extra: &saga.EventExtra{Definition: def.Name, Version: versionOf(c.decider), Level: saga.Level, Begin: c.begin},
	}
	if w.coordinator.submit(c.id, e) {
		w.acked = append(w.acked, c.id)
		w.starting--
		if w.rng.IntN(6) == 0 {
			w.after(w.upTo(20*time.Second), c.cancel)
		}
		c.operate()
		return
	}
	if w.calm() || w.rng.IntN(20) > 0 {
		w.after(time.Second, c.start)
		return
	}
	w.starting--
}

func (c *client) cancel() {
	w := c.w
	w.hit("cancel")
	e := saga.Event{
		Kind: saga.Cancelled, Actor: saga.Actor{Kind: saga.Operator}, Reason: "changed plans", RequestID: "cancel", Hold: w.rng.IntN(3) == 0,
	}
	if !w.coordinator.submit(c.id, e) {
		w.after(time.Second, c.cancel)
	}
}
