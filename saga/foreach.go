package saga

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A step with a ForEach runs once for each item of a list. It has no saga inside the
// saga and no rows of its own: when it begins, the states of its items are put behind
// those of the definition's steps. From then on an item is a step like any other, with
// its own attempts, answers and compensation, whose definition is that of its parent.

// ForEach lets a step run once for each item of a list.
type ForEach struct {
	List        Expr // List yields the list, a JSON array.
	Items       int  // Items is the longest list, 1 to MaxItems. Default MaxItems.
	Concurrency int  // Concurrency is how many items may be under way at once, 1 to MaxConcurrency. Default DefaultConcurrency.
}

// The limits of ForEach.
const (
	MaxItems           = 1000   // MaxItems is the longest list that a step may run for. For more, start a saga for each part.
	MaxConcurrency     = 100    // MaxConcurrency is how many items of a step may be under way at once.
	DefaultConcurrency = 10     // DefaultConcurrency is ForEach.Concurrency's.
	maxAllItems        = 10_000 // of all steps of a definition: each is a state in memory
	maxItemAttention   = 10     // reasons for attention that the items of one step may have at once
)

// Spread is a step that has begun to run for each item of its list.
type Spread struct {
	Step  int    // Step is the number of the step.
	First int    // First is where the states of its items begin in State.Steps.
	Count int    // Count is how many items there are.
	Hash  uint64 // Hash is PayloadHash of the list.
	Large bool   // Large: the outputs of its items are not kept in the state.

	// Begun is when a step began whose items have children: it is in their ids. Zero for
	// another.
	Begun time.Time
}

func (s *State) spreads() []Spread {
	if s.Extra == nil {
		return nil
	}
	return s.Extra.Spreads
}

// Plain is how many of s.Steps are those of the definition; items come behind them.
func (s *State) Plain() int {
	if len(s.spreads()) > 0 {
		return s.Extra.Spreads[0].First
	}
	return len(s.Steps)
}

// Place says whose state s.Steps[i] is: the number of the definition's step, and the
// item of it as in StepRef.Item, 0 for the step itself.
func (s *State) Place(i int) (step, item int) {
	spreads := s.spreads()
	for n := range spreads {
		if sp := &spreads[n]; i >= sp.First && i < sp.First+sp.Count {
			return sp.Step, i - sp.First + 1
		}
	}
	return i, 0
}

// At is the inverse of Place; ok is false when there is no such state.
func (s *State) At(step, item int) (i int, ok bool) {
	if item == 0 {
		return step, step >= 0 && step < s.Plain()
	}
	for _, sp := range s.spreads() {
		if sp.Step == step && item <= sp.Count {
			return sp.First + item - 1, true
		}
	}
	return 0, false
}

// Items returns the states of a step's items; nil if it has none, or not yet. The
// slice is the state's own.
func (s *State) Items(step int) []StepState {
	for _, sp := range s.spreads() {
		if sp.Step == step {
			return s.Steps[sp.First : sp.First+sp.Count]
		}
	}
	return nil
}

// ref names the run of s.Steps[i], which is a state of step.
func (s *State) ref(i int, step *Step) StepRef {
	_, item := s.Place(i)
	return StepRef{Name: step.Name, Item: item, Visit: s.Visit(i)}
}

// Visit is StepRef.Visit of s.Steps[i]: an item's is that of its step.
func (s *State) Visit(i int) int {
	step, _ := s.Place(i)
	return s.Steps[step].Extras().Again
}

// within reports whether i is the state of step j, or of one of its items.
func (d *decision) within(i, j int) bool {
	step, _ := d.s.Place(i)
	return i == j || step == j
}

// covers reports whether a text names the step or item, or an item of the step.
func (r StepRef) covers(text string) bool {
	return text == r.String() || r.Item == 0 && strings.HasPrefix(text, r.Name+"[")
}

// isItem reports whether d.s.Steps[i] is the state of an item.
func (d *decision) isItem(i int) bool { return d.g == nil && i >= len(d.m.def.Steps) }

// spread lets step i run for each item of its list, and reports whether it is over
// with that: there is none.
func (d *decision) spread(i int) (over bool, err error) {
	step := d.step(i)
	list, hash, err := d.list(i)
	if err != nil {
		return false, err
	}
	if limit := step.ForEach.Items; len(list) > limit {
		return false, fmt.Errorf("step %s: forEach: the list has %d items, above the limit of %d: raise limit.items, at most %d, or let child sagas take parts of the list",
			step.Name, len(list), limit, MaxItems)
	}
	sp := Spread{Step: i, First: len(d.s.Steps), Count: len(list), Hash: hash}
	if step.Child != nil {
		sp.Begun = d.e.At
	}
	extra := d.s.Own()
	extra.Spreads = append(slices.Clip(extra.Spreads), sp)
	d.s.Steps = append(d.s.Steps, make([]StepState, len(list))...)
	d.s.Steps[i].Phase, d.changed = Spreading, true
	return len(list) == 0, nil
}

