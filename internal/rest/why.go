package rest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/fleet"
	"github.com/unwindhq/unwind/internal/hold"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

type whyInput struct {
	ID string `path:"id" doc:"the saga's id"`
}

type whyOutput struct{ Body client.Reasons }

// why says in sentences why a saga is where it is.
func (s *Server) why(ctx context.Context, in *whyInput) (*whyOutput, error) {
	id, err := s.parseID(in.ID)
	if err != nil {
		return nil, err
	}
	row, err := s.read(ctx, id)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	facts := whyFacts{row: row, locks: s.locksOf(ctx, &row.State)}
	def := s.definitionOf(ctx, row)
	facts.steps = stepsOf(&def, &row.State)
	if anyHeld(row) {
		facts.holds, facts.plain = s.holds(ctx), def.Steps
		facts.breakers = s.allBreakers(ctx)
	}
	after := max(row.State.Seq-lookBack, 0)
	if facts.last, err = s.cfg.Reader.History(ctx, id, after, lookBack); err != nil {
		return nil, s.answer(ctx, err)
	}
	return &whyOutput{Body: client.Reasons{Reasons: facts.reasons()}}, nil
}

const (
	// lookBack is how many of a saga's last events are read for who did what when.
	lookBack = 200
	// maxReasons is how many reasons are given: a list may have many items under way.
	maxReasons = 50
)

// anyHeld reports whether a command of a saga is kept back, if only because the saga
// is paused.
func anyHeld(row coordinator.Row) bool {
	for i := range row.State.Steps {
		if isHeld(row, i) {
			return true
		}
	}
	return false
}

// allBreakers are those of the fleet. What cannot be read is not told of.
func (s *Server) allBreakers(ctx context.Context) []fleet.Breaker {
	if s.cfg.Fleet == nil {
		return nil
	}
	list, err := s.cfg.Fleet.Breakers(ctx, "")
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "a saga is explained without breakers", "error", err)
	}
	return list
}

// whyFacts are what is known of a saga that is to be explained.
type whyFacts struct {
	row      coordinator.Row
	steps    []namedStep
	plain    []saga.Step // the definition's
	locks    []client.Lock
	holds    []hold.Hold
	breakers []fleet.Breaker
	last     []saga.Event // its last events
	list     []client.Reason
}

// reasons lists them, the most pressing first.
func (f *whyFacts) reasons() []client.Reason {
	s := &f.row.State
	f.list = []client.Reason{}
	if s.Status.Ended() {
		f.ended()
		return f.list
	}
	f.attention()
	if !s.Paused.IsZero() {
		f.add("", "It is paused since "+clock(s.Paused)+f.by(saga.Paused)+": nothing is sent, answers are taken.", f.verb("resume", ""))
	}
	if s.Status == saga.Compensating {
		f.add("", "It turns back: "+s.Cause+".", "")
	}
	if begin := s.Extras().Begin; !begin.IsZero() {
		f.add("", "Its first steps begin at "+clock(begin)+", as was asked for when it was started.", "The time.")
	}
	f.locked()
	if !s.Blocked() { // else whatever comes for a step is kept
		f.eachStep()
	}
	if !s.Deadline.IsZero() && s.Status == saga.Running {
		f.add("", "It turns back at "+clock(s.Deadline)+" if its pivot was not sent by then.", "")
	}
	if len(f.list) == 0 {
		f.idle()
	}
	return f.list
}

// idle says what a saga waits for that waits for nothing that can be seen.
func (f *whyFacts) idle() {
	if f.row.State.Waits() == saga.ForUpdate {
		f.add("", "Its function waits until something holds that an update may change.", f.verb("update", "NAME")+"; one that it does not know answers with those that it has.")
		return
	}
	f.add("", "It waits for nothing: it is about to go on.", "")
}

func (f *whyFacts) add(step, why, moves string) {
	f.list = append(f.list, client.Reason{Step: step, Why: why, Moves: moves})
}

// verb is the command that carries a verb out.
func (f *whyFacts) verb(name, step string) string {
	return strings.TrimSpace("unwind saga " + name + " " + f.row.State.ID.String() + " " + step)
}

// clock is a time in sentences.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// by says who has done something last, and why.
func (f *whyFacts) by(kind saga.EventKind) string {
	for _, e := range slices.Backward(f.last) {
		if e.Kind == kind {
			text := " by " + actorText(e.Actor)
			if e.Reason != "" {
				text += " (" + e.Reason + ")"
			}
			return text
		}
	}
	return ""
}

func (f *whyFacts) ended() {
	s := &f.row.State
	text := "It is " + s.Status.String() + " since " + clock(s.Last)
	if s.Status != saga.Completed && s.Cause != "" {
		text += ": " + s.Cause
	}
	moves := "Nothing more happens to it. To do it again: " + f.verb("restart", "")
	if s.Status == saga.Abandoned {
		text += f.by(saga.Terminated)
		moves = "Nothing more happens to it; unwind saga show says which effects are left alive."
	}
	f.add("", text+".", moves)
}

