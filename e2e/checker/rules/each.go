package rules

import (
	"slices"
	"strconv"
	"strings"
)

// A step with Each runs once for each item of a list. How long the list is no event
// says, so the items are those that events speak of: a stage each, made when it is first
// named, beside the stage of the step itself, which only they move.

// maxItems is the longest list that a step may have.
const maxItems = 1000

// item returns the stage of an item such as ship[3], or nil.
func (t *tale) item(text string) *stage {
	name, rest, isItem := strings.Cut(text, "[")
	n, err := strconv.Atoi(strings.TrimSuffix(rest, "]"))
	if !isItem || err != nil || n < 0 || n >= maxItems || text != name+"["+strconv.Itoa(n)+"]" {
		return nil
	}
	of := t.find(name)
	if of == nil || of.Each == 0 {
		return nil
	}
	step := *of.Step
	step.Name, step.Each = text, 0
	s := &stage{Step: &step, of: of, before: of.before, later: of.later}
	of.items = append(of.items, s)
	t.stages = append(t.stages, s)
	return s
}

// is reports whether the stage is a step or one of its items.
func (s *stage) is(step string) bool { return s.Name == step || s.of != nil && s.of.Name == step }

// crowd: no more items are under way at once than their step allows.
func (c *checker) crowd(t *tale, e *Event, s *stage) {
	if s.of == nil {
		return
	}
	n := 0
	for _, item := range s.of.items {
		if item.phase.timed() && item.attempt > 0 {
			n++
		}
	}
	if n > s.of.Each {
		c.findf("I3", t.id, "event %d sends %s, the %dth of %s that is under way at once: at most %d may be", e.Seq, s.Name, n, s.of.Name, s.of.Each)
	}
}

// anyItem reports whether one of a step's items is so.
func (s *stage) anyItem(is func(*stage) bool) bool { return slices.ContainsFunc(s.items, is) }
