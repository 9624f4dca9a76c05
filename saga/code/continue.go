package code

import (
	"encoding/json"
	"fmt"
)

// ContinueAsNew is what a function returns instead of an error when its saga is to
// begin anew with the input in, so that its history does not grow for ever: this
// run is completed, and the next one of the chain is started in the same
// transaction, with the latest version that the process has, the business key and
// the signals that nobody has awaited. Write: return out, code.ContinueAsNew(c, next).
//
// What is under way is waited for. Where something would still have to be undone
// the saga gets attention instead, since the next run could not undo it; so does
// a child, whose parent waits for this very saga.
func ContinueAsNew(c *Context, in any) error {
	data, err := json.Marshal(in)
	if err != nil {
		c.r.raise(fmt.Errorf("write the input of the next run: %w", err))
	}
	return &continued{input: data}
}

// continued is the wish to begin anew, on its way out of the function.
type continued struct{ input json.RawMessage }

// Error is read only by a function that takes the wish for an error.
func (*continued) Error() string { return "the saga continues as new" }
