package rules

import (
	"slices"
	"strings"
	"time"
)

// ChildStep is a step that another saga carries out.
type ChildStep struct {
	Definition string // Definition is the child's.
	Undoable   bool   // Undoable: it is turned back with its parent, also when it has completed.
}

// Family is, in the Started of a child, whose child it is.
type Family struct {
	Parent string
	Step   string // Step is the parent's step or item, with its visit: ship#2, ship[3].
}

// stepName is a step without its visit.
func stepName(step string) string {
	name, _, _ := strings.Cut(step, "#")
	return name
}

// family returns whose child a saga is, or nil.
func (s *story) family() *Family {
	if len(s.events) == 0 {
		return nil
	}
	return s.events[0].Family
}

// hasChild: the step or item has a child in its present visit. Behind the pivot each
// attempt has one.
func (t *tale) hasChild(s *stage) bool {
	return slices.ContainsFunc(t.children, func(child string) bool {
		return stepName(child) == s.Name && (s.Kind == Retriable || visitOf(child) == s.visit)
	})
}

// childEnded tells how a step's child has ended.
func (t *tale) childEnded(e *Event) {
	s := t.find(stepName(e.Step))
	switch {
	case t.code:
		t.childOfCodeEnded(t.find(e.Step), e)
	case s == nil || s.Child == nil:
		t.c.findf("I8", t.id, "event %d is the end of a child of %s, which has none", e.Seq, e.Step)
	case e.Outcome == Failed: // a person decides
	case s.phase.undo() && e.Outcome == Rejected:
		s.phase = undone
	case e.Outcome == Succeeded:
		s.phase = done
	case s.Kind != Retriable:
		s.phase = refused
		t.turn()
	}
}

// families: I7, no child without its parent's step; I3, it has fared as its parent has.
func (c *checker) families(stories map[string]*story, tales map[string]*tale) {
	for id, s := range stories {
		f := s.family()
		if f == nil || s.saga == nil {
			continue
		}
		parent := tales[f.Parent]
		if parent == nil {
			c.findf("I7", id, "it is a child of saga %s, which is not there", f.Parent)
			continue
		}
		name := stepName(f.Step)
		if parent.code {
			name = f.Step
		}
		step := parent.find(name)
		if step == nil || step.Child == nil || step.Child.Definition != s.saga.Pin.Name {
			c.findf("I7", id, "it is a child of saga %s, whose step %s does not begin it", f.Parent, f.Step)
			continue
		}
		c.fared(parent, step, f, s)
	}
}

// fared: a child of a completed saga has completed, one of a compensated saga is
// compensated. What somebody has decided by hand is theirs.
func (c *checker) fared(parent *tale, step *stage, f *Family, child *story) {
	last := !slices.ContainsFunc(parent.children, func(other string) bool {
		return stepName(other) == step.Name && (len(other) > len(f.Step) || len(other) == len(f.Step) && other > f.Step)
	})
	earlier := step.Kind == Compensable && visitOf(f.Step) < step.visit // a reset came after it
	switch is := child.saga.Status; {
	case step.byHand:
	case parent.code && step.Kind == Retriable: // its children have one name, and all but the last may have been turned back
	case earlier && step.Child.Undoable && is != Compensated && is != Abandoned:
		c.findf("I3", parent.id, "%s has begun anew, and its earlier child %s is %s", step.Name, child.id, statusName(is))
	case earlier:
	case parent.saga.Status == Completed && last && step.phase == done && is != Completed:
		c.findf("I3", parent.id, "it is completed, and its child %s is %s", child.id, statusName(is))
	case parent.saga.Status == Compensated && step.Child.Undoable && is != Compensated && is != Abandoned:
		c.findf("I3", parent.id, "it is compensated, and its child %s is %s", child.id, statusName(is))
	}
}

// raise: a step's child has begun. A pivot is passed with that.
func (t *tale) raise(s *stage) {
	s.phase = idle
	if s.Kind == Pivot {
		t.late = time.Time{}
	}
}
