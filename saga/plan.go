package saga

import (
	"slices"

	"github.com/unwindhq/unwind/compensation"
)

// Plan is what the function of a saga that is code has asked for so far: the
// definitions of the state's steps, which a declared saga has in its definition.
// It is replaced, never changed.
type Plan struct {
	Steps   []*Planned // Steps are the definitions of State.Steps, in their order.
	Asked   int64      // Asked is how many steps there were in all.
	Folded  int64      // Folded is how many of them are over, leave nothing to undo, and are no longer listed.
	Resumed int64      // Resumed is the Seq of the event with which the function has gone on last.
	Ended   bool       // Ended: the function has returned without an error.
	Output  []byte     // Output is what it has returned, or the next run's input, until the saga is completed.

	Continues bool // Continues: it has ended with the wish to begin anew.
}

// Planned is one step that code has asked for.
type Planned struct {
	Step  Step    // Step is what it does, without After, When and Input.
	Visit int     // Visit counts the steps of that name before it.
	Ask   int64   // Ask is its number, from 1.
	After []int64 // After are the numbers of the steps that are undone after it.
}

// Ref names the step's run.
func (p *Planned) Ref() StepRef { return StepRef{Name: p.Step.Name, Visit: p.Visit} }

const (
	// MaxPlanned is how many steps a saga that is code may have at a time: under
	// way, or done with something to undo.
	MaxPlanned = 500
	// planShown is how many steps are kept, whatever has become of them, so that
	// they can be seen.
	planShown = 32
	// MaxCodeSignals is how many signals are kept for a saga that is code.
	MaxCodeSignals = 100
)

// Find returns the index of a step that is listed.
func (p *Plan) Find(ref StepRef) (int, bool) {
	if p == nil {
		return 0, false
	}
	for i, step := range slices.Backward(p.Steps) {
		if step.Step.Name == ref.Name && step.Visit == ref.Visit && ref.Item == 0 {
			return i, true
		}
	}
	return 0, false
}

// ByAsk returns the index of the step of that number, if it is listed. Numbers ascend.
func (p *Plan) ByAsk(ask int64) (int, bool) {
	return slices.BinarySearchFunc(p.Steps, ask, func(s *Planned, ask int64) int { return int(s.Ask - ask) })
}

// Find returns the number in s.Steps of a step or an item, and what it does. def are
// the definition's steps; a saga that is code brings its own. ok is false when there
// is no such state.
func (s *State) Find(def []Step, ref StepRef) (i int, step *Step, ok bool) {
	if p := s.Extras().Plan; p != nil {
		if i, ok = p.Find(ref); ok {
			step = &p.Steps[i].Step
		}
		return i, step, ok
	}
	number := slices.IndexFunc(def, func(step Step) bool { return step.Name == ref.Name })
	if number < 0 {
		return 0, nil, false
	}
	i, ok = s.At(number, ref.Item)
	return i, &def[number], ok
}

// StepOf returns what s.Steps[i] does, nil if that is not known. def are the
// definition's steps.
func (s *State) StepOf(def []Step, i int) *Step {
	if p := s.Extras().Plan; p != nil {
		return &p.Steps[i].Step
	}
	if number, _ := s.Place(i); number < len(def) {
		return &def[number]
	}
	return nil
}

// plan returns the plan, to be read; nil before the function has begun.
func (d *decision) plan() *Plan {
	if d.g.owned != nil {
		return d.g.owned
	}
	if d.s.Extra == nil {
		return nil
	}
	return d.s.Extra.Plan
}

// grow returns a plan of the decision's own, to be written to.
func (d *decision) grow() *Plan {
	if d.g.owned == nil {
		owned := Plan{}
		if old := d.plan(); old != nil {
			owned = *old
			if len(old.Steps) > 0 {
				owned.Steps = append(make([]*Planned, 0, len(old.Steps)+growthRoom), old.Steps...)
			}
		}
		d.g.owned = &owned
		d.s.Own().Plan = d.g.owned
	}
	return d.g.owned
}

// growthRoom is how many steps are likely to come with one event.
const growthRoom = 2

// cloned returns a copy of the steps, with room for more if there may be any.
func (d *decision) cloned(steps []StepState) []StepState {
	if d.g == nil || len(steps) == 0 {
		return slices.Clone(steps)
	}
	return append(make([]StepState, 0, len(steps)+growthRoom), steps...)
}

// order says in which order the saga is undone.
func (d *decision) order() compensation.Order {
	if d.g == nil {
		return d.m.order
	}
	p := d.plan()
	if p == nil {
		return compensation.NewOrder(nil)
	}
	after := make([][]int, len(p.Steps))
	for i, step := range p.Steps {
		for _, ask := range step.After {
			if j, ok := p.ByAsk(ask); ok {
				after[i] = append(after[i], j)
			}
		}
	}
	return compensation.NewOrder(after)
}

// planned is how many steps a saga should have.
func planned(m *Machine, g *growth, s *State) int {
	switch {
	case g == nil:
		return len(m.def.Steps)
	case s.Extra == nil || s.Extra.Plan == nil:
		return 0
	}
	return len(s.Extra.Plan.Steps)
}

// prune lets go of steps that are over and leave nothing to undo, once there are
// many: a function that goes round for ever must not have an ever larger state.
func (d *decision) prune() {
	if p := d.plan(); p == nil || len(p.Steps) <= planShown || d.s.Status != Running {
		return
	}
	p, kept := d.grow(), 0
	for i, step := range p.Steps {
		if d.closed(i) {
			d.g.run.lose(step.Ask)
			continue
		}
		p.Steps[kept], d.s.Steps[kept] = step, d.s.Steps[i]
		kept++
	}
	p.Folded += int64(len(p.Steps) - kept)
	p.Steps, d.s.Steps = p.Steps[:kept], d.s.Steps[:kept]
}

// closed reports whether nothing can happen to step i any more.
func (d *decision) closed(i int) bool {
	switch d.s.Steps[i].Phase {
	case Refused, Skipped, Expired, Undone, Kept:
		return true
	case Done, Unknown:
		return d.step(i).Compensation == "" && !d.step(i).UndoesChild() || d.s.PivotSent && !d.pivotOpen()
	}
	return false
}

// pivotOpen reports whether a pivot is under way.
func (d *decision) pivotOpen() bool {
	for i := range d.s.Steps {
		if p := d.s.Steps[i].Phase; d.step(i).Kind == Pivot && (p.timed() || p == Raising) {
			return true
		}
	}
	return false
}
