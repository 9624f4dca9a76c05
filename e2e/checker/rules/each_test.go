package rules_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/e2e/checker/rules"
)

// fanned is a run of one saga that books three flights, two at once, is refused the
// payment and undoes them.
func fanned() rules.Run {
	r := begun()
	def := definition()
	def.Steps = []rules.Step{def.Steps[0], def.Steps[2]}
	def.Steps[0].Each, def.Steps[1].After = 2, []string{"flight"}
	r.Definitions[trip] = def
	item := func(n string, direction string) rules.Sent {
		s := sent("flight", direction, 1)
		s.Step += n
		return s
	}
	answer := func(n string, direction string, sent ...rules.Sent) rules.Event {
		e := reply("flight", direction, 1, rules.Succeeded)
		e.Step += n
		return with(e, sent...)
	}
	add(
		&r, sad, rules.Compensated,
		with(rules.Event{Kind: rules.Started}, item("[0]", rules.Do), item("[1]", rules.Do)),
		answer("[1]", rules.Do, item("[2]", rules.Do)),
		answer("[0]", rules.Do),
		answer("[2]", rules.Do, sent("payment", rules.Do, 1)),
		with(reply("payment", rules.Do, 1, rules.Rejected), item("[2]", rules.Undo), item("[1]", rules.Undo)),
		answer("[1]", rules.Undo, item("[0]", rules.Undo)),
		answer("[2]", rules.Undo),
		answer("[0]", rules.Undo),
	)
	return r
}

// TestItems: the rules know a step's items by the events that name them.
func TestItems(t *testing.T) {
	t.Parallel()
	require.Empty(t, rules.Check(fanned()))
	undone := func(e rules.Effect) bool { return e.Step == "flight[0]" && e.Direction == rules.Undo }
	for _, test := range []struct {
		name    string
		spoil   func(r *rules.Run)
		finding string
	}{
		{"too many at once", func(r *rules.Run) {
			first, second := event(r, sad, 1), event(r, sad, 2)
			first.Sent, second.Sent = append(first.Sent, second.Sent...), nil
		}, "I3: saga " + sad + ": event 1 sends flight[2], the 3th of flight that is under way at once: at most 2 may be"},
		{"before all are over", func(r *rules.Run) {
			third, fourth := event(r, sad, 3), event(r, sad, 4)
			third.Sent, fourth.Sent = fourth.Sent, nil
		}, "I3: saga " + sad + ": event 3 does payment before the steps that it comes after are over"},
		{
			"one is left", func(r *rules.Run) { r.Effects = slices.DeleteFunc(r.Effects, undone) },
			"I2: saga " + sad + ": it is compensated, and the effect of flight[0] is left",
		},
		{"not an item", func(r *rules.Run) { event(r, sad, 2).Sent[0].Step = "payment[0]" }, "I8: saga " + sad + ": event 2 sends payment[0]/do, and there is no such step"},
		{"the step itself", func(r *rules.Run) { event(r, sad, 2).Sent[0].Step = "flight" }, "I8: saga " + sad + ": event 2 sends flight/do, and the step has no command of its own"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := fanned()
			test.spoil(&r)
			var findings []string
			for _, f := range rules.Check(r) {
				findings = append(findings, f.String())
			}
			require.Contains(t, findings, test.finding)
		})
	}
}

// tour are a trip's steps: a flight, then rooms for each of a list, then a tour, which a
// saga of its own carries out.
func tour() []rules.Step {
	flight := definition().Steps[0]
	rooms, tour := flight, flight
	rooms.Name, rooms.After, rooms.Each = "rooms", []string{"flight"}, 1
	tour.Name, tour.After = "tour", []string{"rooms"}
	tour.Participant, tour.Compensation, tour.Child = "", "", &rules.ChildStep{Definition: "stay", Undoable: true}
	return []rules.Step{flight, rooms, tour}
}

// touring is the run of one saga with these steps and the children of some.
func touring(steps []rules.Step, children []string, events ...rules.Event) rules.Run {
	r := begun()
	stay := rules.Pin{Namespace: "default", Name: "stay", Version: "r1"}
	r.Definitions[trip] = rules.Definition{Steps: steps}
	r.Definitions[stay] = rules.Definition{}
	add(&r, happy, rules.Completed, events...)
	for i, step := range children {
		id := nobod[:len(nobod)-1] + string(rune('a'+i))
		add(&r, id, rules.Completed, rules.Event{Kind: rules.Started, Family: &rules.Family{Parent: happy, Step: step}})
		r.Sagas[len(r.Sagas)-1].Pin = stay
	}
	r.Ledgers, r.Effects = nil, nil
	return r
}

func ended(step string) rules.Event {
	return rules.Event{Kind: rules.ChildEnded, Step: step, Outcome: rules.Succeeded}
}

// TestItemsThatWereKeptBack: a list of which no event has told is not taken for an empty
// one while what comes before it is not over, or when its items turn up later.
func TestItemsThatWereKeptBack(t *testing.T) {
	t.Parallel()
	start := with(rules.Event{Kind: rules.Started}, sent("flight", rules.Do, 1))
	booked := reply("flight", rules.Do, 1, rules.Succeeded)

	steps := tour()
	steps[1].Participant, steps[1].Compensation, steps[1].Child = "", "", steps[2].Child
	children := []string{"rooms[0]#2", "tour"}
	reset, paused, resumed := rules.Event{Kind: rules.Reset, Step: "rooms"}, rules.Event{Kind: rules.Paused}, rules.Event{Kind: rules.Resumed}
	require.Empty(t, rules.Check(touring(steps, children, start, paused, booked, reset, resumed, ended("rooms[0]#2"), ended("tour"))))
	require.Empty(t, rules.Check(touring(steps, children, start, booked, paused, reset, resumed, ended("rooms[0]#2"), ended("tour"))))

	// A reset takes the flight back before any room or the tour is begun.
	again, bookedAgain, room, roomBooked := sent("flight", rules.Do, 1), booked, sent("flight", rules.Do, 1), booked
	again.Step, bookedAgain.Step, room.Step, roomBooked.Step = "flight#2", "flight#2", "rooms[0]", "rooms[0]"
	require.Empty(t, rules.Check(touring(
		tour(), []string{"tour"},
		start,
		rules.Event{Kind: rules.Reset, Step: "flight"},
		with(booked, sent("flight", rules.Undo, 1)),
		with(reply("flight", rules.Undo, 1, rules.Succeeded), again),
		with(bookedAgain, room),
		roomBooked,
		ended("tour"),
	)))

	// Of an empty list no event tells. What comes behind it waits for what comes before it.
	steps = definition().Steps
	steps[1].Each = 1
	require.Contains(t, rules.Check(touring(steps, nil, with(start, sent("flight", rules.Do, 1), sent("payment", rules.Do, 1)))), rules.Finding{
		Invariant: "I3", Saga: happy, Message: "event 1 does payment before the steps that it comes after are over",
	})
}
