package sagatest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// Own says how SimulateOwn tries a saga. The zero value is the default.
type Own struct {
	Seeds int           // Seeds is how many worlds there are. Default 100.
	First uint64        // First is the seed of the first one. Default 1.
	Sagas int           // Sagas are started in each world. Default 20.
	Until time.Duration // Until is when a world ends though its sagas have not, by the virtual clock. Default three years.
	With  []Saga        // With are the sagas that it begins as children, and theirs.

	Input   func(draw *rand.Rand) any // Input is a saga's, as JSON. Default {}.
	Signals map[string]any            // Signals are the payloads of signals, as JSON, by name; of an event, by the step that awaits it. Default {}.

	// Answers are what the participants may answer, by STEP: one whose When holds is drawn for
	// each run of a step, and kept, as a participant's guard does; one that fails is not kept.
	// A step without any succeeds with {}, or refuses now and then if it may. Silence, delays
	// and repetitions come by themselves: After, Ongoing and Times are not looked at.
	Answers map[string][]Answer

	// Invariant, if set, must hold of each saga in the end, besides what holds for every
	// one. Of p, State and History are set.
	Invariant func(p *Played) error
}

// The defaults and limits of Own.
const (
	ownSeeds = 100
	ownSagas = 20
	ownUntil = 3 * 365 * 24 * time.Hour
	ownRuns  = 3    // runs of a chain; then it is terminated
	ownTurns = 60   // transitions of a saga, on average, with which the faults end
	ownMost  = 1000 // transitions of a saga, on average, with which the world is given up
)

// OwnReport says what happened in all worlds.
type OwnReport struct {
	Worlds      int           // Worlds were simulated.
	Sagas       int           // Sagas were started in them, children and next runs not counted.
	Completed   int           // Completed are how many sagas of all.
	Compensated int           // Compensated are how many sagas of all.
	Transitions int           // Transitions are the events of all.
	Virtual     time.Duration // Virtual is how long the longest world took by its clock.
	Broken      []Report      // Broken are the worlds in which an invariant was broken.
}

// String returns it on one line.
func (r OwnReport) String() string {
	return fmt.Sprintf("%d worlds with %d sagas: %d completed, %d compensated, %d transitions, %d worlds broken; the longest took %s",
		r.Worlds, r.Sagas, r.Completed, r.Compensated, r.Transitions, len(r.Broken), r.Virtual.Round(time.Second))
}

// SimulateOwn runs worlds that are full of trouble and in which all sagas are yours, of
// either kind: each lasts until all of them have ended. Participants accept and refuse, are
// slow, silent and dead, say that they have failed and have not; commands, replies and
// commits are lost, late, repeated or of unknown outcome; coordinators die, a function is
// run again; people cancel, pause, retry, skip, reset and terminate, decide and send
// signals. The time of trouble is over after a number of transitions.
//
// t fails if an invariant of this package is broken, if a saga does not end, if an event
// cannot be decided (an expression that cannot read what came, a function that is not the
// same when it is run again, or returns an error behind its pivot) or if Invariant says
// so. A world that fails is a subtest that is named by its seed, told with the story of
// the saga and what runs it alone.
//
// A chain that continues as new is terminated after its third run. Business keys, schemas
// and contracts are not looked at.
func SimulateOwn(t TB, of Saga, own Own) OwnReport {
	t.Helper()
	scene := Scene{Answers: own.Answers}
	if err := scene.check(of); err != nil && len(own.With) == 0 {
		t.Fatalf("it cannot be simulated: %s", err)
		return OwnReport{}
	}
	own = own.withDefaults(of)
	var all OwnReport
	began := time.Now()
	for seed := own.First; seed < own.First+uint64(own.Seeds); seed++ {
		all = all.with(simulateOwn(seed, &own))
		if n := len(all.Broken); n > 0 && n <= shown && all.Broken[n-1].Seed == seed {
			failWorld(t, all.Broken[n-1])
		}
	}
	t.Logf("%s, in %s", all, time.Since(began).Round(time.Millisecond))
	return all
}

