package saga

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// A state is written on every transition, so a thousand items must not be a thousand
// records: items that are equal, those that wait and those that are settled, are written
// once with their number. Only what is under way, or has an output that is read, is
// written in full. So a saga of 1,000 items writes hundreds of bytes for each event.

func (w *stateWriter) spreads(s *State) {
	w.int(int64(len(s.spreads())))
	for _, sp := range s.spreads() {
		w.int(int64(sp.Step))
		w.int(int64(sp.Count))
		w.buf = binary.LittleEndian.AppendUint64(w.buf, sp.Hash)
		w.bool(sp.Large)
		w.items(s.Steps[sp.First : sp.First+sp.Count])
	}
}

// raised writes when those steps began whose items have children, each with the number
// of its spread; -1 ends them.
func (w *stateWriter) raised(s *State) {
	begun := false
	for n, sp := range s.spreads() {
		if sp.Begun.IsZero() {
			continue
		}
		if !begun {
			w.section(sectionRaised)
			begun = true
		}
		w.int(int64(n))
		w.time(sp.Begun)
	}
	if begun {
		w.int(-1)
	}
}

func (r *stateReader) raised(s *State) {
	for n := r.int(); n != -1 && !r.bad; n = r.int() {
		if n < 0 || n >= int64(len(s.spreads())) {
			r.fail()
			return
		}
		s.Extra.Spreads[n].Begun = r.time()
	}
}

func (w *stateWriter) items(items []StepState) {
	for len(items) > 0 {
		n := 1
		for n < len(items) && alike(&items[0], &items[n]) {
			n++
		}
		w.item(&items[0], n)
		items = items[n:]
	}
}

// How many equal items follow, or what else of one.
const (
	itemInFull     = 0
	itemWithOutput = -1
)

// item writes n equal items, or one that is not settled.
func (w *stateWriter) item(st *StepState, n int) {
	switch {
	case settled(st):
	case st.Due.IsZero() && st.Hash == 0:
		n = itemWithOutput
	default:
		n = itemInFull
	}
	w.buf = append(w.buf, byte(st.Phase))
	w.int(int64(n))
	w.int(int64(st.Epoch))
	w.int(int64(st.Attempt))
	if n == itemInFull {
		w.time(st.Due)
		w.buf = binary.LittleEndian.AppendUint64(w.buf, st.Hash)
	}
	if n <= itemInFull {
		w.bytes(st.Output)
	}
}

// settled reports whether an item has nothing but its phase, epoch and attempt.
func settled(st *StepState) bool { return st.Due.IsZero() && st.Hash == 0 && st.Output == nil }

// alike reports whether two items are settled the same way.
func alike(a, b *StepState) bool {
	return settled(a) && settled(b) && a.Phase == b.Phase && a.Epoch == b.Epoch && a.Attempt == b.Attempt
}

func (r *stateReader) spreads(s *State) {
	plain := len(s.Steps)
	if len(s.spreads()) > 0 { // twice
		r.fail()
	}
	for n := r.int(); n > 0 && !r.bad; n-- {
		sp := Spread{Step: int(r.int()), First: len(s.Steps), Count: int(r.int()), Hash: r.fixed(), Large: r.byte() == 1}
		if sp.Step < 0 || sp.Step >= plain || sp.Count < 0 || sp.Count > MaxItems || len(s.spreads()) >= plain {
			r.fail()
			return
		}
		r.extra(s).Spreads = append(s.spreads(), sp)
		s.Steps = slices.Grow(s.Steps, sp.Count)
		for left := sp.Count; left > 0 && !r.bad; {
			left -= r.items(s, left)
		}
	}
}

// items reads one run of at most so many items and returns how many they were.
func (r *stateReader) items(s *State, most int) int {
	phase, n := Phase(r.byte()), r.int()
	st := StepState{Phase: phase, Epoch: int(r.int()), Attempt: int(r.int())}
	switch n {
	case itemInFull:
		st.Due, st.Hash, st.Output, n = r.time(), r.fixed(), r.bytes(), 1
	case itemWithOutput:
		st.Output, n = r.bytes(), 1
	}
	if n < 0 || n > int64(most) {
		r.fail()
		return 0
	}
	for range n {
		s.Steps = append(s.Steps, st)
	}
	return int(n)
}

// withDefaults fills in what is zero.
func (f *ForEach) withDefaults() *ForEach {
	d := *f
	if d.Items == 0 {
		d.Items = MaxItems
	}
	if d.Concurrency == 0 {
		d.Concurrency = DefaultConcurrency
	}
	return &d
}

// rounds is how often the step's time may pass until all of its items are over.
func (s *Step) rounds() int {
	if s.ForEach == nil {
		return 1
	}
	f := s.ForEach.withDefaults()
	return max(1, (f.Items+f.Concurrency-1)/max(1, f.Concurrency))
}

// forEach checks a step that runs for each item.
func (c *checker) forEach(step *Step, at string) {
	f := step.ForEach
	switch {
	case f.List == nil:
		c.fault(at+"forEach", "there is no list", "write an expression that yields one, such as ${input.lines}")
	case step.Waits():
		c.fault(at+"forEach", "a step that waits has no command to run for each item", "remove forEach")
	case step.Kind == Pivot:
		c.fault(at+"forEach", "a pivot runs once: several commands are no point of no return", "make the step compensable, and one behind it the pivot")
	}
	if f.Items < 0 || f.Items > MaxItems {
		c.fault(at+"limit.items", fmt.Sprintf("%d items", f.Items), fmt.Sprintf("write 1 to %d; let child sagas take the parts of a longer list", MaxItems))
	}
	if f.Concurrency < 0 || f.Concurrency > MaxConcurrency {
		c.fault(at+"limit.concurrency", fmt.Sprintf("%d at once", f.Concurrency), fmt.Sprintf("write 1 to %d", MaxConcurrency))
	}
}

// allItems refuses more items than a saga can carry in its state.
func (c *checker) allItems() {
	all := 0
	for _, step := range c.m.def.Steps {
		if step.ForEach != nil {
			all += step.ForEach.withDefaults().Items
		}
	}
	if all > maxAllItems {
		c.fault("steps", fmt.Sprintf("the lists of all steps may have %d items", all), fmt.Sprintf("write limit.items so that they have at most %d", maxAllItems))
	}
}
