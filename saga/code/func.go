package code

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/unwindhq/unwind/saga"
)

// Func makes a saga of a function. def says what it is called: Name and Version
// are required, the version is r and a number; its Steps, if it has any, are all commands
// that the function may ask for. In and Out are kept as JSON. The error is saga.Faults.
func Func[In, Out any](def saga.Definition, fn func(c *Context, in In) (Out, error)) (*saga.Code, error) {
	if faults := misuse(fn); len(faults) > 0 {
		return nil, faults
	}
	run := func(c *Context, input json.RawMessage) (any, error) {
		in, err := read[In](c.r, input)
		if err != nil {
			c.r.raise(fmt.Errorf("read the saga's input: %w", err)) // a start is refused
		}
		out, err := fn(c, in)
		if err != nil {
			return nil, err
		}
		data, err := encode(c.r, out)
		if err != nil {
			c.r.raise(fmt.Errorf("write the saga's output: %w", err))
		}
		return json.RawMessage(data), nil
	}
	return saga.NewCode(def, func(id saga.ID, input json.RawMessage, before saga.Coroutine) saga.Coroutine {
		return newRoutine(id, before, func(c *Context) (any, error) { return run(c, input) })
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
	ask, name := saga.Ask{Step: step, After: c.b.before()}, step.Name // a closure over the step would put it on the heap
	if !c.r.replay {
		data, err := encode(c.r, in)
		if err != nil {
			c.r.raise(fmt.Errorf("write the input of step %s: %w", name, err))
		}
		ask.Input = saga.JSON(data)
	}
	return asked(c, &ask, func(a *saga.Answer) (Res, error) { return decode[Res](c.r, name, a) })
}

// decode reads the output of a step.
func decode[Res any](r *routine, step string, a *saga.Answer) (res Res, err error) {
	if err = failure(step, a); err != nil || len(a.Payload.Data) == 0 {
		return res, err
	}
	if !a.Payload.IsJSON() {
		return res, fmt.Errorf("the output of %s is %s, not JSON", step, a.Payload.ContentType)
	}
	if res, err = read[Res](r, a.Payload.Data); err != nil {
		return res, fmt.Errorf("read the output of %s: %w", step, err)
	}
	return res, nil
}

// read reads a value. One that is to stay JSON is copied.
func read[T any](r *routine, data []byte) (value T, err error) {
	if raw, ok := any(&value).(*json.RawMessage); ok && r.isJSON(data) {
		r.knowJSON(data)
		*raw = slices.Clone(data)
		return value, nil
	}
	err = json.Unmarshal(data, &value)
	return value, err
}

// encode writes a value. One that is JSON stays as it is.
func encode(r *routine, value any) ([]byte, error) {
	if raw, ok := value.(json.RawMessage); ok && r.isJSON(raw) {
		data := slices.Clone(raw)
		r.knowJSON(data)
		return data, nil
	}
	return json.Marshal(value)
}

// isJSON reports whether data is JSON. What was found so last need not be read again:
// functions hand on what they were given.
func (r *routine) isJSON(data []byte) bool {
	return r.json != nil && bytes.Equal(data, r.json) || json.Valid(data)
}

// knowJSON remembers what was found to be JSON, unless it is large. Nobody may change it.
func (r *routine) knowJSON(data []byte) {
	if len(data) <= saga.InlineMax {
		r.json = data
	}
}

// SideEffect runs fn once and records what it returns, which is JSON: run again,
// the saga gets the recorded value. fn must be quick, must not ask c for anything (it
// may hand it on as a context.Context), and may run more than once if its value could
// not be committed: the process dies, the database is away, another node has changed
// the saga meanwhile.
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
