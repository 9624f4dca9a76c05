package inject

import (
	"slices"

	"github.com/unwindhq/unwind/saga"
)

// ledger is what the participants have really done.
type ledger struct {
	w       *world
	effects map[saga.StepRef]*effect
}

type effect struct {
	done, undone int
	alive        bool
}

func (l *ledger) done(ref saga.StepRef) {
	e := l.effects[ref]
	if e == nil {
		e = &effect{}
		l.effects[ref] = e
	}
	e.done++
	e.alive = true
	if e.done > 1 {
		l.w.brokenf("no effect is doubled: %s was done %d times", ref, e.done)
	}
}

func (l *ledger) undone(ref saga.StepRef) {
	e := l.effects[ref]
	e.undone++
	e.alive = false
	if e.undone > 1 {
		l.w.brokenf("no effect is doubled: %s was undone %d times", ref, e.undone)
	}
	for _, later := range l.w.laterThan(ref) {
		if l.alive(later.ref) && later.step.Compensation != "" {
			l.w.brokenf("undone in reverse: %s was undone before %s", ref, later.ref)
		}
	}
}

// alive reports whether an effect of a step, or of one of its items, is there.
func (l *ledger) alive(step saga.StepRef) bool {
	for ref, e := range l.effects {
		if ref.Name == step.Name && ref.Visit == step.Visit && (step.Item == 0 || ref.Item == step.Item) && e.alive {
			return true
		}
	}
	return false
}

// known is a step's run that the saga has, or has had.
type known struct {
	ref   saga.StepRef
	step  saga.Step
	ask   int64   // of a saga that is code: its number
	after []int64 // and those that came before it
}

// note keeps what the function of a saga that is code has asked for: what is over and
// leaves nothing to undo is forgotten by the saga.
func (w *world) note(s *saga.State) {
	p := s.Extras().Plan
	if p == nil || len(p.Steps) == 0 {
		return
	}
	for _, step := range slices.Backward(p.Steps) {
		if len(w.steps) > 0 && step.Ask <= w.noted {
			break
		}
		w.steps = append(w.steps, known{step.Ref(), step.Step, step.Ask, step.After})
	}
	w.noted = p.Steps[len(p.Steps)-1].Ask
}

// laterThan lists what comes, directly or not, after a step.
func (w *world) laterThan(ref saga.StepRef) (later []known) {
	if steps := w.of.cfg.Saga.Definition().Steps; len(steps) > 0 {
		return declaredAfter(steps, ref)
	}
	state := w.stage.State()
	w.note(&state)
	slices.SortFunc(w.steps, func(a, b known) int { return int(a.ask - b.ask) })
	var reached []int64
	for _, k := range w.steps {
		if k.ref == ref {
			reached = append(reached, k.ask)
		} else if slices.ContainsFunc(k.after, func(ask int64) bool { return slices.Contains(reached, ask) }) {
			reached, later = append(reached, k.ask), append(later, k)
		}
	}
	return later
}

// declaredAfter is laterThan for a declared saga, whose steps are in the order of their
// graph.
func declaredAfter(steps []saga.Step, ref saga.StepRef) (later []known) {
	reached := []string{ref.Name}
	for i, step := range steps {
		after := step.After
		if after == nil && i > 0 {
			after = []string{steps[i-1].Name}
		}
		if slices.ContainsFunc(after, func(a string) bool { return slices.Contains(reached, a) }) {
			reached = append(reached, step.Name)
			later = append(later, known{ref: saga.StepRef{Name: step.Name, Visit: ref.Visit}, step: step})
		}
	}
	return later
}

// behindPivot reports whether a command's step is behind the pivot, and so may not be
// rejected.
func (w *world) behindPivot(c saga.Command) bool {
	for _, step := range w.of.cfg.Saga.Definition().Steps {
		if step.Name == c.ID.Step.Name {
			return step.Kind == saga.Retriable
		}
	}
	state := w.stage.State()
	w.note(&state)
	return slices.ContainsFunc(w.steps, func(k known) bool { return k.ref == c.ID.Step && k.step.Kind == saga.Retriable })
}
