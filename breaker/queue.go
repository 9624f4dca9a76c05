package breaker

import "time"

// find is the item's place in the line, or nil.
func (l *line[T]) find(id T) *entry[T] {
	for _, e := range l.gate.places[id] {
		if e.line == l {
			return e
		}
	}
	return nil
}

// row is where e waits.
func (e *entry[T]) row() *row[T] {
	if e.dam != nil {
		return &e.dam.row
	}
	return &e.line.row
}

// usePass says whether e had a pass, and ends it.
func (e *entry[T]) usePass() bool { return e.row().usePass(e) }

// join puts the item at the end unless it has a place: in the row of what holds it,
// or else in the line's own.
func (l *line[T]) join(item Item[T], now time.Time) {
	e := l.find(item.ID)
	d := l.gate.keeps(l.key, item, e, now)
	switch {
	case e == nil:
		e = &entry[T]{item: item, line: l, since: now}
		l.gate.places[item.ID] = append(l.gate.places[item.ID], e)
		l.gate.held.Add(1)
	case e.dam == d:
		e.usePass()
		return
	default:
		l.out(e)
	}
	l.in(e, d)
}

// in puts e into the row of a dam, or of its line.
func (l *line[T]) in(e *entry[T], d *dam[T]) {
	if e.dam = d; d != nil {
		l.dammed++
	}
	e.row().push(e)
}

// out takes e out of its row, and keeps its place in mind.
func (l *line[T]) out(e *entry[T]) {
	e.usePass()
	e.row().remove(e)
	if e.dam != nil {
		l.dammed--
	}
}

// leave takes e out for good.
func (l *line[T]) leave(e *entry[T]) {
	l.out(e)
	l.gate.held.Add(-1)
	others := l.gate.places[e.item.ID][:0]
	for _, other := range l.gate.places[e.item.ID] {
		if other != e {
			others = append(others, other)
		}
	}
	if l.gate.places[e.item.ID] = others; len(others) == 0 {
		delete(l.gate.places, e.item.ID)
	}
}
