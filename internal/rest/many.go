package rest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/batch"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

// many is a verb that a batch may ask: one way for all of them.
type many struct {
	kind    saga.EventKind
	outcome saga.Outcome // of a decision
	needs   []string     // parameters that there must be
	takes   []string     // those that there may be
	payload func(client.BatchRequest) json.RawMessage
}

// manyVerbs are what a batch may ask.
var manyVerbs = map[string]many{
	"cancel": {kind: saga.Cancelled}, "pause": {kind: saga.Paused}, "resume": {kind: saga.Resumed}, "terminate": {kind: saga.Terminated},
	"annotate": {kind: saga.Annotated}, "restart": {kind: batch.Restarted},
	"retry": {kind: saga.Retried, takes: []string{"step"}},
	"skip":  {kind: saga.StepSkipped, needs: []string{"step"}},
	"reset": {kind: saga.Reset, needs: []string{"step"}},
	"resolve": {
		kind: saga.StepResolved, needs: []string{"step"}, takes: []string{"output"},
		payload: func(r client.BatchRequest) json.RawMessage { return r.Output },
	},
	"edit": {
		kind: saga.StepEdited, needs: []string{"step", "input"},
		payload: func(r client.BatchRequest) json.RawMessage { return r.Input },
	},
	"signal": {
		kind: saga.Signalled, needs: []string{"signal"}, takes: []string{"payload"},
		payload: func(r client.BatchRequest) json.RawMessage { return orNull(r.Payload) },
	},
	"approve": {kind: saga.Decided, outcome: saga.Succeeded, needs: []string{"step"}},
	"refuse":  {kind: saga.Decided, outcome: saga.Rejected, needs: []string{"step"}},
	"assign": {
		kind: saga.Assigned, takes: []string{"to"},
		payload: func(r client.BatchRequest) json.RawMessage { return parameters(saga.Assignment{To: r.To}).Data },
	},
	"acknowledge": {
		kind: saga.Acknowledged, takes: []string{"attention", "step"},
		payload: func(r client.BatchRequest) json.RawMessage {
			return parameters(saga.Heeding{Attention: saga.AttentionReason(r.Attention)}).Data
		},
	},
	"snooze": {
		kind: saga.Snoozed, needs: []string{"until"}, takes: []string{"attention", "step"},
		payload: func(r client.BatchRequest) json.RawMessage {
			return parameters(saga.Heeding{Attention: saga.AttentionReason(r.Attention), Until: *r.Until}).Data
		},
	},
	"describe": {
		kind: saga.Described, needs: []string{"attributes"},
		payload: func(r client.BatchRequest) json.RawMessage { return parameters(r.SetAttributes).Data },
	},
}

func orNull(payload json.RawMessage) json.RawMessage {
	if payload == nil {
		return json.RawMessage("null")
	}
	return payload
}

// parametersOf checks what a batch's verb says, and is what is stored of it.
func parametersOf(r client.BatchRequest, groups []string) (batch.Parameters, error) {
	verb := manyVerbs[r.Verb]
	if why := misfit(r, verb); why != "" {
		return batch.Parameters{}, newProblem(http.StatusUnprocessableEntity, client.BadRequest, r.Verb+" "+why)
	}
	p := batch.Parameters{Signal: r.Signal, Outcome: verb.outcome}
	if verb.kind == saga.Decided {
		p.Groups = groups
	}
	if verb.payload != nil {
		p.Payload = verb.payload(r)
	}
	if p.Payload == nil {
		return p, nil
	}
	return p, definition.CheckDocument(cmp.Or(slices.Concat(verb.needs, verb.takes)...), p.Payload)
}

// misfit says which parameter a verb lacks, or does not take, or nothing.
func misfit(r client.BatchRequest, verb many) string {
	for _, given := range []struct {
		name string
		is   bool
	}{
		{"step", r.Step != ""},
		{"signal", r.Signal != ""},
		{"payload", r.Payload != nil},
		{"output", r.Output != nil},
		{"input", r.Input != nil},
		{"to", r.To != ""},
		{"attention", r.Attention != ""},
		{"until", r.Until != nil},
		{"attributes", len(r.SetAttributes) > 0},
	} {
		needs := slices.Contains(verb.needs, given.name)
		switch {
		case needs && !given.is:
			return fmt.Sprintf("needs %s: give it beside the verb", given.name)
		case given.is && !needs && !slices.Contains(verb.takes, given.name):
			return strings.TrimSpace(fmt.Sprintf("takes no %s: leave it out", given.name))
		}
	}
	return ""
}

// wordOf is the word for a batch's verb.
func wordOf(b batch.Batch) string {
	for word, verb := range manyVerbs {
		if verb.kind == b.Verb && verb.outcome == b.Parameters.Outcome {
			return word
		}
	}
	return ""
}
