package saga

import "time"

// What kind of step a planned one is, in the order in which they were made.
const (
	plannedCommand  = 0
	plannedSleep    = 1
	plannedAwait    = 2
	plannedApproval = 3
	plannedChild    = 4
)

func (w *stateWriter) plan(p *Plan) {
	w.int(p.Asked)
	w.int(p.Folded)
	w.int(p.Resumed)
	w.section(ending(p))
	w.bytes(p.Output)
	w.int(int64(len(p.Steps)))
	for _, step := range p.Steps {
		w.planned(step)
	}
}

// How a function has ended.
const (
	endsNot     = 0
	endsForGood = 1
	endsAnew    = 2
)

func ending(p *Plan) byte {
	switch {
	case p.Continues:
		return endsAnew
	case p.Ended:
		return endsForGood
	}
	return endsNot
}

func (w *stateWriter) planned(p *Planned) {
	step := &p.Step
	w.text(step.Name)
	w.int(int64(p.Visit))
	w.int(p.Ask)
	w.int(int64(len(p.After)))
	for _, ask := range p.After {
		w.int(ask)
	}
	switch {
	case step.Sleep != nil:
		w.section(plannedSleep)
		w.int(int64(step.Sleep.For))
	case step.Await != nil:
		w.section(plannedAwait)
		w.texts(step.Await.Signals)
		w.int(int64(step.Await.Timeout))
	case step.Approval != nil:
		w.section(plannedApproval)
		w.approval(step.Approval)
	case step.Child != nil:
		w.section(plannedChild)
		w.text(step.Child.Definition)
		w.text(step.Child.Version)
		w.command(step)
	default:
		w.section(plannedCommand)
		w.command(step)
	}
}

func (w *stateWriter) command(step *Step) {
	w.section(byte(step.Kind))
	w.text(step.Participant)
	w.text(step.Command)
	w.text(step.Compensation)
	w.text(step.Reason)
	w.policy(step.Do, usualDo)
	w.policy(step.Undo, usualUndo)
}

// Most policies are the default ones, which need no more than a byte.
const (
	policyWritten = 0
	policyNone    = 1
	policyUsual   = 2
)

// usualDo and usualUndo are what this layout calls usual, whatever the defaults become.
var (
	usualDo   = Policy{Timeout: 30 * time.Second, Attempts: 5, Backoff: time.Second, Cap: time.Minute}
	usualUndo = Policy{Timeout: 30 * time.Second, Attempts: 10, Backoff: time.Second, Cap: time.Minute}
)

func (w *stateWriter) policy(p, usual Policy) {
	switch p {
	case Policy{}:
		w.section(policyNone)
		return
	case usual:
		w.section(policyUsual)
		return
	}
	w.section(policyWritten)
	w.int(int64(p.Timeout))
	w.int(int64(p.Attempts))
	w.int(int64(p.Backoff))
	w.int(int64(p.Cap))
	w.int(int64(p.Heartbeat))
}

func (w *stateWriter) approval(a *Approval) {
	w.texts(a.By)
	w.int(int64(a.Due))
	w.int(int64(a.EscalateAfter))
	w.texts(a.EscalateTo)
	w.bool(a.ApproveWhenLate)
}

func (w *stateWriter) texts(list []string) {
	w.int(int64(len(list)))
	for _, text := range list {
		w.text(text)
	}
}

// plan reads the plan, which has a definition for each of the steps.
func (r *stateReader) plan(s *State) {
	p := &Plan{Asked: r.int(), Folded: r.int(), Resumed: r.int()}
	ended := r.byte()
	p.Ended, p.Continues, p.Output = ended != 0, ended == endsAnew, r.bytes()
	p.Steps = list(r, r.planned)
	if len(p.Steps) != len(s.Steps) {
		r.fail()
	}
	r.extra(s).Plan = p
}

func (r *stateReader) planned() *Planned {
	p := &Planned{Step: Step{Name: r.text()}, Visit: int(r.int()), Ask: r.int(), After: list(r, r.int)}
	step := &p.Step
	switch r.byte() {
	case plannedSleep:
		step.Sleep = &Sleep{For: r.duration()}
	case plannedAwait:
		step.Await = &Await{Signals: list(r, r.text), Timeout: r.duration()}
	case plannedApproval:
		step.Approval = &Approval{
			By: list(r, r.text), Due: r.duration(), EscalateAfter: r.duration(), EscalateTo: list(r, r.text), ApproveWhenLate: r.byte() == 1,
		}
	case plannedChild:
		step.Child = &Child{Definition: r.text(), Version: r.text()}
		r.command(step)
	case plannedCommand:
		r.command(step)
	default:
		r.fail()
	}
	return p
}

func (r *stateReader) command(step *Step) {
	step.Kind, step.Participant, step.Command = Kind(r.byte()), r.text(), r.text()
	step.Compensation, step.Reason = r.text(), r.text()
	step.Do, step.Undo = r.policy(usualDo), r.policy(usualUndo)
}

func (r *stateReader) policy(usual Policy) Policy {
	switch r.byte() {
	case policyNone:
		return Policy{}
	case policyUsual:
		return usual
	case policyWritten:
	default:
		r.fail()
	}
	return Policy{Timeout: r.duration(), Attempts: int(r.int()), Backoff: r.duration(), Cap: r.duration(), Heartbeat: r.duration()}
}

func (r *stateReader) duration() time.Duration { return time.Duration(r.int()) }
