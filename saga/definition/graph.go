package definition

import (
	"fmt"
	"slices"
	"strings"

	"github.com/unwindhq/unwind/saga"
)

// Mermaid draws a definition as a Mermaid flowchart: a box for each step, an arrow
// from what must be over before it. Web pages, wikis and editors render it.
func Mermaid(def *saga.Definition) string {
	var b strings.Builder
	b.WriteString("flowchart TD\n")
	for i := range def.Steps {
		step := &def.Steps[i]
		open, shut := shapeAround(step)
		fmt.Fprintf(&b, "  %s%s\"%s\"%s\n", boxOf(step.Name), open, escape(strings.Join(linesOf(step), "\n")), shut)
	}
	for i := range def.Steps {
		after := def.Steps[i].After
		if after == nil && i > 0 {
			after = []string{def.Steps[i-1].Name}
		}
		for _, name := range after {
			fmt.Fprintf(&b, "  %s --> %s\n", boxOf(name), boxOf(def.Steps[i].Name))
		}
	}
	return b.String()
}

// boxOf is a step's name in the drawing: end, class and the like mean something there.
func boxOf(name string) string { return "s_" + name }

// shapeAround is the form of a step: a pivot is a hexagon, a wait is round.
func shapeAround(step *saga.Step) (open, shut string) {
	switch {
	case step.Kind == saga.Pivot:
		return "{{", "}}"
	case step.Waits():
		return "([", "])"
	}
	return "[", "]"
}

// linesOf says what a step does.
func linesOf(step *saga.Step) []string {
	lines := []string{step.Name}
	switch {
	case step.Sleep != nil && step.Sleep.Until != nil:
		lines = append(lines, "sleep until "+step.Sleep.Until.String())
	case step.Sleep != nil:
		lines = append(lines, "sleep "+step.Sleep.For.String())
	case step.Await != nil:
		what := step.Await.Signals
		if e := step.Await.Event; e != nil {
			what = append(slices.Clone(what), "an event of "+e.Topic)
		}
		lines = append(lines, "await "+strings.Join(what, " or "))
	case step.Approval != nil:
		lines = append(lines, strings.TrimSpace("approval "+strings.Join(step.Approval.By, ", ")))
	case step.Child != nil:
		lines = append(lines, strings.TrimSpace("saga "+step.Child.Definition+" "+step.Child.Version))
	default:
		lines = append(lines, step.Participant+"/"+step.Command)
	}
	if step.ForEach != nil {
		lines = append(lines, "for each "+step.ForEach.List.String())
	}
	if step.Kind != saga.Compensable {
		lines = append(lines, step.Kind.String())
	}
	if step.Compensation != "" {
		lines = append(lines, "undone by "+step.Compensation)
	}
	if step.When != nil {
		lines = append(lines, "when "+step.When.String())
	}
	return lines
}

// escape writes text as it may stand between quotes.
func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", `"`, "&quot;", "<", "&lt;", ">", "&gt;", "\n", "<br/>").Replace(text)
}
