package saga

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxCodeEvents is the longest history of a saga that is code: running the
// function again must stay cheap.
const MaxCodeEvents = 50_000

// maxTurn is how much a function may ask for at once.
const maxTurn = 1000

// goOn tells the function what is over, as long as something is, and takes what it
// asks for.
func (d *decision) goOn() error {
	for {
		answers, err := d.answers()
		p := d.plan()
		if err != nil || p != nil && (p.Ended || len(answers) == 0) {
			return firstOf(err, d.endCode)
		}
		turn, err := d.resume(answers)
		if err == nil {
			err = d.take(&turn)
		}
		if err != nil || d.s.Status != Running {
			return err
		}
	}
}

func firstOf(err error, then func() error) error {
	if err != nil {
		return err
	}
	return then()
}

// answers makes what the function is told of the steps that are over.
func (d *decision) answers() ([]Answer, error) {
	g := d.g
	g.answers = g.answers[:0]
	for _, o := range g.over {
		g.answers = append(g.answers, Answer{Ask: d.plan().Steps[o.i].Ask, Phase: o.phase, Reason: o.why})
		if o.phase == Done {
			if err := d.result(o.i, &g.answers[len(g.answers)-1]); err != nil {
				return nil, err
			}
		}
	}
	g.over = g.over[:0]
	return g.answers, nil
}

// result finds what a step that is done has yielded. It is told once and not kept.
func (d *decision) result(i int, a *Answer) (err error) {
	st, step := &d.s.Steps[i], d.step(i)
	a.Signal = st.Extras().Signal
	switch {
	case step.Sleep != nil:
	case st.Output != nil:
		a.Payload, st.Output = JSON(st.Output), nil
	case a.Signal != "":
		if a.Payload, err = d.signalOutput(i); err != nil {
			return fmt.Errorf("signal %s of saga %s: %w", a.Signal, d.s.ID, err)
		}
	default:
		a.Payload = d.e.Payload
	}
	return nil
}

// take takes what the function has asked for and lets it begin.
func (d *decision) take(turn *Turn) error {
	if turn.Fault != nil {
		return turn.Fault
	}
	if len(turn.Asks) > maxTurn {
		return fmt.Errorf("the code asks for %d things at once, the most is %d", len(turn.Asks), maxTurn)
	}
	d.changed = true
	d.grow().Resumed = d.s.Seq + 1
	for i := range turn.Asks {
		if err := d.ask(&turn.Asks[i]); err != nil {
			return err
		}
	}
	switch {
	case turn.Ended && turn.Anew != nil:
		return d.continues(turn.Anew)
	case turn.Ended && turn.Err != nil:
		return d.failed(turn.Err)
	case turn.Ended:
		p := d.grow()
		p.Ended, p.Output = true, turn.Output
		return d.record(Asked{What: askedReturn})
	}
	return nil
}

// failed: the function has returned an error.
func (d *decision) failed(err error) error {
	if recordErr := d.record(Asked{What: askedFail}); recordErr != nil {
		return recordErr
	}
	if d.s.PivotSent {
		return fmt.Errorf("the code returned an error after its pivot, from where there is no way back: %w", err)
	}
	d.g.failed = true
	return d.turnBack(err.Error())
}

// ask appends one step to the plan and begins it, or records a value.
func (d *decision) ask(a *Ask) error {
	asked := Asked{What: a.What(), Data: a.Input.Data}
	if a.Record != "" {
		asked.Data = a.Value
	}
	err := d.record(asked)
	if name, is := strings.CutPrefix(a.Record, AskedAttribute); is && err == nil {
		err = d.setAttribute(name, d.g.asked[len(d.g.asked)-1].Data)
	}
	if err != nil || a.Record != "" {
		return err
	}
	if len(d.s.Steps) >= MaxPlanned+maxTurn || len(d.s.Steps) >= MaxPlanned && d.live() >= MaxPlanned {
		return fmt.Errorf("the code has %d steps under way or to be undone, the most is %d: let child sagas do a part", len(d.s.Steps), MaxPlanned)
	}
	step := a.Step
	if d.s.PivotSent && step.Kind == Compensable && step.Compensation == "" && !step.Waits() {
		step.Kind, step.Reason, step.Do.Attempts = Retriable, "", 0
	}
	if d.e.Seq == 0 {
		if err := d.checkAsk(&step); err != nil {
			return err
		}
	}
	p := d.grow()
	p.Asked++
	p.Steps = append(p.Steps, &Planned{Step: step.withDefaults(), Visit: a.Visit, Ask: p.Asked, After: a.After})
	d.s.Steps = append(d.s.Steps, StepState{})
	if !step.Waits() {
		d.g.run.keep(p.Asked, d.g.asked[len(d.g.asked)-1].Data)
	}
	_, err = d.begin(len(d.s.Steps) - 1)
	return err
}

