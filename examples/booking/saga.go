package main

import (
	"errors"
	"time"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

// Trip is what a customer asks for.
type Trip struct {
	Number int // Number is the trip's.
	Cents  int // Cents is what the customer can pay.
}

// Ticket is what a step has reserved.
type Ticket struct {
	Kind  string // Kind is flight, hotel or payment.
	Trip  int    // Trip is the trip's number.
	Cents int    // Cents is its price.
}

func local(name, command, compensation string) saga.Step {
	step := saga.Step{Name: name, Participant: saga.Local, Command: command, Compensation: compensation}
	step.Do.Timeout = 5 * time.Minute // the program may be away for a while
	if compensation != "" {
		step.Undo.Timeout = step.Do.Timeout
	}
	return step
}

// bookTrip reserves a flight and a hotel side by side and pays for both. If one is
// refused, or the customer cannot pay, what was reserved is given back.
func bookTrip(c *code.Context, in Trip) (Ticket, error) {
	hotel := code.Start[Ticket](c, local("hotel", "reserve", "giveBack"), Ticket{Kind: "hotel", Trip: in.Number, Cents: 80_00})
	flight, err := code.Do[Ticket](c, local("flight", "reserve", "giveBack"), Ticket{Kind: "flight", Trip: in.Number, Cents: 120_00})
	if err != nil {
		return Ticket{}, err
	}
	room, err := hotel.Get(c)
	if err != nil {
		return Ticket{}, err
	}
	price := flight.Cents + room.Cents
	if price > in.Cents {
		return Ticket{}, errors.New("the customer cannot pay for it")
	}
	pay := local("pay", "reserve", "")
	pay.Kind = saga.Pivot
	return code.Do[Ticket](c, pay, Ticket{Kind: "payment", Trip: in.Number, Cents: price})
}