func (o Own) withDefaults(of Saga) Own {
	if o.Seeds == 0 {
		o.Seeds = ownSeeds
	}
	if o.First == 0 {
		o.First = 1
	}
	if o.Sagas == 0 {
		o.Sagas = ownSagas
	}
	if o.Until == 0 {
		o.Until = ownUntil
	}
	o.With = append([]Saga{of}, o.With...)
	return o
}

func (r OwnReport) with(one Report) OwnReport {
	r.Worlds++
	r.Sagas += one.Sagas
	r.Completed += one.Completed
	r.Compensated += one.Compensated
	r.Transitions += one.Transitions
	r.Virtual = max(r.Virtual, one.Virtual)
	if one.Failed() {
		r.Broken = append(r.Broken, one)
	}
	return r
}

// failWorld tells of a broken world, as a subtest where there are any.
func failWorld(t TB, r Report) {
	t.Helper()
	again := fmt.Sprintf("run it again: sagatest.Own{First: %d, Seeds: 1}", r.Seed)
	what := strings.Join(r.Violations, "\n  ") + "\nwith " + fmt.Sprint(r.Faults) + "\n" + r.story
	parent, ok := t.(*testing.T)
	if !ok {
		t.Errorf("seed %d: %s\n%s", r.Seed, what, again)
		return
	}
	parent.Run(fmt.Sprintf("seed %d", r.Seed), func(t *testing.T) {
		names := strings.Split(t.Name(), "/")
		for i := range names {
			names[i] = "^" + regexp.QuoteMeta(names[i]) + "$"
		}
		t.Errorf("%s\n%s\nor: go test -run '%s'", what, again, strings.Join(names, "/"))
	})
}

// simulateOwn is one world of the user's.
func simulateOwn(seed uint64, own *Own) Report {
	w := newWorld(seed, Options{Sagas: own.Sagas})
	defer w.ended()
	w.own, w.deciders, w.starting = own, own.With, own.Sagas
	w.begin()
	w.toItsEnd()
	if w.report.Failed() {
		w.report.story = w.storyOf(w.report.Violations[0])
	}
	return w.report
}

// tired reports whether the time of trouble of a user's world is over: all have ended, or
// it has seen enough.
func (w *world) tired() bool {
	return w.starting == 0 && w.store.open == 0 || w.report.Transitions > ownTurns*w.own.Sagas
}

// endless gives up a user's world in which something is broken, such as that its sagas go
// on for ever.
func (w *world) endless() bool {
	if w.own != nil && w.report.Transitions >= ownMost*w.own.Sagas {
		w.brokenf("I1: the sagas have had %d transitions and have not ended", w.report.Transitions)
	}
	return w.own != nil && w.report.Failed()
}

// ownInput is the input of a saga.
func (w *world) ownInput() []byte {
	if w.own.Input == nil {
		return []byte(`{}`)
	}
	return w.asJSON("the input", w.own.Input(w.rng))
}

func (w *world) asJSON(what string, value any) []byte {
	data, err := json.Marshal(value)
	if err != nil {
		w.brokenf("%s cannot be written as JSON: %s", what, err)
		return []byte(`{}`)
	}
	return data
}

// ownAnswer draws what a participant answers to a do: an outcome, none for silence, and its
// payload.
func (w *world) ownAnswer(cmd saga.Command) (saga.Outcome, []byte) {
	var fit []Answer
	for _, a := range w.own.Answers[cmd.ID.Step.Name] {
		if a.When == nil || a.When(cmd) {
			fit = append(fit, a)
		}
	}
	switch {
	case len(fit) > 0:
	case w.rng.IntN(10) == 0:
		return saga.Rejected, nil
	default:
		return saga.Succeeded, []byte(`{}`)
	}
	answer := fit[w.rng.IntN(len(fit))]
	if answer.Make != nil {
		made, err := answer.Make(cmd)
		if err != nil {
			w.brokenf("%s", err)
		}
		answer = made
	}
	switch {
	case answer.Silent:
		return 0, nil
	case answer.Reject != "":
		return saga.Rejected, nil
	case answer.Fail != "":
		return saga.Failed, nil
	case answer.Output == nil:
		return saga.Succeeded, []byte(`{}`)
	}
	return saga.Succeeded, w.asJSON("an answer of "+cmd.ID.Step.Name, answer.Output)
}

