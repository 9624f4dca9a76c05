package main

import (
	"context"
	"fmt"
	"time"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/examples/travel"
)

// The tour's pace.
const (
	lookEvery  = 80 * time.Millisecond
	startEvery = 120 * time.Millisecond
	downTime   = 700 * time.Millisecond // how long the killed participant is away
	killAfter  = 8                      // trips that have started by then
)

// tour starts the trips, kills and revives a participant, and watches.
type tour struct {
	client  *client.Client
	crew    *crew
	board   *board
	screen  *screen
	started int
	last    time.Time // of the last start
	down    time.Time // when the participant was killed
	back    *member   // the participant that came back
	greeted bool      // its return was noted
}

// run runs the tour until every trip has ended.
func (t *tour) run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for !t.board.over() {
		select {
		case now := <-tick.C:
			if err := t.step(ctx, now); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	t.board.note = "all trips are over"
	t.screen.show(t.board, time.Now())
	return nil
}

// step does what is due and shows it.
func (t *tour) step(ctx context.Context, now time.Time) error {
	if t.started < len(t.board.trips) && now.Sub(t.last) >= startEvery {
		if err := t.start(ctx, now); err != nil {
			return err
		}
	}
	for _, trip := range t.board.trips {
		if !trip.started() || trip.over() {
			continue
		}
		found, err := t.client.Get(ctx, trip.saga.ID)
		if err != nil {
			return fmt.Errorf("look at trip %d: %w", trip.number, err)
		}
		trip.update(found)
	}
	if err := t.outage(now); err != nil {
		return err
	}
	t.screen.show(t.board, time.Now())
	return nil
}

// start starts the next trip.
func (t *tour) start(ctx context.Context, now time.Time) error {
	trip := t.board.trips[t.started]
	begun, _, err := t.client.Start(ctx, client.Start{Definition: "travel", Input: trip.input})
	if err != nil {
		return fmt.Errorf("start trip %d: %w", trip.number, err)
	}
	trip.update(begun)
	t.started++
	t.last = now
	return nil
}

// outage kills the hotels when trips wait for them, and brings them back.
func (t *tour) outage(now time.Time) error {
	if t.greeted {
		return nil
	}
	waiting := t.mark()
	switch {
	case t.down.IsZero() && t.started >= killAfter && waiting > 0:
		hotels := t.crew.members[travel.Hotels]
		hotels.kill()
		t.down, t.board.killed = now, travel.Hotels
		t.mark()
		t.board.note = fmt.Sprintf("kill -9 %d: hotels is gone, with %d commands open", hotels.pid(), waiting)
	case !t.down.IsZero() && t.back == nil && now.Sub(t.down) >= downTime:
		if err := t.crew.launch(travel.Hotels); err != nil {
			return err
		}
		t.back = t.crew.members[travel.Hotels]
		t.board.note = fmt.Sprintf("hotels starts again as process %d", t.back.pid())
	case t.back != nil:
		t.greet()
	}
	return nil
}

// greet notes when a trip that waited for the participant goes on.
func (t *tour) greet() {
	for _, trip := range t.board.trips {
		if trip.hit && !trip.open("hotel") {
			t.greeted = true
			t.board.note = fmt.Sprintf("hotels is back as process %d and takes up what was left", t.back.pid())
		}
	}
}

// mark counts the trips that wait for hotels, and marks them when it is away.
func (t *tour) mark() int {
	n := 0
	for _, trip := range t.board.trips {
		if trip.open("hotel") {
			n++
			trip.hit = trip.hit || !t.down.IsZero()
		}
	}
	return n
}
