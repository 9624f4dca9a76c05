package sagatest

import (
	"encoding/json"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

// Act is something that others do to a saga: a signal, a decision, a verb.
type Act struct {
	cue     definition.Cue
	payload any // of the cue, as JSON; nil: none
}

// Signal sends a signal with a payload.
func Signal(name string, payload any) Act {
	return Act{definition.Cue{Kind: saga.Signalled, Signal: name}, payload}
}

// Event hands the event of a topic to the step that awaits one; payload is its value.
func Event(step string, payload any) Act {
	return Act{definition.Cue{Kind: saga.Signalled, Signal: saga.EventSignal(step), Target: step}, payload}
}

// Update asks the saga's function to take an update with an input.
func Update(name string, input any) Act {
	return Act{definition.Cue{Kind: saga.Updated, Signal: name}, input}
}

// Approve approves what a step asks for.
func Approve(step string) Act {
	return Act{cue: definition.Cue{Kind: saga.Decided, Target: step, Outcome: saga.Succeeded}}
}

// Refuse refuses what a step asks for.
func Refuse(step, why string) Act {
	return Act{cue: definition.Cue{Kind: saga.Decided, Target: step, Outcome: saga.Rejected, Reason: why}}
}

// Cancel turns the saga back.
func Cancel(why string) Act { return verb(saga.Cancelled, "", why) }

// Pause lets nothing more be sent until Resume.
func Pause() Act { return verb(saga.Paused, "", "") }

// Resume ends Pause.
func Resume() Act { return verb(saga.Resumed, "", "") }

// Terminate ends the saga as it is, with nothing undone.
func Terminate(why string) Act { return verb(saga.Terminated, "", why) }

// Retry ends the rest before the next attempt of a step; of every step if it is empty.
func Retry(step string) Act { return verb(saga.Retried, step, "") }

// Skip lets a step be over without its command.
func Skip(step, why string) Act { return verb(saga.StepSkipped, step, why) }

// Reset undoes a step and what comes after it, then lets them begin anew.
func Reset(step, why string) Act { return verb(saga.Reset, step, why) }

// Resolve lets a step be done, with an output given by hand.
func Resolve(step string, output any) Act {
	return Act{definition.Cue{Kind: saga.StepResolved, Target: step}, output}
}

// Edit gives a step's command another input and sends it anew.
func Edit(step string, input any) Act {
	return Act{definition.Cue{Kind: saga.StepEdited, Target: step}, input}
}

func verb(kind saga.EventKind, step, why string) Act {
	return Act{cue: definition.Cue{Kind: kind, Target: step, Reason: why}}
}

// asJSON writes a value; nil is nothing.
func asJSON(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v)
}
