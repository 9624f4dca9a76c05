package saga

import (
	"errors"
	"slices"
)

// askedCancel begins the record of an event with which the function of a saga has been
// told that it turns back: by a cancel, its deadline or its parent.
const askedCancel = "cancel"

// ErrDeaf says that the function of a saga would have to go on with a Run that lets
// none: see Deaf.
var ErrDeaf = errors.New("the saga's function is not to be run")

// Deaf returns a Run that lets no function run, for a saga that turns back although its
// function does not come to an end. What needs the function is answered with ErrDeaf.
func Deaf() *Run { return &Run{deaf: true} }

// IsDeaf reports whether the run lets no function run.
func (r *Run) IsDeaf() bool { return r != nil && r.deaf }

// tellBack lets the function of a saga that turns back come to an end: what it waits for
// ends with that. It is told as far as it is there. Turning back needs no function:
// whatever has become of it, the saga goes on without.
func (d *decision) tellBack() error {
	if !d.hearsOfBack() {
		return nil
	}
	d.g.back = true
	turn, err := d.resume(nil)
	d.g.back = false
	switch {
	case errors.Is(err, ErrNeedHistory):
		return err
	case err != nil:
		d.g.run.Stop()
		return nil //nolint:nilerr // it has changed, or cannot be had again
	}
	if err := d.record(Asked{What: askedCancel}); err != nil {
		return err
	}
	for i := range turn.Asks { // values and attributes: it can have asked for nothing else
		if err := d.ask(&turn.Asks[i]); errors.Is(err, ErrCodeChanged) {
			return err
		} else if err != nil {
			return nil //nolint:nilerr // an attribute that cannot be set holds nothing up
		}
	}
	return nil
}

// hearsOfBack reports whether there is a function to be told. In a replay it is told
// if it was.
func (d *decision) hearsOfBack() bool {
	if d.g == nil || d.g.failed || d.g.run.deaf || d.s.Status != Running || d.plan() == nil || d.plan().Ended {
		return false
	}
	told := func(a Asked) bool { return a.What == askedCancel }
	return d.e.Seq == 0 || slices.ContainsFunc(d.e.Extras().Asked, told)
}
