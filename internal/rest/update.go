package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/definition"
)

type updateInput struct {
	VerbTarget
	Name string `path:"name" maxLength:"64" doc:"the update's name"`
	Body struct {
		Input  json.RawMessage `json:"input,omitempty" doc:"what the function is to take, any JSON; kept byte for byte"`
		Reason string          `json:"reason,omitempty" maxLength:"1024" doc:"why; kept in the history"`
	}
}

type updateOutput struct{ Body client.Updated }

// update asks a saga's function to take an update and answers with what it has made of
// it. No input is null.
func (s *Server) update(ctx context.Context, in *updateInput) (*updateOutput, error) {
	id, err := s.parseID(in.ID)
	if err != nil {
		return nil, err
	}
	input := orNull(in.Body.Input)
	if len(input) > saga.MaxPayload {
		return nil, newProblem(http.StatusRequestEntityTooLarge, client.TooLarge, "the input is larger than 512 KiB: pass a reference")
	}
	if err := definition.CheckDocument("input", input); err != nil {
		return nil, s.answer(ctx, err)
	}
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	if _, err := s.read(ctx, id); err != nil {
		return nil, s.answer(ctx, err)
	}
	verb := coordinator.Verb{
		Kind: saga.Updated, Saga: id, Update: in.Name, Payload: saga.JSON(input), Actor: s.actor(ctx), Reason: in.Body.Reason, RequestID: in.Key,
	}
	done, err := s.cfg.Engine.Update(ctx, verb, func(ctx context.Context, seq int64) (saga.Event, error) { return s.event(ctx, id, seq) })
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	return &updateOutput{Body: client.Updated{Update: in.Name, ID: done.ID, Seq: done.Seq, Output: done.Answer.Output, Error: done.Answer.Error}}, nil
}

// event reads one event of a saga.
func (s *Server) event(ctx context.Context, id saga.ID, seq int64) (saga.Event, error) {
	page, err := s.cfg.Reader.History(ctx, id, seq-1, 1)
	switch {
	case err != nil:
		return saga.Event{}, err
	case len(page) == 0:
		return saga.Event{}, fmt.Errorf("saga %s has no event %d", id, seq)
	}
	return page[0], nil
}

// updateProblem is the problem of an update, nil if err is of another kind. The stack of
// a panic is in the log.
func updateProblem(err error) *problem {
	if refused, is := errors.AsType[*saga.UpdateRefused](err); is {
		return newProblem(http.StatusUnprocessableEntity, client.UpdateRefused, refused.Reason)
	}
	if fault, is := errors.AsType[*saga.UpdateError](err); is {
		text, _, _ := strings.Cut(fault.Error(), "\n")
		return newProblem(http.StatusInternalServerError, client.UpdateFailed, text)
	}
	switch {
	case errors.Is(err, saga.ErrNoUpdate):
		return newProblem(http.StatusNotFound, client.UnknownUpdate, err.Error())
	case errors.Is(err, coordinator.ErrIDUsed):
		return newProblem(http.StatusConflict, client.KeyUsed, err.Error())
	}
	return nil
}
