package definition

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/unwindhq/unwind/saga"
)

// retention reads how long sagas are kept, and makes the default explicit once it
// is written: an option that is absent means as before it existed.
func (r *resolver) retention(spec *Spec) saga.Retention {
	if spec.Retention == "" {
		return saga.Standard
	}
	class, ok := saga.ParseRetention(spec.Retention)
	if !ok {
		r.add("retention", "unknown class "+strconv.Quote(spec.Retention), didYouMean(spec.Retention, saga.Retentions()))
	}
	return class
}

// priority checks one that is written out; an expression is checked at each start.
func (r *resolver) priority(spec *Spec) {
	if spec.Priority == "" || strings.Contains(spec.Priority, "${") || slices.Contains(saga.Priorities(), spec.Priority) {
		return
	}
	r.add("priority", "unknown priority "+strconv.Quote(spec.Priority), didYouMean(spec.Priority, saga.Priorities()))
}

// label binds what sagas are known by. A title without an expression is the
// definition's, and no saga keeps it.
func (b *binder) label(spec *Spec, def *saga.Definition) {
	if strings.Contains(spec.Title, "${") {
		def.Heading = b.textAt(atStart, "title", spec.Title)
	}
	if spec.Subject != "" {
		if !strings.Contains(spec.Subject, "${") {
			b.add("subject", "it is the same for every saga", "write ${input.…}: whose data the saga holds")
		}
		def.Subject = b.textAt(atStart, "subject", spec.Subject)
	}
	if spec.Priority != "" && spec.Priority != saga.Normal.String() {
		def.Priority = b.textAt(atStart, "priority", spec.Priority)
	}
}

// PriorityOf returns the priority of a saga with the given input, which CheckInput
// has passed. The error is an *InputError.
func (f *File) PriorityOf(input []byte) (saga.Priority, error) {
	if f.Definition.Priority == nil {
		return saga.Normal, nil
	}
	value, err := f.Definition.Priority.Eval(inputScope(input))
	if err != nil {
		return saga.Normal, badInput("input", err.Error())
	}
	priority, err := saga.PriorityOf(value)
	if err != nil {
		return saga.Normal, badInput("input", fmt.Sprintf("%s: %s", f.Definition.Priority, err))
	}
	return priority, nil
}
