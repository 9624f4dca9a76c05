package saga

import (
	"fmt"
	"slices"
	"time"
)

// checker collects what is wrong with a definition while it builds the graph.
type checker struct {
	m      *Machine
	faults Faults
}

func (c *checker) fault(path, problem, cure string) {
	c.faults = append(c.faults, Fault{Path: path, Problem: problem, Cure: cure})
}

func (c *checker) check() {
	def := &c.m.def
	def.Steps = slices.Clone(def.Steps)
	if !IsName(def.Name) {
		c.fault("saga", fmt.Sprintf("%q is not a name", def.Name), "write a name like fulfilOrder: [a-z][A-Za-z0-9]*")
	}
	if len(def.Steps) == 0 || len(def.Steps) > MaxSteps {
		c.fault("steps", fmt.Sprintf("%d steps", len(def.Steps)), fmt.Sprintf("write 1 to %d", MaxSteps))
		return
	}
	for i := range def.Steps {
		c.step(i)
	}
	c.names()
	c.labels()
	c.onEnd()
	if c.graph() {
		c.kinds()
		c.deadline()
		c.locks()
		c.allItems()
	}
}

func (c *checker) step(i int) {
	step, at := &c.m.def.Steps[i], fmt.Sprintf("steps[%d].", i)
	if _, twice := c.m.index[step.Name]; c.named(step, at) && twice {
		c.fault(at+"step", fmt.Sprintf("%q is the name of an earlier step too", step.Name), "give each step its own name")
	}
	c.m.index[step.Name] = i
	if step.ForEach != nil {
		c.forEach(step, at)
	}
	c.does(step, at)
}

// named checks a step's name.
func (c *checker) named(step *Step, at string) bool {
	if !IsName(step.Name) {
		c.fault(at+"step", fmt.Sprintf("%q is not a name", step.Name), "write a name like reserveStock: [a-z][A-Za-z0-9]*")
		return false
	}
	return true
}

// does checks what a step does, whatever is around it.
func (c *checker) does(step *Step, at string) {
	switch {
	case step.Waits():
		c.waits(step, at)
		return
	case step.Child != nil:
		c.child(step, at)
		return
	}
	if !IsName(step.Participant) || !IsName(step.Command) {
		c.fault(at+"command", fmt.Sprintf("%q is not a command", step.Participant+"/"+step.Command), "write participant/command, such as payments/charge")
	}
	if step.Compensation != "" && !IsName(step.Compensation) {
		c.fault(at+"compensation", fmt.Sprintf("%q is not a command", step.Compensation), "write a command of the same participant, such as refund")
	}
	c.policy(at, "", step.Do)
	c.policy(at, "undo.", step.Undo)
	if step.Participant == Local && max(step.Do.Heartbeat, step.Undo.Heartbeat) > 0 {
		c.fault(at+"heartbeat", "a local function cannot say that it is at work", "write timeout instead, or make it a participant's command")
	}
}

const (
	maxWait     = 365 * 24 * time.Hour
	maxAttempts = 1000
)

// policy checks a policy, whose options are found behind at and part.
func (c *checker) policy(at, part string, p Policy) {
	for _, d := range [...]struct {
		name string
		wait time.Duration
	}{{"timeout", p.Timeout}, {"heartbeat", p.Heartbeat}, {"retry.backoff", p.Backoff}, {"retry.cap", p.Cap}} {
		if d.wait < 0 || d.wait > maxWait || (d.wait > 0 && d.wait < time.Millisecond) {
			c.fault(at+part+d.name, fmt.Sprintf("%s is out of range", d.wait), "write 1ms to 365 days")
		}
	}
	if p.bounded() && p.Timeout < p.Heartbeat {
		c.fault(at+part+"timeout", fmt.Sprintf("the attempt is over after %s, before its first heartbeat at %s", p.Timeout, p.Heartbeat), "write a timeout of the whole attempt, above the heartbeat, or remove it")
	}
	if p.Attempts < 0 || p.Attempts > maxAttempts {
		c.fault(at+part+"retry.attempts", fmt.Sprintf("%d attempts", p.Attempts), fmt.Sprintf("write 1 to %d", maxAttempts))
	}
	if p.Cap > 0 && p.Backoff > p.Cap {
		c.fault(at+part+"retry.cap", fmt.Sprintf("cap %s is below backoff %s", p.Cap, p.Backoff), "write a cap of at least the backoff")
	}
}

// graph resolves After and reports whether the steps form an acyclic graph.
func (c *checker) graph() bool {
	before := len(c.faults)
	c.m.after = make([][]int, len(c.m.def.Steps))
	for i := range c.m.def.Steps {
		c.m.after[i] = c.resolve(i)
	}
	if len(c.faults) > before {
		return false
	}
	for i := range c.m.after {
		if c.reaches(i, i, map[int]bool{}) {
			c.fault(fmt.Sprintf("steps[%d].after", i), "the step waits for itself", "break the cycle")
			return false
		}
	}
	return true
}