// helps says which verbs help with a reason for attention.
var helps = map[saga.AttentionReason]string{
	saga.PivotUnknown:       "It goes on asking. Find out whether it has happened: if so, resolve it with its output; if the participant can be asked again now, retry",
	saga.RetriableFailing:   "It goes on trying. Mend the participant, then retry; else edit its input, resolve it with an output, or skip it",
	saga.CompensationFailed: "It goes on trying. Mend the participant, then retry; else edit its input, or undo it by hand and skip it",
	saga.NotDeliverable:     "The command can never be sent as it is: mend the topic and retry, edit its input, or resolve or skip it",
	saga.TransitionFailed:   "It takes no messages until somebody acts: retry tells it again what it could not take, cancel turns it back, terminate ends it as it is",
	saga.ChildAbandoned:     "Its child was terminated and will never end by itself: resolve the step with an output, or skip it",
}

// eachStep says what each step waits for.
func (f *whyFacts) eachStep() {
	s := &f.row.State
	for i := range s.Steps {
		if len(f.list) >= maxReasons { // attention has reasons of its own
			f.add("", "There is more than is told here.", "unwind saga show "+s.ID.String())
			break
		}
		f.step(i)
	}
}

// attention says what an operator should look at.
func (f *whyFacts) attention() {
	s := &f.row.State
	for _, a := range s.Attention {
		text := "It needs attention: " + string(a.Reason)
		if a.Text != "" {
			text += ": " + strings.TrimSuffix(a.Text, ".")
		}
		if to := s.Extras().Assigned; to != "" {
			text += "; " + to + " looks after it"
		}
		if h, ok := s.Heeded(a); ok {
			text += "; " + h.By + " knows"
		}
		moves := helps[a.Reason]
		if moves != "" {
			moves += ": unwind saga VERB " + s.ID.String()
			if a.Reason != saga.TransitionFailed && a.Step != "" { // these verbs are the saga's
				moves += " " + a.Step
			}
		}
		f.add(a.Step, text+".", moves)
	}
}

// locked says whose keys it waits for.
func (f *whyFacts) locked() {
	due := time.Time{}
	if l := f.row.State.Extras().Locks; l != nil {
		due = l.Due
	}
	for _, l := range f.locks {
		if l.Granted {
			continue
		}
		moves := "The holder's end: unwind saga why " + l.Holder
		if !due.IsZero() {
			moves += ". At " + clock(due) + " it turns back"
		}
		f.add("", fmt.Sprintf("It waits for the key %s, which saga %s has; %d come before it.", l.Key, l.Holder, l.Ahead), moves)
	}
}

// step says what the step or item of state i waits for, if for anything.
func (f *whyFacts) step(i int) {
	st := &f.row.State.Steps[i]
	place, item := f.row.State.Place(i)
	if place >= len(f.steps) {
		if st.Phase != saga.Waiting && st.Phase != saga.Done {
			f.add("", fmt.Sprintf("Step %d is %s; this process cannot read its version of the definition, so it cannot say more.", place+1, st.Phase), "")
		}
		return
	}
	step, name := f.steps[place].step, f.steps[place].called
	if item > 0 {
		name = saga.StepRef{Name: name, Item: item}.String()
	}
	switch st.Phase {
	case saga.Doing, saga.Undoing:
		f.asked(name, step, st)
	case saga.Resting, saga.UndoResting:
		f.add(name, fmt.Sprintf("%s has failed at attempt %d and rests.", what(name, st), st.Attempt), "The next attempt at "+clock(st.Due)+". Now: "+f.verb("retry", name))
	case saga.Held, saga.UndoHeld:
		f.held(i, name, step, st)
	case saga.Sleeping:
		f.add(name, name+" sleeps.", "The time, "+clock(st.Due)+". At once: "+f.verb("skip", name))
	case saga.Awaiting:
		f.awaiting(name, step, st)
	case saga.Asking:
		f.asking(name, step, st)
	case saga.Raising, saga.Reversing:
		f.child(name, step, st)
	}
}

// what names what a step does now.
func what(name string, st *saga.StepState) string {
	if st.Phase.Back() {
		return "The undo of " + name
	}
	return name
}

// asked says whom a step has asked, and since when.
func (f *whyFacts) asked(name string, step *saga.Step, st *saga.StepState) {
	command, direction := step.Command, saga.Do
	if st.Phase == saga.Undoing {
		command, direction = step.Compensation, saga.Undo
	}
	since := ""
	for _, e := range slices.Backward(f.last) {
		if slices.ContainsFunc(e.Sent, func(c saga.Sent) bool { return c.Step.String() == name && c.Direction == direction }) {
			since = " at " + clock(e.At)
			break
		}
	}
	why := fmt.Sprintf("%s waits for an answer of %s, which was asked to %s%s, attempt %d.", what(name, st), step.Participant, command, since, st.Attempt)
	if p := st.Extras().Progress; p != nil {
		why = strings.TrimSuffix(why, ".") + fmt.Sprintf("; it has said at %s that it is at work.", clock(p.At))
	}
	moves := "The answer."
	if !st.Due.IsZero() {
		moves = "The answer. Without one by " + clock(st.Due) + late(step, st)
	}
	f.add(name, why, moves)
}