// live counts the steps that prune would keep.
func (d *decision) live() (n int) {
	for i := range d.s.Steps {
		if !d.closed(i) {
			n++
		}
	}
	return n
}

// checkAsk refuses what a definition would be refused for.
func (d *decision) checkAsk(step *Step) error {
	var c checker
	c.named(step, "steps[0].")
	c.does(step, "steps[0].")
	if step.ForEach != nil || step.When != nil || step.Input != nil || step.After != nil {
		c.fault("steps[0]", "code asks for a command, a child or a wait: after, when, input and forEach are for definitions", "let the function do it")
	}
	if step.Waits() {
		if step.Sleep != nil && step.Sleep.Until != nil {
			c.fault("steps[0].sleep", "code sleeps for a time", "compute the duration")
		}
		if step.Approval != nil && d.s.PivotSent {
			c.fault("steps[0].approval", "comes after the pivot: a refusal could not turn the saga back", "await a signal instead")
		}
		return c.err(step)
	}
	if problem, cure := d.g.code.undeclared(step); problem != "" {
		c.fault("steps[0].command", problem, cure)
	}
	if d.pivotOpen() || step.Kind == Pivot && d.commandsOut() {
		c.fault("steps[0].kind", "runs beside the pivot", "let it come before or after the pivot")
	}
	switch step.Kind {
	case Compensable:
		c.compensable(step, "steps[0].", d.s.PivotSent)
		d.checkUndoable(&c, step.Reason != "", "its step has no compensation")
	case Pivot:
		if d.s.PivotSent {
			c.fault("steps[0].kind", "a second pivot", "a saga has one point of no return")
		}
		d.checkUndoable(&c, true, "a pivot is a point of no return")
		c.noUndo(step, "steps[0].")
	case Retriable:
		if !d.s.PivotSent {
			c.fault("steps[0].kind", "a retriable step that does not come after the pivot could not be undone", "make it compensable")
		}
		c.noUndo(step, "steps[0].")
	}
	return c.err(step)
}

// checkUndoable refuses what a parent could not turn back that has to be able to.
func (d *decision) checkUndoable(c *checker, would bool, why string) {
	if f := d.s.Extras().Family; would && f != nil && f.Undoable {
		c.fault("steps[0].kind", "the saga is a step that its parent must be able to undo: "+why, "let the parent begin it as a pivot, behind its pivot, or with the reason why its effect may stay")
	}
}

// commandsOut reports whether a command is under way that goes forward.
func (d *decision) commandsOut() bool {
	return slices.ContainsFunc(d.s.Steps, func(st StepState) bool { return st.Phase.timed() && !st.Phase.Back() || st.Phase == Raising })
}

// err returns the faults of one step that code has asked for.
func (c *checker) err(step *Step) error {
	if len(c.faults) == 0 {
		return nil
	}
	return fmt.Errorf("the code asks for step %s: %w", step.Name, c.faults)
}

// record notes what the function has asked for. In a replay it must be what it
// was then, and the input of then counts.
func (d *decision) record(a Asked) error {
	if d.e.Seq != 0 {
		recorded, n := d.e.Extras().Asked, len(d.g.asked)
		switch {
		case n >= len(recorded):
			return fmt.Errorf("%w: with event %d (%s) it asked for no more, the code now wants %s", ErrCodeChanged, d.e.Seq, d.e.Kind, a.What)
		case recorded[n].What != a.What:
			return fmt.Errorf("%w: event %d was %s, the code now wants %s", ErrCodeChanged, d.e.Seq, recorded[n].What, a.What)
		}
		a = recorded[n]
	}
	if !utf8.Valid(a.Data) {
		return fmt.Errorf("the code asks for %s with a value that is not UTF-8, as JSON must be", a.What)
	}
	d.g.asked = append(d.g.asked, a)
	return nil
}

