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

// step is a command of the desk that sells tickets.
func step(desk, name, command, compensation string) saga.Step {
	step := saga.Step{Name: name, Participant: desk, Command: command, Compensation: compensation}
	step.Do.Timeout = 5 * time.Minute // the program may be away for a while
	if compensation != "" {
		step.Undo.Timeout = step.Do.Timeout
	}
	return step
}

// newTrip returns the saga, whose steps are carried out by a desk: saga.Local, or a
// participant behind Kafka. What it asks participants for is said beforehand, so that
// their topics and contracts are looked at before a trip starts.
func newTrip(name, desk string) (*saga.Code, error) {
	hotel, flight := step(desk, "hotel", "reserve", "giveBack"), step(desk, "flight", "reserve", "giveBack")
	pay := step(desk, "pay", "reserve", "")
	pay.Kind = saga.Pivot
	def := saga.Definition{Name: name, Version: "r1", Title: "Trips", Owner: "team-travel", Steps: []saga.Step{hotel, flight, pay}}
	return code.Func(def, func(c *code.Context, in Trip) (Ticket, error) {
		return bookTrip(c, in, hotel, flight, pay)
	})
}

// bookTrip reserves a flight and a hotel side by side and pays for both. If one is
// refused, or the customer cannot pay, what was reserved is given back.
func bookTrip(c *code.Context, in Trip, hotel, flight, pay saga.Step) (Ticket, error) {
	room := code.Start[Ticket](c, hotel, Ticket{Kind: "hotel", Trip: in.Number, Cents: 80_00})
	seat, err := code.Do[Ticket](c, flight, Ticket{Kind: "flight", Trip: in.Number, Cents: 120_00})
	if err != nil {
		return Ticket{}, err
	}
	bed, err := room.Get(c)
	if err != nil {
		return Ticket{}, err
	}
	price := seat.Cents + bed.Cents
	if price > in.Cents {
		return Ticket{}, errors.New("the customer cannot pay for it")
	}
	return code.Do[Ticket](c, pay, Ticket{Kind: "payment", Trip: in.Number, Cents: price})
}
