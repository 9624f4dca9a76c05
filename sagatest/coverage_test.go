package sagatest_test

import (
	"slices"

	"github.com/unwindhq/unwind/sagatest"
)

// legal lists the pairs that a run of 600 seeds from the first must have decided. A
// pair that is not in it cannot happen (a step that only waits is never answered), or
// is too rare for that many seeds and stands in rare.
func legal() []string {
	var pairs []string
	add := func(where, events []string) {
		for _, w := range where {
			for _, e := range events {
				if pair := sagatest.Pair(w, e); !slices.Contains(rare, pair) {
					pairs = append(pairs, pair)
				}
			}
		}
	}
	running, back := []string{"doing", "resting", "held"}, []string{"undoing", "undo-resting", "undo-held"}
	waits := []string{"sleeping", "awaiting", "asking"}
	settled := []string{"done", "refused", "unknown", "undone", "skipped"}
	commands := slices.Concat(running, back, settled)
	do, undo := []string{"do succeeded", "do rejected", "do failed", "do ongoing"}, []string{"undo succeeded", "undo rejected", "undo failed", "undo ongoing"}
	add(slices.Concat(running, back, waits), []string{"woke"})
	add(commands, do)
	add(append(back, "undone", "kept"), undo)
	add(slices.Concat(commands, waits, []string{"waiting", "expired"}), []string{"skipped", "resolved", "edited", "reset"})
	add([]string{"waiting", "asking", "done", "refused", "expired", "skipped"}, []string{"decided"})
	add([]string{"doing", "undoing", "done", "resting", "undone"}, []string{"undeliverable"})
	add([]string{"running", "compensating", "completed", "compensated", "abandoned"}, []string{"cancelled", "paused", "resumed", "retried", "terminated", "annotated", "assigned", "acknowledged", "snoozed", "described", "woke"})
	add([]string{"spreading"}, []string{"skipped", "resolved", "edited", "reset"})
	add([]string{"running", "compensating"}, []string{"signalled", "started"})
	add([]string{"raising", "reversing", "undo-held"}, []string{"childEnded"})
	add([]string{"running", "completed"}, []string{"reversed"})
	add([]string{"running"}, []string{"granted"})
	return pairs
}

// rare are legal pairs that 600 seeds need not meet: an answer to a do that was taken
// for lost, after the refusal of its undo, and the like. make sim with 20,000 seeds
// meets them.
var rare = []string{
	sagatest.Pair("undo-resting", "do rejected"), sagatest.Pair("skipped", "do rejected"), sagatest.Pair("skipped", "do ongoing"),
	sagatest.Pair("kept", "undo ongoing"), sagatest.Pair("unknown", "skipped"), sagatest.Pair("skipped", "do failed"),
	sagatest.Pair("spreading", "do succeeded"), // a forged answer to a step as a whole
	sagatest.Pair("refused", "do succeeded"),   // not legal: a refusal sticks
}
