package peers

import (
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

// Trip is what a traveller asks for.
type Trip struct {
	Traveller string `json:"traveller"` // Traveller is who goes.
	To        string `json:"to"`        // To is where.
}

// Ticket is what a participant has booked.
type Ticket struct {
	Number string `json:"number"` // Number is the booking's.
}

// Booked are the three tickets of a trip.
type Booked struct {
	Hotel, Flight, Car string // Hotel, Flight and Car are the bookings' numbers.
}

// BookTrip books a hotel, a flight and a car, one after the other. If one of them
// cannot be had, those before it are cancelled, the last one first: what undoes a step
// stands with the step, so there is no list of compensations to keep.
func BookTrip(c *code.Context, in Trip) (Booked, error) {
	hotel, err := code.Do[Ticket](c, booking("hotel", "hotels"), in)
	if err != nil {
		return Booked{}, err
	}
	flight, err := code.Do[Ticket](c, booking("flight", "flights"), in)
	if err != nil {
		return Booked{}, err
	}
	car, err := code.Do[Ticket](c, booking("car", "cars"), in)
	if err != nil {
		return Booked{}, err
	}
	return Booked{hotel.Number, flight.Number, car.Number}, nil
}

func booking(step, participant string) saga.Step {
	return saga.Step{Name: step, Participant: participant, Command: "book", Compensation: "cancel"}
}