// noteAsked ends a decision about a saga that is code.
func (d *decision) noteAsked() error {
	if d.g == nil {
		return nil
	}
	asked, recorded := d.g.asked, d.e.Extras().Asked
	switch {
	case d.e.Seq != 0 && len(asked) < len(recorded):
		return fmt.Errorf("%w: event %d was %s, the code now wants nothing", ErrCodeChanged, d.e.Seq, recorded[len(asked)].What)
	case d.e.Seq == 0 && d.s.Seq >= MaxCodeEvents && slices.ContainsFunc(asked, Asked.isStep):
		return fmt.Errorf("the saga has %d events and its code goes on: the most is %d; let it end, or continue as new", d.s.Seq, MaxCodeEvents)
	case len(asked) > 0:
		d.effects = append(d.effects, Noted{asked})
	}
	d.prune()
	return nil
}

// endCode completes a saga whose function has returned, once nothing is under way.
func (d *decision) endCode() error {
	if p := d.plan(); p == nil || !p.Ended || d.s.Status != Running {
		return nil
	}
	for i := range d.s.Steps {
		if p := d.s.Steps[i].Phase; p.timed() || p.withChild() {
			return nil
		}
	}
	for i := range d.s.Steps {
		if d.s.Steps[i].Phase.waits() {
			d.settle(i, Skipped)
		}
	}
	if p := d.plan(); p.Continues {
		if !d.s.Paused.IsZero() {
			return nil // nor must the next run begin
		}
		return d.next()
	}
	p := d.grow()
	if len(p.Output) > MaxPayload {
		return fmt.Errorf("output: %d bytes, above the limit of %d: pass a reference instead", len(p.Output), MaxPayload)
	}
	d.s.Own().Output, p.Output = p.Output, nil
	d.s.finish(Completed)
	return nil
}

// setBack: step i's do has not succeeded. A declared saga turns back. Code hears
// of it and decides; what may have been done is undone at once, since the saga may
// yet go forward.
func (d *decision) setBack(i int, why string) error {
	if d.g == nil || d.s.Status != Running || d.plan().Ended {
		return d.turnBack(why)
	}
	for n := range d.g.over {
		if d.g.over[n].i == i {
			d.g.over[n].why = why
		}
	}
	if d.step(i).Kind == Pivot {
		d.s.PivotSent = false // it was refused: there is a way back again
	}
	if d.s.Steps[i].Phase == Unknown && d.step(i).Compensation != "" {
		if err := d.undo(i); err != nil {
			return err
		}
	}
	return d.advance()
}

// undone goes on after the end of a compensation.
func (d *decision) undone() error {
	if d.s.Status == Running && d.s.Extras().Reset == 0 {
		return d.advance()
	}
	return d.reverse()
}

// askedInput is what the function has asked with for step i.
func (d *decision) askedInput(i int) (Payload, error) {
	ask := d.plan().Steps[i].Ask
	if at, ok := d.g.run.kept(ask); ok {
		return JSON(d.g.run.inputs[at].data), nil
	}
	n := int64(0)
	for e := range d.h {
		for _, asked := range d.h[e].Extras().Asked {
			if !asked.isStep() {
				continue
			}
			if n++; n == ask {
				return JSON(asked.Data), nil
			}
		}
	}
	return Payload{}, fmt.Errorf("the input that the code has asked with: %w", ErrNeedHistory)
}

// signalledCode hands a signal to the first step that awaits it, or keeps it: what
// the code will await is not known.
func (d *decision) signalledCode() error {
	name, kept := d.e.Extras().Signal, d.s.Extras().Signals
	switch {
	case d.s.Status.Ended():
		return d.ended("signal")
	case d.s.Status != Running || d.plan() != nil && d.plan().Ended:
		return fmt.Errorf("signal saga %s: it is %s and awaits nothing: %w", d.s.ID, d.s.Status, ErrNotNow)
	case !IsName(name):
		return fmt.Errorf("signal saga %s: %.80q is not a name: %w", d.s.ID, name, ErrNotNow)
	}
	signal := KeptSignal{Name: name, Seq: d.s.Seq + 1, Data: append([]byte{}, d.e.Payload.Data...)}
	if len(signal.Data) > InlineMax {
		signal.Data = nil
	}
	for i := range d.s.Steps {
		if d.s.Steps[i].Phase == Awaiting && slices.Contains(d.step(i).Await.Signals, name) {
			d.answer(i, signal)
			return d.advance()
		}
	}
	if len(kept) >= MaxCodeSignals {
		return fmt.Errorf("signal saga %s: %d signals are kept for it already: %w", d.s.ID, len(kept), ErrNotNow)
	}
	d.s.Own().Signals = append(slices.Clip(kept), signal)
	d.changed = true
	return nil
}
