package breaker

import "time"

// find is item's place in the line, or nil.
func (l *line[T]) find(item T) *entry[T] {
	for _, e := range l.gate.places[item] {
		if e.line == l {
			return e
		}
	}
	return nil
}

// join puts item at the end unless it has a place.
func (l *line[T]) join(item T, now time.Time) {
	if l.find(item) != nil {
		return
	}
	e := &entry[T]{item: item, line: l, since: now}
	e.at = l.waiting.PushBack(e)
	l.gate.places[item] = append(l.gate.places[item], e)
	l.gate.held.Add(1)
}

// leave takes e out.
func (l *line[T]) leave(e *entry[T]) {
	l.usePass(e)
	l.waiting.Remove(e.at)
	l.gate.held.Add(-1)
	others := l.gate.places[e.item][:0]
	for _, other := range l.gate.places[e.item] {
		if other != e {
			others = append(others, other)
		}
	}
	if l.gate.places[e.item] = others; len(others) == 0 {
		delete(l.gate.places, e.item)
	}
}

// usePass says whether e had a pass, and ends it.
func (l *line[T]) usePass(e *entry[T]) bool {
	if e.pass.IsZero() {
		return false
	}
	e.pass = time.Time{}
	l.passes--
	return true
}