// fill lets items of the nth spread begin, at most as many at once as its step allows,
// and reports whether the step is over with its last item. None begins while a reset takes
// the step back.
func (d *decision) fill(n int) (over bool, err error) {
	sp := d.s.spreads()[n]
	if d.s.Steps[sp.Step].Phase != Spreading || d.backward(sp.Step) {
		return false, nil
	}
	items := d.s.Steps[sp.First : sp.First+sp.Count]
	free := d.step(sp.Step).ForEach.Concurrency - underWay(items)
	over = true
	for i := range items {
		if items[i].Phase == Waiting && free > 0 {
			free--
			items[i].Epoch = 1
			if err := d.attempt(sp.First + i); err != nil {
				return false, err
			}
		}
		over = over && items[i].Phase.over()
	}
	if over {
		d.settle(sp.Step, Done)
	}
	return over, nil
}

// underWay counts the items that have a command which is not settled, or a child that
// has not ended. One that rests or is held keeps its place: what fails holds the others
// up, instead of a thousand that fail at once.
func underWay(items []StepState) (n int) {
	for i := range items {
		if items[i].Phase.timed() || items[i].Phase.withChild() {
			n++
		}
	}
	return n
}

// undoItems undoes what may be undone now of step i's items, the last one first.
func (d *decision) undoItems(i int) error {
	items := d.s.Items(i)
	first := len(items)
	if len(items) > 0 {
		first, _ = d.s.At(i, 1)
	}
	free := d.step(i).ForEach.Concurrency - underWay(items)
	for k := len(items) - 1; k >= 0 && free > 0; k-- {
		if !d.step(i).undoes(&items[k]) {
			continue
		}
		free--
		if err := d.undo(first + k); err != nil {
			return err
		}
	}
	return nil
}

// openItem reports whether the effect of one of step i's items is, or may be, there.
func (d *decision) openItem(i int) bool {
	step := d.step(i)
	return slices.ContainsFunc(d.s.Items(i), func(st StepState) bool { return st.Phase.Back() || step.undoes(&st) })
}

// closeSpreads says of each step with items how it has ended in reverse, once none of
// them is open any more.
func (d *decision) closeSpreads() {
	for _, sp := range d.s.spreads() {
		st := &d.s.Steps[sp.Step]
		if !d.backward(sp.Step) || st.Phase != Spreading && st.Phase != Done || d.openItem(sp.Step) {
			continue
		}
		items := d.s.Items(sp.Step)
		has := func(phases ...Phase) bool {
			return slices.ContainsFunc(items, func(item StepState) bool { return slices.Contains(phases, item.Phase) })
		}
		step := d.step(sp.Step)
		switch undoable := step.Compensation != "" || step.UndoesChild(); {
		case undoable && has(Kept):
			d.settle(sp.Step, Kept)
		case undoable:
			d.settle(sp.Step, Undone)
		case st.Phase == Spreading && has(Done, Unknown):
			d.settle(sp.Step, Unknown) // it has run in part, and needs no undoing
		case st.Phase == Spreading:
			d.settle(sp.Step, Refused)
		}
	}
}

// furl takes away the items of the steps that begin anew: their lists are read again, and
// may be others.
func (d *decision) furl() {
	var left []Spread
	steps := d.s.Steps[:d.s.Plain()]
	for _, sp := range d.s.spreads() {
		if d.backward(sp.Step) {
			continue
		}
		items := d.s.Steps[sp.First : sp.First+sp.Count]
		sp.First = len(steps)
		steps, left = append(steps, items...), append(left, sp)
	}
	d.s.Steps = steps
	if len(d.s.spreads()) > 0 {
		d.s.Own().Spreads = left
	}
}

// shed leaves of an item that is settled what later answers need. What is equal then is
// written once for all (see stateWriter.items); the hash of the list stands for the
// hashes of the commands.
func (d *decision) shed(i int) {
	if d.isItem(i) {
		d.s.Steps[i].Hash = 0
	}
}

// keepItem keeps the output of item i if an expression reads them, as long as all of
// them together are small.
func (d *decision) keepItem(i int) {
	step, item := d.s.Place(i)
	n, out := d.s.spreadOf(step), d.e.Payload
	if !d.keeps(step) || d.s.spreads()[n].Large {
		return
	}
	items, size := d.s.Items(step), len(out.Data)
	for k := range items {
		size += len(items[k].Output)
	}
	if out.IsJSON() && size <= InlineMax {
		items[item-1].Output = append([]byte{}, out.Data...)
		return
	}
	extra := d.s.Own()
	extra.Spreads = slices.Clone(extra.Spreads)
	extra.Spreads[n].Large = true
	for k := range items {
		items[k].Output = nil
	}
}

// each is what a decision has found out about lists; nil without a forEach.
type each struct {
	item  int                       // of which the input is made; 0 for none
	lists map[int][]json.RawMessage // by step
}