// someOutput is what an operator says that a step has yielded: of a user's saga an answer
// that needs no command, else {}.
func (w *world) someOutput(step string) []byte {
	if w.own == nil {
		return w.document()
	}
	for _, a := range w.own.Answers[step] {
		if a.Make == nil && a.Output != nil {
			return w.asJSON("an answer of "+step, a.Output)
		}
	}
	return []byte(`{}`)
}

// attendToOwn gives a saga what it waits for from people, again and again until it has
// ended, ever more seldom.
func (c *client) attendToOwn(wait time.Duration) {
	w := c.w
	w.after(w.upTo(wait), func() {
		state := w.store.state(c.id)
		if state.Status.Ended() || state.Status == 0 && w.calm() {
			return
		}
		c.tellOwn(&state)
		c.attendToOwn(min(2*wait, 5*24*time.Hour))
	})
}

// tellOwn sends one of the signals, or one of the decisions, that a saga waits for.
func (c *client) tellOwn(s *saga.State) {
	w := c.w
	var waits []int
	for i := range s.Steps {
		if phase := s.Steps[i].Phase; phase == saga.Awaiting || phase == saga.Asking {
			waits = append(waits, i)
		}
	}
	if len(waits) == 0 {
		return
	}
	step, run := w.place(s, waits[w.rng.IntN(len(waits))])
	c.told++
	e := saga.Event{
		Kind: saga.Decided, Actor: saga.Actor{Kind: saga.Operator, Name: "ann"}, Reason: "an opinion", Step: run,
		RequestID: fmt.Sprintf("told %d", c.told), Hold: w.rng.IntN(3) == 0, Outcome: saga.Succeeded,
	}
	if step.Approval != nil {
		e.Own().Groups = []string{saga.Everyone}
		if w.rng.IntN(4) == 0 {
			e.Outcome = saga.Rejected
		}
	} else {
		names := signalsOf(step)
		name := names[w.rng.IntN(len(names))]
		e.Kind, e.Step, e.Outcome, e.Own().Signal = saga.Signalled, saga.StepRef{}, 0, name
		e.Payload = saga.JSON(w.signalPayload(name, step.Name))
	}
	w.hit(string(e.Kind))
	w.coordinator.submit(c.id, e)
}

// signalPayload is what a signal says, or the event of a step.
func (w *world) signalPayload(name, step string) []byte {
	for _, key := range []string{name, step} {
		if value, ok := w.own.Signals[key]; ok {
			return w.asJSON("the signal "+key, value)
		}
	}
	return []byte(`{}`)
}

// checkOwn asks the user's own invariant.
func (w *world) checkOwn(id saga.ID) {
	if w.own == nil || w.own.Invariant == nil {
		return
	}
	if err := w.own.Invariant(&Played{State: w.store.state(id), History: w.store.rows[id].history}); err != nil {
		w.brokenf("saga %s: %s", id, err)
	}
}

// storyOf tells the history of the saga that a violation names.
func (w *world) storyOf(violation string) string {
	const most = 60
	for id, row := range w.store.rows {
		if !strings.Contains(violation, id.String()) {
			continue
		}
		lines := []string{"what happened to saga " + id.String() + ":"}
		for i := range row.history[:min(most, len(row.history))] {
			lines = append(lines, "  "+line(&row.history[i], w.origin))
		}
		return strings.Join(lines, "\n")
	}
	return ""
}

// line is an event on one line.
func line(e *saga.Event, origin time.Time) string {
	parts := []string{fmt.Sprintf("%2d +%s %s", e.Seq, e.At.Sub(origin).Round(time.Millisecond), e.Kind)}
	switch {
	case e.Kind == saga.Replied:
		parts = append(parts, fmt.Sprintf("%s of %s %s, attempt %d", e.Outcome, e.Direction, e.Step, e.Attempt))
	case e.Kind == saga.Signalled:
		parts = append(parts, e.Extras().Signal)
	case e.Step.Name != "":
		parts = append(parts, e.Step.String())
	}
	for _, asked := range e.Extras().Asked {
		parts = append(parts, "| asks for "+asked.What)
	}
	for _, sent := range e.Sent {
		parts = append(parts, fmt.Sprintf("→ %s %s", sent.Direction, sent.Step))
	}
	return strings.Join(parts, " ")
}
