package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/examples/travel"
)

// trip is one saga of the demo.
type trip struct {
	number int // counts from 1
	input  travel.Input
	want   string        // the status that it must end with
	saga   client.Saga   // as it was seen last; without an ID it has not started
	took   time.Duration // from start to end, once it has ended
	hit    bool          // it waited for the participant that was killed
}

// travellers are who goes, twenty of them.
func travellers() []string {
	return []string{
		"Ada", "Bela", "Chloe", "Dario", "Edith", "Farid", "Greta", "Hugo", "Ines", "Jonas",
		"Kaya", "Leo", "Mina", "Noah", "Olga", "Pablo", "Quinn", "Rosa", "Samir", "Tessa",
	}
}

// trips are the demo's trips. Four cannot pay, one finds no room, one no seat.
func trips() []*trip {
	flights, hotels := []string{"LH100", "BA200", "AF300"}, []string{"Astoria", "Bristol", "Carlton"}
	var all []*trip
	for i, name := range travellers() {
		t := &trip{number: i + 1, want: "completed", input: travel.Input{
			Traveller: name, Flight: flights[i%3], Hotel: hotels[i/2%3], Nights: 1 + i%4, Card: "gold", Cents: 24_900 + 1_750*i,
		}}
		switch t.number {
		case 4, 9, 13, 18:
			t.input.Card, t.want = "empty", "compensated"
		case 7:
			t.input.Hotel, t.want = "Full", "compensated"
		case 15:
			t.input.Flight, t.want = "FULL1", "compensated"
		}
		all = append(all, t)
	}
	return all
}

func (t *trip) started() bool { return t.saga.ID != "" }
func (t *trip) over() bool    { return t.saga.Ended() }

// open reports whether the saga waits for an answer to the named step.
func (t *trip) open(step string) bool {
	for _, s := range t.saga.Steps {
		if s.Step == step {
			return s.Phase == "doing" || s.Phase == "undoing"
		}
	}
	return false
}

// update takes a newer state of the saga.
func (t *trip) update(s client.Saga) {
	t.saga = s
	if t.over() && s.StartedAt != nil && s.ChangedAt != nil {
		t.took = s.ChangedAt.Sub(*s.StartedAt)
	}
}

// outcome is the trip's last column.
func (t *trip) outcome() string {
	switch {
	case !t.started():
		return ""
	case t.saga.Status == "completed":
		return fmt.Sprintf("completed %.1f s", t.took.Seconds())
	case t.saga.Cause != "":
		_, why, found := strings.Cut(t.saga.Cause, ": ") // before it: which step, and the line shows that
		if !found {
			why = t.saga.Cause
		}
		return t.saga.Status + ": " + why
	}
	return t.saga.Status
}
