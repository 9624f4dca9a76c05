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
	s := &stage{Step: &step, of: of, before: of.before, later: of.later, visit: of.visit}
	of.items = append(of.items, s)
	t.stages = append(t.stages, s)
	return s
}

// expect makes the items of a step that have children in its present visit: they begin
// as soon as they may.
func (t *tale) expect(of *stage) {
	for _, child := range t.children {
		if name := stepName(child); strings.HasPrefix(name, of.Name+"[") && visitOf(child) == of.visit {
			t.find(name)
		}
	}
}

// furl takes away the items of a step that begins anew, and finds which visit comes
// next: the next that an event or a child names, as only the engine knows whether a
// list was empty.
func (t *tale) furl(of *stage) {
	begun := of.anyItem(func(item *stage) bool { return item.phase != waiting })
	next := of.visit + 1
	for visit, found := range t.visits(of) {
		if found && visit >= of.visit && (visit > of.visit || !begun) {
			next = visit
			break
		}
	}
	for _, item := range of.items {
		if item.phase != waiting {
			item.past = append(item.past, visit{item.ref(), item.phase, item.succeeded, item.round, t.resets - 1, item.byHand})
			of.gone = append(of.gone, item)
		}
	}
	t.stages = slices.DeleteFunc(t.stages, func(s *stage) bool { return s.of == of })
	of.items, of.visit = nil, next
	t.expect(of)
}

// visits says of each visit of a step whether one of its items was begun in it.
func (t *tale) visits(of *stage) (found [maxVisits]bool) {
	note := func(ref string) {
		if n := visitOf(ref); strings.HasPrefix(ref, of.Name+"[") && n < maxVisits {
			found[n] = true
		}
	}
	for _, child := range t.children {
		note(child)
	}
	for i := range t.events {
		for _, s := range t.events[i].Sent {
			note(s.Step)
		}
	}
	return found
}

// unnamed: no event has named an item of the step's present visit, and one of a later
// visit is named. So the list was hardly empty: its items were kept back, by a pause or a
// closed way, until a reset let them begin anew.
func (t *tale) unnamed(of *stage) bool {
	if of.Each == 0 || len(of.items) > 0 {
		return false
	}
	found := t.visits(of)
	return !found[of.visit] && slices.Contains(found[of.visit:], true)
}

// maxVisits is how often a saga may come to a step.
const maxVisits = 102

// visitOf reads the visit of a step's text: 0 of ship, 1 of ship[3]#2.
func visitOf(ref string) int {
	_, n, _ := strings.Cut(ref, "#")
	visit, err := strconv.Atoi(n)
	if err != nil {
		return 0
	}
	return max(visit-1, 0)
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