// late says what silence means.
func late(step *saga.Step, st *saga.StepState) string {
	if !st.Phase.Back() && step.Kind == saga.Compensable && st.Attempt >= cmp.Or(step.Do.Attempts, saga.DefaultAttempts) {
		return " the step may have run, and the saga turns back."
	}
	return " it is asked again, as long as the brokers are reached."
}

// held says who keeps a command back.
func (f *whyFacts) held(i int, name string, step *saga.Step, st *saga.StepState) {
	about := what(name, st)
	for _, h := range f.holds {
		if !concerns(h, f.row, f.plain, i) {
			continue
		}
		text := about + " may not be sent: " + h.String() + " is held by " + h.Actor + " since " + clock(h.At)
		moves := releaseOf(h.Target)
		if !h.Held {
			text = fmt.Sprintf("%s waits for its turn: %s was released by %s at %s, %d commands a second", about, h.Target, h.Actor, clock(h.At), h.Rate)
			moves = "Its turn; release again with a higher --rate"
		}
		if h.Reason != "" {
			text += " (" + h.Reason + ")"
		}
		f.add(name, text+".", moves)
		return
	}
	f.broken(about, name, step, st)
}

// releaseOf is the command that releases what is held.
func releaseOf(t hold.Target) string {
	switch t.Kind {
	case hold.Participant:
		return "unwind release participant " + t.Name
	case hold.Definition:
		return "unwind release definition " + t.Name + " --namespace " + t.Namespace
	}
	return "unwind release namespace --namespace " + t.Name
}

// broken says which breaker keeps a command back.
func (f *whyFacts) broken(about, name string, step *saga.Step, st *saga.StepState) {
	if !f.row.State.Paused.IsZero() { // that is what keeps it back
		return
	}
	direction := saga.Do
	if st.Phase.Back() {
		direction = saga.Undo
	}
	var worst *fleet.Breaker
	for i := range f.breakers {
		b := &f.breakers[i]
		if b.Participant == step.Participant && b.Direction == direction.String() && (worst == nil || b.State > worst.State) {
			worst = b
		}
	}
	if worst == nil || worst.State == breaker.Closed {
		f.add(name, about+" may not be sent yet: "+step.Participant+" is asked no more at once than it may be, or its owner has not taken it over.", "Its turn; unwind breaker show "+step.Participant)
		return
	}
	f.add(name, fmt.Sprintf("%s may not be sent: the breaker of %s (%s) is %s since %s, %d of %d outcomes were failures.",
		about, step.Participant, direction, worst.State, clock(worst.Since), worst.Failures, worst.Requests),
		"The participant: a probe finds out by itself when it answers again; unwind breaker show "+step.Participant)
}

// awaiting says what a step waits for that comes from outside.
func (f *whyFacts) awaiting(name string, step *saga.Step, st *saga.StepState) {
	if step.Await == nil {
		return
	}
	var what, moves []string
	if len(step.Await.Signals) > 0 {
		what = append(what, "the signal "+strings.Join(step.Await.Signals, " or "))
		moves = append(moves, "unwind saga signal "+f.row.State.ID.String()+" "+step.Await.Signals[0])
	}
	if step.Await.Event != nil {
		what = append(what, "an event of topic "+step.Await.Event.Topic)
		moves = append(moves, "The event")
	}
	if !st.Due.IsZero() {
		moves = append(moves, "Without it, it goes on at "+clock(st.Due)+", timed out")
	}
	f.add(name, name+" waits for "+strings.Join(what, ", or for ")+".", strings.Join(moves, ". "))
}

// asking says whose decision a step waits for.
func (f *whyFacts) asking(name string, step *saga.Step, st *saga.StepState) {
	if step.Approval == nil {
		return
	}
	by := step.Approval.By
	if st.Attempt > 1 {
		by = slices.Concat(by, step.Approval.EscalateTo)
	}
	whom := "anybody"
	if len(by) > 0 {
		whom = strings.Join(by, " or ")
	}
	moves := f.verb("approve", name) + ", or refuse, which turns it back"
	switch {
	case st.Due.IsZero():
	case st.Attempt <= 1 && step.Approval.EscalateAfter > 0:
		moves += ". At " + clock(st.Due) + " " + strings.Join(step.Approval.EscalateTo, " and ") + " may decide as well"
	case step.Approval.ApproveWhenLate:
		moves += ". Without a decision by " + clock(st.Due) + " it goes on"
	default:
		moves += ". Without a decision by " + clock(st.Due) + " it turns back"
	}
	f.add(name, name+" waits for the approval of "+whom+".", moves)
}

// child says which saga carries a step out.
func (f *whyFacts) child(name string, step *saga.Step, st *saga.StepState) {
	id := st.Extras().Child
	text := name + " is carried out by saga " + id.String()
	if step.Child != nil {
		text += ", a " + step.Child.Definition
	}
	if st.Phase == saga.Reversing {
		text += ", which was told to turn back"
	}
	f.add(name, text+".", "Its end: unwind saga why "+id.String())
}
