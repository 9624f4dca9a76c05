package code

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/unwindhq/unwind/saga"
)

// maxUpdates is how many updates a function may offer.
const maxUpdates = 100

// What ends those that do more than they may.
var (
	errUpdateAsks    = errors.New("it asks the saga's Context for something: an update may only change the function's variables; let the function wait with c.Until, and ask then")
	errValidatorAsks = errors.New("its validator asks the saga's Context for something: it may only look at what the function has already")
	errConditionAsks = errors.New("a condition of Until or When asks the saga's Context for something: it may only look at what the function has already")
)

// update is what others may change.
type update struct {
	refuses func(input json.RawMessage) error                    // whether it is taken; its errors are refusals
	takes   func(input json.RawMessage) (json.RawMessage, error) // what is done then
}

// Update lets others change the function from now on, and answers them: whoever asks
// for name with an input gets what handle returns, once it is committed. validate may
// refuse before, with a sentence for who asks: then nothing has happened. It is nil for
// an update that is always taken, and must not change anything.
//
// An update that was taken is an event of the saga: handle is run at this place whenever
// the function is run again, with the input of then, and validate is not. handle changes
// the function's variables, at once: it runs between two turns of the function, must be
// quick and must not use c to ask for anything. It is the function that acts on what has
// changed; Context.Until waits for that. An error of handle is an answer like any other.
//
// Who asks twice with the same id gets the same answer: the last 128 of a saga are
// remembered. Offer updates at the beginning, so that they are there from the start; one
// that is offered again replaces the one before. name is like a step's.
func Update[In, Out any](c *Context, name string, validate func(in In) error, handle func(in In) (Out, error)) {
	r := c.r
	c.mayAsk()
	if !saga.IsName(name) {
		r.raise(fmt.Errorf("update %.80q: it is not a name; write one like changeSeat: [a-z][A-Za-z0-9]*", name))
	}
	if r.updates == nil {
		r.updates = map[string]*update{}
	}
	r.updates[name] = &update{refuses: refuses(r, validate), takes: takes(r, handle)}
	if len(r.updates) > maxUpdates {
		r.raise(fmt.Errorf("update %s: the code offers more than %d; let one take several things", name, maxUpdates))
	}
}

// refuses makes a validator of one of inputs that are not read yet. What cannot be read
// is refused.
func refuses[In any](r *routine, validate func(in In) error) func(json.RawMessage) error {
	return func(input json.RawMessage) error {
		in, err := readInput[In](r, input)
		if err == nil && validate != nil {
			err = validate(in)
		}
		return err
	}
}

func takes[In, Out any](r *routine, handle func(in In) (Out, error)) func(json.RawMessage) (json.RawMessage, error) {
	return func(input json.RawMessage) (json.RawMessage, error) {
		in, err := readInput[In](r, input)
		if err != nil {
			return nil, err
		}
		out, err := handle(in)
		if err != nil {
			return nil, err
		}
		return encode(r, out)
	}
}

func readInput[In any](r *routine, input json.RawMessage) (In, error) {
	in, err := read[In](r, input)
	if err != nil {
		err = fmt.Errorf("read its input: %w", err)
	}
	return in, err
}

// take lets the function take an update, or says why it has not. A panic is a fault of
// the function.
func (r *routine) take(asked *saga.Update) (*saga.UpdateAnswer, error) {
	u := r.updates[asked.Name]
	if u == nil {
		return nil, saga.NoUpdate(asked.Name, slices.Sorted(maps.Keys(r.updates)))
	}
	input := json.RawMessage(asked.Input.Data)
	if len(input) == 0 {
		input = json.RawMessage("null")
	}
	if refusal := r.refusal(u, input); refusal != nil {
		return nil, &saga.UpdateRefused{Update: asked.Name, Reason: saga.Clip(refusal.Error())}
	}
	answer := &saga.UpdateAnswer{}
	if r.fault == nil {
		r.fault = r.look(errUpdateAsks, func() {
			var err error
			if answer.Output, err = u.takes(input); err != nil {
				answer.Error = saga.Clip(err.Error())
			}
		})
	}
	return answer, nil
}

// refusal is why the function does not want to take an update. One of a history was
// wanted.
func (r *routine) refusal(u *update, input json.RawMessage) (err error) {
	if !r.replay {
		r.fault = r.look(errValidatorAsks, func() { err = u.refuses(input) })
	}
	return err
}

// Until lets time pass until a condition holds, which looks at the function's variables:
// an update or another branch may change them. It is asked whenever everything else
// waits; it must be quick, must not use c to ask for anything and must not change
// anything. When the saga turns back, the function ends there.
func (c *Context) Until(holds func() bool) {
	c.endIf(c.When(holds).Get(c))
}

// When is Until without the wait, to wait for one of several things with First, such as
// a condition and a Timer.
func (c *Context) When(holds func() bool) Future[struct{}] {
	r := c.r
	c.mayAsk()
	if r.back {
		r.tooLate()
	}
	condition := &cell{}
	condition.holds = func() (over bool) {
		if condition.cut = r.back; r.back {
			return true
		}
		if err := r.look(errConditionAsks, func() { over = holds() }); err != nil {
			r.fault = err
		}
		return over
	}
	return Future[struct{}]{cell: condition}
}

// isOver reports whether there is nothing to wait for any more.
func (c *cell) isOver() bool {
	if !c.over && c.holds != nil {
		c.over = c.holds()
	}
	return c.over
}

// conditions lets the branches go on whose conditions hold, and reports whether there
// are any.
func (r *routine) conditions() bool {
	for _, b := range r.live {
		for _, c := range b.until {
			if c.isOver() {
				r.resolve(c)
			}
		}
	}
	return r.fault == nil && len(r.ready) > 0
}
