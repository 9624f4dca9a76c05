package retention

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// MinAge is the shortest time that ended sagas may be kept: a reply may still be on
// its way, and somebody may be looking.
const MinAge = time.Hour

// DefaultRate is how many sagas are deleted in a second at most.
const DefaultRate = 500

// Policy says for how long sagas are kept once they have ended, by their class: at
// least so long. The zero value keeps everything for ever.
type Policy struct {
	Short    time.Duration // Short is the time of saga.Short; 0: for ever.
	Standard time.Duration // Standard is the time of saga.Standard; 0: for ever.
	Long     time.Duration // Long is the time of saga.Long; 0: for ever.
	Rate     int           // Rate is how many sagas are deleted in a second at most. Default DefaultRate.
}

// Age returns for how long sagas of a class are kept; 0: for ever, as those of a
// class that this build does not know.
func (p Policy) Age(class saga.Retention) time.Duration {
	switch class {
	case saga.Short:
		return p.Short
	case saga.Standard:
		return p.Standard
	case saga.Long:
		return p.Long
	}
	return 0
}

// Shortest returns the shortest of the times; 0: nothing is ever deleted.
func (p Policy) Shortest() time.Duration {
	shortest := time.Duration(0)
	for _, age := range []time.Duration{p.Short, p.Standard, p.Long} {
		if age > 0 && (shortest == 0 || age < shortest) {
			shortest = age
		}
	}
	return shortest
}

// Validate reports every fault of p at once, each beginning with the field's name.
func (p Policy) Validate() error {
	var faults []error
	named := []struct {
		name string
		age  time.Duration
	}{{"Short", p.Short}, {"Standard", p.Standard}, {"Long", p.Long}}
	before := named[0]
	for _, one := range named {
		if one.age != 0 && one.age < MinAge {
			faults = append(faults, fmt.Errorf("%s is %s, must be at least %s, or 0 for ever", one.name, one.age, MinAge))
			continue
		}
		if forever(one.age) < forever(before.age) {
			faults = append(faults, fmt.Errorf("%s is %s, must not be shorter than %s (%s; 0 is for ever)", one.name, one.age, before.name, before.age))
		}
		before = one
	}
	if p.Rate < 0 {
		faults = append(faults, fmt.Errorf("%s is %d, must be positive", "Rate", p.Rate))
	}
	return errors.Join(faults...)
}

// forever makes a time comparable: 0 is the longest.
func forever(age time.Duration) time.Duration { return cmp.Or(age, 1<<63-1) }

// Saga is what has to be known of a saga to judge whether it may go.
type Saga struct {
	ID        saga.ID        // ID is the saga.
	Root      saga.ID        // Root is the first of its family: itself, unless it is a child.
	Class     saga.Retention // Class says for how long it is kept.
	Ended     bool           // Ended: it has come to an end.
	Attention bool           // Attention: it needs a person.
	Wanted    bool           // Wanted: somebody has still to do something with it; see Store.Family.
	Changed   time.Time      // Changed is when its last event was: that of its end, or of a reply that came later.
	Seq       int64          // Seq is the number of its events.
}

// Due reports whether a family, a saga with its children and theirs, may be deleted:
// each of them would by itself. A family without members is not due.
func (p Policy) Due(family []Saga, now time.Time) bool {
	for i := range family {
		if !p.due(&family[i], now) {
			return false
		}
	}
	return len(family) > 0
}

func (p Policy) due(s *Saga, now time.Time) bool {
	age := p.Age(s.Class)
	return age > 0 && s.Ended && !s.Attention && !s.Wanted && now.Sub(s.Changed) >= age
}
