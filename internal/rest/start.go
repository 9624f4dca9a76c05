package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/intake"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

type startInput struct {
	Key         string `header:"Idempotency-Key" maxLength:"256" doc:"the same key and content answer with the same saga"`
	TraceParent string `header:"traceparent" doc:"W3C Trace Context: the saga's trace links to it; one that is not valid is ignored"`
	NamespaceInput
	WaitInput
	Body struct {
		Definition string          `json:"definition" pattern:"^[^\\x00]*$" doc:"the definition's name"`
		Version    string          `json:"version,omitempty" doc:"the version to pin, such as r12; default: the latest"`
		Begin      *time.Time      `json:"begin,omitempty" doc:"when the first steps begin, at most 365 days ahead; default at once"`
		Input      json.RawMessage `json:"input" doc:"the saga's input, kept byte for byte"`
	}
}

type startOutput struct {
	Status   int
	Location string `header:"Location"`
	Body     client.Saga
}

// deref is the time at p; zero without one.
func deref(p *time.Time) time.Time {
	if p == nil {
		return time.Time{}
	}
	return *p
}

// start starts a saga: 201 for a new one, 200 for one that the key has started.
func (s *Server) start(ctx context.Context, in *startInput) (*startOutput, error) {
	wait, err := s.parseWait(in.WaitInput)
	if err != nil {
		return nil, err
	}
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return nil, err
	}
	result, err := s.cfg.Starts.Start(ctx, intake.Request{
		Namespace: namespace, Definition: in.Body.Definition, Version: in.Body.Version, Key: in.Key,
		Input: saga.JSON(in.Body.Input), Actor: s.actor(ctx), Trace: in.TraceParent,
		Begin: deref(in.Body.Begin),
	})
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	return s.startedOutput(ctx, in.Body.Definition, result, wait)
}

// startedOutput is the answer to a start, when the saga is where the client wants it.
func (s *Server) startedOutput(ctx context.Context, definition string, result intake.Result, wait wait) (*startOutput, error) {
	out := &startOutput{Status: http.StatusOK, Location: "/v1/sagas/" + result.ID.String()}
	if result.New {
		out.Status = http.StatusCreated
	}
	row, err := s.await(ctx, result.ID, wait)
	if errors.Is(err, coordinator.ErrNotFound) && !result.New {
		return nil, newProblem(http.StatusNotFound, client.NotFound,
			"the idempotency key has started saga "+result.ID.String()+", which has ended and was deleted since")
	}
	if err != nil { // started all the same: that is what the client has to know
		s.cfg.Log.WarnContext(ctx, "started saga not read back", "saga", result.ID, "error", err)
		out.Body = client.Saga{ID: result.ID.String(), Definition: definition, Version: result.Version, Status: saga.Running.String()}
		return out, nil
	}
	out.Body = s.full(ctx, row)
	return out, nil
}
