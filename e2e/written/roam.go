package written

import (
	"crypto/rand"
	"errors"
	"time"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

// Roam is the saga of chaos that is code.
const Roam = "roam"

// roaming is what it is started with; see chaos's input.
type roaming struct {
	Rooms  []int `json:"rooms"`
	Outing bool  `json:"outing"`
}

// So many attempts, because a participant that is killed again and again is no reason to
// turn back.
var (
	stubborn = saga.Policy{Timeout: 5 * time.Second, Attempts: 40, Backoff: 200 * time.Millisecond, Cap: 2 * time.Second}
	fly      = saga.Step{Name: "flight", Participant: "flights", Command: "reserve", Compensation: "release", Do: stubborn, Undo: stubborn}
	stay     = saga.Step{Name: "hotel", Participant: "hotels", Command: "reserve", Compensation: "release", Do: stubborn, Undo: stubborn}
	settle   = saga.Step{Name: "charge", Participant: "payments", Command: "charge", Kind: saga.Pivot, Do: stubborn}
)

// roam books a flight, a room each side by side, now and then an outing as a child, and
// charges; it has a side effect, sleeps and awaits a signal that does not come.
func roam(c *code.Context, in roaming) (ticket, error) {
	number := code.SideEffect(c, "number", rand.Text)
	if _, err := code.Do[any](c, fly, in); err != nil {
		return ticket{}, err
	}
	var rooms []code.Future[any]
	for _, room := range in.Rooms {
		rooms = append(rooms, code.Start[any](c, stay, room))
	}
	c.Sleep(pause)
	if in.Outing {
		if _, err := code.Child[any](c, "outing", saga.Child{Definition: "outing"}, in); err != nil {
			return ticket{}, err
		}
	}
	for _, room := range rooms {
		if _, err := room.Get(c); err != nil {
			return ticket{}, err
		}
	}
	if _, err := code.Do[any](c, settle, in); err != nil {
		return ticket{}, err
	}
	if _, err := code.Await[any](c, "told", time.Second); err != nil && !errors.Is(err, code.ErrTimeout) {
		return ticket{}, err
	}
	return ticket{Number: number}, nil
}
