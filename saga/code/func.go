package code

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/unwindhq/unwind/saga"
)

// Func makes a saga of a function. def says what it is called: Name and Version
// are required, the version is r and a number, and it must have no steps. The
// error is saga.Faults.
func Func[In, Out any](def saga.Definition, fn func(c *Context, in In) (Out, error)) (*saga.Code, error) {
	run := func(c *Context, input json.RawMessage) (json.RawMessage, error) {
		var in In
		if err := json.Unmarshal(input, &in); err != nil {
			c.r.raise(fmt.Errorf("read the saga's input: %w", err)) // a start is refused
		}
		out, err := fn(c, in)
		if err != nil {
			return nil, err
		}
		data, err := json.Marshal(out)
		if err != nil {
			return nil, fmt.Errorf("write the saga's output: %w", err)
		}
		return data, nil
	}
	return saga.NewCode(def, func(id saga.ID, input json.RawMessage) saga.Coroutine {
		return newRoutine(id, func(c *Context) (json.RawMessage, error) { return run(c, input) })
	})
}

// Do runs one step and waits for its answer. step is a command, as a definition
// has it, without After, When and Input; in is its input. What the step
// needs to be undone is known before it is sent. Behind the pivot a step is
// retriable by itself.
func Do[Res any](c *Context, step saga.Step, in any) (Res, error) {
	return Start[Res](c, step, in).Get(c)
}

// Start is Do without the wait: steps that were started run side by side, and are
// undone side by side.
func Start[Res any](c *Context, step saga.Step, in any) Future[Res] {
	ask := saga.Ask{Step: step, After: c.b.done}
	if !c.r.replay {
		data, err := encode(in)
		if err != nil {
			c.r.raise(fmt.Errorf("write the input of step %s: %w", step.Name, err))
		}
		ask.Input = saga.JSON(data)
	}
	return asked(c, ask, func(a *saga.Answer) (Res, error) { return decode[Res](step.Name, a) })
}

// decode reads the output of a step.
func decode[Res any](step string, a *saga.Answer) (res Res, err error) {
	if err = failure(step, a); err != nil || len(a.Payload.Data) == 0 {
		return res, err
	}
	if !a.Payload.IsJSON() {
		return res, fmt.Errorf("the output of %s is %s, not JSON", step, a.Payload.ContentType)
	}
	if raw, ok := any(&res).(*json.RawMessage); ok && json.Valid(a.Payload.Data) {
		*raw = slices.Clone(a.Payload.Data)
		return res, nil
	}
	if err = json.Unmarshal(a.Payload.Data, &res); err != nil {
		return res, fmt.Errorf("read the output of %s: %w", step, err)
	}
	return res, nil
}

// encode writes the input of a step. One that is JSON stays as it is.
func encode(in any) ([]byte, error) {
	if raw, ok := in.(json.RawMessage); ok && json.Valid(raw) {
		return slices.Clone(raw), nil
	}
	return json.Marshal(in)
}

// SideEffect runs fn once and records what it returns, which is JSON: run again,
// the saga gets the recorded value. fn must be quick, must not use c, and may run
// more than once if its value could not be committed: the process dies, the database
// is away, another node has changed the saga meanwhile.
func SideEffect[T any](c *Context, name string, fn func() T) T {
	var value T
	data := c.record("side:"+name, func() json.RawMessage {
		data, err := json.Marshal(fn())
		if err != nil {
			c.r.raise(fmt.Errorf("record side effect %s: %w", name, err))
		}
		return data
	})
	if err := json.Unmarshal(data, &value); err != nil {
		c.r.raise(fmt.Errorf("read side effect %s: %w", name, err))
	}
	return value
}
