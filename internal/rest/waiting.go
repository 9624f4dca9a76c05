package rest

import (
	"context"
	"slices"
	"time"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/hold"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

const (
	// byHold is what a saga waits for whose command an operator holds. The store knows
	// only that it may not leave.
	byHold = "hold"
	// byBreaker is what the store says of both.
	byBreaker = "breaker"
	// releasing is how long a release at a rate may be what commands wait for; gates
	// forget it then.
	releasing = 24 * time.Hour
)

// waits is what the store is asked for.
func waits(word string, paused bool) saga.Waits {
	if word == byHold {
		word = byBreaker
	}
	w, _ := saga.ParseWaits(word) // the schema lists the words
	if paused {
		w |= saga.ForOperator
	}
	return w
}

// summaries are sagas without their steps. If hold or breaker was asked for, those of
// the other are left out.
func (s *Server) summaries(ctx context.Context, rows []coordinator.Row, word string) []client.Saga {
	list := []client.Saga{}
	var holds []hold.Hold
	held := func(row coordinator.Row) bool { return row.State.Waits()&saga.ForBreaker != 0 }
	if slices.ContainsFunc(rows, held) {
		holds = s.holds(ctx)
	}
	for i := range rows {
		view := summary(&rows[i].State)
		if held(rows[i]) && len(holds) > 0 {
			view.WaitingFor = waitingFor(holds, rows[i], s.definitionOf(ctx, rows[i]).Steps)
		}
		if word != byHold && word != byBreaker || slices.Contains(view.WaitingFor, word) {
			list = append(list, view)
		}
	}
	return list
}

// holds lists what operators hold back now, or let go at a rate. What cannot be read
// is not shown.
func (s *Server) holds(ctx context.Context) []hold.Hold {
	if s.cfg.Holds == nil {
		return nil
	}
	list, err := s.cfg.Holds.List(ctx)
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "sagas are shown without what holds them", "error", err)
	}
	return slices.DeleteFunc(list, func(h hold.Hold) bool { return !h.Held && (h.Rate == 0 || time.Since(h.At) > releasing) })
}

// heldBy lists the holds that a saga with held commands waits for.
func heldBy(holds []hold.Hold, row coordinator.Row, steps []saga.Step) (by []client.Hold) {
	for _, h := range holds {
		for i := range row.State.Steps {
			if concerns(h, row, steps, i) {
				by = append(by, holdView(h))
				break
			}
		}
	}
	return by
}

// waitingFor lists what a saga with held commands waits for: for a hold, if an
// operator keeps one of them back, for a breaker, if nobody does.
func waitingFor(holds []hold.Hold, row coordinator.Row, steps []saga.Step) []string {
	words := row.State.WaitingFor()
	hold, other := false, false
	for i := range row.State.Steps {
		if isHeld(row, i) {
			if concernsAny(holds, row, steps, i) {
				hold = true
			} else {
				other = true
			}
		}
	}
	if hold {
		words = append(words, byHold)
	}
	if hold && !other {
		words = slices.DeleteFunc(words, func(w string) bool { return w == byBreaker })
	}
	slices.Sort(words)
	return words
}

func isHeld(row coordinator.Row, i int) bool {
	phase := row.State.Steps[i].Phase
	return phase == saga.Held || phase == saga.UndoHeld
}

func concernsAny(holds []hold.Hold, row coordinator.Row, steps []saga.Step, i int) bool {
	return slices.ContainsFunc(holds, func(h hold.Hold) bool { return concerns(h, row, steps, i) })
}

// concerns reports whether a hold keeps the command of a saga's step or item i back.
func concerns(h hold.Hold, row coordinator.Row, steps []saga.Step, i int) bool {
	if !isHeld(row, i) {
		return false
	}
	switch h.Kind {
	case hold.Namespace:
		return h.Name == row.Namespace
	case hold.Definition:
		return h.Namespace == row.Namespace && h.Name == row.State.Definition
	}
	step := row.State.StepOf(steps, i)
	return step != nil && step.Participant == h.Name
}