func (c *checker) resolve(i int) []int {
	step := &c.m.def.Steps[i]
	if step.After == nil {
		if i == 0 {
			return nil
		}
		return []int{i - 1}
	}
	var after []int
	for _, name := range step.After {
		j, ok := c.m.index[name]
		if !ok {
			c.fault(fmt.Sprintf("steps[%d].after", i), fmt.Sprintf("there is no step %q", name), "name steps of this definition")
			continue
		}
		if !slices.Contains(after, j) {
			after = append(after, j)
		}
	}
	return after
}

func (c *checker) reaches(from, to int, seen map[int]bool) bool {
	for _, next := range c.m.after[from] {
		if next == to {
			return true
		}
		if !seen[next] {
			seen[next] = true
			if c.reaches(next, to, seen) {
				return true
			}
		}
	}
	return false
}

// kinds checks the rules of compensable, pivot and retriable steps.
func (c *checker) kinds() {
	for i, step := range c.m.def.Steps {
		if step.Kind == Pivot {
			if c.m.pivot >= 0 {
				c.fault(fmt.Sprintf("steps[%d].kind", i), "a second pivot", "a saga has one point of no return: make one of them compensable or retriable")
				continue
			}
			c.m.pivot = i
		}
	}
	for i := range c.m.def.Steps {
		c.kind(i, fmt.Sprintf("steps[%d].", i))
		c.reads(i)
	}
}

func (c *checker) kind(i int, at string) {
	step, pivot := &c.m.def.Steps[i], c.m.pivot
	isAfter := c.comesAfterPivot(i)
	isBefore := pivot >= 0 && c.reaches(pivot, i, map[int]bool{})
	if pivot >= 0 && i != pivot && !isAfter && !isBefore {
		c.fault(at+"after", fmt.Sprintf("runs beside the pivot %s", c.m.def.Steps[pivot].Name), "let it come before or after the pivot")
	}
	switch {
	case step.Approval != nil && isAfter:
		c.fault(at+"approval", "comes after the pivot: a refusal could not turn the saga back", "await a signal instead and let when decide what follows")
	case step.Waits():
		return
	}
	switch step.Kind {
	case Compensable:
		c.compensable(step, at, isAfter)
	case Pivot:
		if step.When != nil {
			c.fault(at+"when", "the pivot has a condition", "put the condition on the steps around it: without its pivot a saga has no point of no return")
		}
		c.noUndo(step, at)
	case Retriable:
		if !isAfter {
			c.fault(at+"kind", "a retriable step that does not come after the pivot could not be undone", "mark the last step that may be refused as kind: pivot, or make this one compensable")
		}
		c.noUndo(step, at)
	default:
		c.fault(at+"kind", fmt.Sprintf("there is no kind %d", step.Kind), "write compensable, pivot or retriable")
	}
}

// reads refuses what could read one thing when a step is done and another when
// it is sent again or undone: only a step that came before has a settled output.
func (c *checker) reads(i int) {
	step := &c.m.def.Steps[i]
	for n, expr := range step.exprs() {
		if expr == nil {
			continue
		}
		part := [...]string{"when", "input", "sleep.until", "forEach", "await.match"}[n]
		for _, name := range expr.Reads().Steps {
			at := fmt.Sprintf("steps[%d].%s", i, part)
			j, ok := c.m.index[name]
			switch {
			case !ok:
				c.fault(at, fmt.Sprintf("there is no step %q", name), "name steps of this definition")
			case c.m.def.Steps[j].Sleep != nil:
				c.fault(at, fmt.Sprintf("reads the output of %s, which sleeps and has none", name), "read another step")
			case !c.reaches(i, j, map[int]bool{}):
				c.fault(at, fmt.Sprintf("reads the output of %s, which does not come before this step", name), "add it to after")
			}
		}
	}
}

func (c *checker) compensable(step *Step, at string, isAfter bool) {
	switch {
	case isAfter:
		c.fault(at+"kind", "comes after the pivot and is compensable", "make it kind: retriable: after the pivot a saga only goes forward")
	case step.Child != nil: // how it is undone is the child's own
	case step.Compensation == "" && step.Reason == "":
		c.fault(at+"compensation", "a compensable step has no compensation", "name the command that undoes it, or say why none is needed with noCompensation")
	case step.Compensation != "" && step.Reason != "":
		c.fault(at+"noCompensation", "the step has a compensation too", "keep one of them")
	case step.Compensation == "" && step.Undo != (Policy{}):
		c.fault(at+"undo", "a step without compensation is never undone", "remove undo")
	}
}

// noUndo refuses options that would never be used.
func (c *checker) noUndo(step *Step, at string) {
	if step.Compensation != "" || step.Reason != "" {
		c.fault(at+"compensation", fmt.Sprintf("a %s step is never undone", step.Kind), "remove compensation and noCompensation")
	}
	if step.Undo != (Policy{}) {
		c.fault(at+"undo", fmt.Sprintf("a %s step is never undone", step.Kind), "remove undo")
	}
	if step.Kind == Retriable && step.Do.Attempts != 0 {
		c.fault(at+"retry.attempts", "a retriable step never gives up", "remove attempts")
	}
}
