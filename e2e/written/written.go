// Package written has the sagas of the end-to-end tests that are code. The program
// codenode runs them; the tests and chaos replay their histories.
package written

import (
	"crypto/rand"
	"time"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

// Order is the input of every saga and of every command; see package participant.
type Order struct {
	Script map[string][]string `json:"script,omitempty"`
}

// ticket is the result of book.
type ticket struct {
	Number string `json:"number,omitempty"`
}

// Sagas returns all of them: codeTrip and codePair do what the definitions trip and
// pair do, with a side effect and a short sleep; Roam does what chaos's trip does; Cart
// takes updates.
func Sagas() ([]*saga.Code, error) {
	trip, err := code.Func(definition("codeTrip", flight, hotel, charge, mail), bookTrip)
	if err != nil {
		return nil, err
	}
	pair, err := code.Func(definition("codePair", flight, hotel, charge), bookPair)
	if err != nil {
		return nil, err
	}
	roaming, err := code.Func(definition(Roam, fly, stay, settle), roam)
	if err != nil {
		return nil, err
	}
	cart, err := code.Func(definition(Cart, seat), fillCart)
	return []*saga.Code{trip, pair, roaming, cart}, err
}

func definition(name string, steps ...saga.Step) saga.Definition {
	return saga.Definition{Name: name, Version: "r1", Steps: steps}
}

var (
	policy  = saga.Policy{Timeout: time.Minute, Attempts: 3, Backoff: 100 * time.Millisecond, Cap: time.Second}
	patient = saga.Policy{Timeout: time.Minute, Backoff: 100 * time.Millisecond, Cap: time.Second}
	flight  = saga.Step{Name: "flight", Participant: "flights", Command: "book", Compensation: "cancel", Do: policy, Undo: policy}
	hotel   = saga.Step{Name: "hotel", Participant: "hotels", Command: "book", Compensation: "cancel", Do: policy, Undo: policy}
	charge  = saga.Step{Name: "charge", Participant: "payments", Command: "book", Kind: saga.Pivot, Do: policy}
	mail    = saga.Step{Name: "mail", Participant: "mails", Command: "book", Kind: saga.Retriable, Do: patient}
)

// pause is long enough to be stored.
const pause = 20 * time.Millisecond

func bookTrip(c *code.Context, in Order) (ticket, error) {
	number := code.SideEffect(c, "number", rand.Text)
	for _, step := range []saga.Step{flight, hotel} {
		if _, err := code.Do[ticket](c, step, in); err != nil {
			return ticket{}, err
		}
	}
	c.Sleep(pause)
	for _, step := range []saga.Step{charge, mail} {
		if _, err := code.Do[ticket](c, step, in); err != nil {
			return ticket{}, err
		}
	}
	return ticket{Number: number}, nil
}

func bookPair(c *code.Context, in Order) (ticket, error) {
	seat := code.Start[ticket](c, flight, in)
	bed, err := code.Do[ticket](c, hotel, in)
	if err != nil {
		return ticket{}, err
	}
	if _, err := seat.Get(c); err != nil {
		return ticket{}, err
	}
	_, err = code.Do[ticket](c, charge, in)
	return bed, err
}