func (d *decision) eachItem() *each {
	if d.each == nil {
		d.each = &each{lists: map[int][]json.RawMessage{}}
	}
	return d.each
}

// list evaluates step i's list. It must be the one that the step has begun with.
func (d *decision) list(i int) (items []json.RawMessage, hash uint64, err error) {
	step := d.step(i)
	value, err := step.ForEach.List.Eval(d)
	if err != nil {
		return nil, 0, fmt.Errorf("step %s: forEach: %w", step.Name, err)
	}
	hash = PayloadHash(JSON(value))
	switch n := d.s.spreadOf(i); {
	case n >= 0 && d.s.spreads()[n].Hash == hash:
		items = split(value, d.s.spreads()[n].Count)
	case n >= 0:
		return nil, 0, fmt.Errorf("step %s: forEach: the list differs from the one that the step has begun with", step.Name)
	case json.Unmarshal(value, &items) != nil || items == nil:
		return nil, 0, fmt.Errorf("step %s: forEach: yields %.60s: want a list", step.Name, value)
	}
	d.eachItem().lists[i] = items
	return items, hash, nil
}

// spreadOf is the number of step i's spread; -1 when it has not begun.
func (s *State) spreadOf(i int) int {
	return slices.IndexFunc(s.spreads(), func(sp Spread) bool { return sp.Step == i })
}

// split returns the n items of a list that was found to be valid JSON when the step
// began: a tenth of the time of parsing it, which each item would take.
func split(list []byte, n int) []json.RawMessage {
	items := make([]json.RawMessage, 0, n)
	from, depth, quoted := 0, 0, false
	for i := 0; i < len(list) && len(items) < n; i++ {
		switch c := list[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth == 1 {
				from = i + 1
			}
		case c == ',' && depth == 1, c == ']' && depth == 1:
			items = append(items, bytes.TrimSpace(list[from:i]))
			from = i + 1
		case c == ']' || c == '}':
			depth--
		}
	}
	return items
}

// Item implements Scope.
func (d *decision) Item() (json.RawMessage, int, error) {
	if d.each == nil || d.each.item == 0 {
		return nil, 0, fmt.Errorf("there is no item here: only the input of a step with forEach has one")
	}
	step, item := d.s.Place(d.each.item)
	items, ok := d.each.lists[step]
	if !ok {
		var err error
		if items, _, err = d.list(step); err != nil {
			return nil, 0, err
		}
	}
	return items[item-1], item - 1, nil
}

// itemInput makes the input of item i; without a mapping it is the item.
func (d *decision) itemInput(i int) (Payload, error) {
	each := d.eachItem()
	each.item = i
	defer func() { each.item = 0 }()
	item, _, err := d.Item()
	if err != nil {
		return Payload{}, err
	}
	step := d.step(i)
	if step.Input == nil {
		return JSON(item), nil
	}
	data, err := step.Input.Eval(d)
	return JSON(data), err
}

// outputs is the list of what step i's items have answered, in their order; null where
// one was skipped.
func (d *decision) outputs(i int) (json.RawMessage, error) {
	items := d.s.Items(i)
	outs := make([]json.RawMessage, len(items))
	n := d.s.spreadOf(i)
	if d.s.spreads()[n].Large {
		if err := d.outputsOf(i, outs); err != nil {
			return nil, err
		}
	}
	for k := range items {
		switch {
		case items[k].Output != nil:
			outs[k] = items[k].Output
		case outs[k] == nil && items[k].Phase == Done && d.s.spreads()[n].Large:
			return nil, fmt.Errorf("the output of %s[%d]: %w", d.step(i).Name, k, ErrNeedHistory)
		}
	}
	return joined(outs), nil
}

// outputsOf reads the outputs of step i's items from the history, in one pass.
func (d *decision) outputsOf(i int, outs []json.RawMessage) error {
	read := func(e *Event) error {
		k, ok := d.s.At(i, e.Step.Item)
		if !ok || e.Step.Item == 0 || e.Step.Name != d.step(i).Name || d.s.Steps[k].Phase != Done || !d.succeeded(e, k) {
			return nil
		}
		if !e.Payload.IsJSON() {
			return fmt.Errorf("the output of %s is %s and cannot be read by an expression", e.Step, e.Payload.ContentType)
		}
		outs[e.Step.Item-1] = append(json.RawMessage{}, e.Payload.Data...)
		return nil
	}
	for n := range d.h {
		if err := read(&d.h[n]); err != nil {
			return err
		}
	}
	return read(&d.e)
}

// joined writes documents as a list; null for what is not there.
func joined(docs []json.RawMessage) json.RawMessage {
	list := []byte{'['}
	for i, doc := range docs {
		if i > 0 {
			list = append(list, ',')
		}
		if len(doc) == 0 {
			doc = json.RawMessage("null")
		}
		list = append(list, doc...)
	}
	return append(list, ']')
}
