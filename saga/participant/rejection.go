package participant

import (
	"errors"
	"fmt"
	"strings"

	"github.com/unwindhq/unwind/saga"
)

// rejection is a business no. It is an error so that a handler can return it
// from any depth.
type rejection struct{ reason string }

func (r *rejection) Error() string { return "rejected: " + r.reason }

// Reject returns the error with which a handler refuses a do for a business
// reason: no seats, card declined. The handler's work is rolled back, the
// refusal is stored and sticks: the same command is refused again without the
// handler, and the saga is compensated. The reason is shown to operators and may
// be read by the saga's expressions; its first saga.MaxReason bytes are kept.
//
// Any other error is technical: the coordinator sends the command again. An undo
// cannot be refused; a rejection returned by its handler counts as technical.
func Reject(reason string) error { return &rejection{reason: reason} }

// IsRejection reports whether err is, or wraps, the error of Reject.
func IsRejection(err error) bool {
	_, ok := rejected(err)
	return ok
}

// rejected returns the reason of the rejection in err.
func rejected(err error) (string, bool) {
	if r, ok := errors.AsType[*rejection](err); ok {
		return r.reason, true
	}
	return "", false
}

// judge turns the end of a handler into the entry to store, or into the error
// of a technical fault.
func judge(direction saga.Direction, result saga.Payload, err error) (entry, error) {
	reason, refused := rejected(err)
	switch {
	case refused && direction == saga.Undo:
		return entry{}, fmt.Errorf("an undo cannot be refused: %w", err)
	case refused:
		return entry{state: stateRejected, outcome: saga.Rejected, reason: clean(reason)}, nil
	case err != nil:
		return entry{}, err
	case len(result.Data) > saga.MaxPayload:
		return entry{}, fmt.Errorf("the result is %d bytes long and at most %d may be: answer a reference instead", len(result.Data), saga.MaxPayload)
	case direction == saga.Undo:
		return entry{state: stateUndone, outcome: saga.Succeeded}, nil
	}
	return entry{state: stateDone, outcome: saga.Succeeded, result: result}, nil
}

// clean cuts a reason to what a reply carries, so that the stored one and the
// sent one are the same, and to what a Postgres text column takes.
func clean(reason string) string {
	if len(reason) > saga.MaxReason {
		reason = reason[:saga.MaxReason]
	}
	return strings.ToValidUTF8(strings.ReplaceAll(reason, "\x00", ""), "")
}
