package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/definition"
)

type startInput struct {
	Key string `header:"Idempotency-Key" maxLength:"256" doc:"the same key and content answer with the same saga"`
	WaitInput
	Body struct {
		Definition string          `json:"definition" doc:"the definition's name"`
		Version    string          `json:"version,omitempty" doc:"the version to pin, such as r12; default: the latest"`
		Input      json.RawMessage `json:"input" doc:"the saga's input, kept byte for byte"`
	}
}

type startOutput struct {
	Status   int
	Location string `header:"Location"`
	Body     client.Saga
}

// start starts a saga: 201 for a new one, 200 for one that the key has started.
func (s *Server) start(ctx context.Context, in *startInput) (*startOutput, error) {
	wait, err := s.parseWait(in.WaitInput)
	if err != nil {
		return nil, err
	}
	version, err := s.admit(ctx, in)
	if err != nil {
		return nil, err
	}
	result, err := s.commit(ctx, in, version)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	out := &startOutput{Status: http.StatusOK, Location: "/v1/sagas/" + result.ID.String()}
	if result.New {
		out.Status = http.StatusCreated
	}
	row, err := s.await(ctx, result.ID, wait)
	if err != nil { // started all the same: that is what the client has to know
		s.cfg.Log.WarnContext(ctx, "started saga not read back", "saga", result.ID, "error", err)
		out.Body = client.Saga{ID: result.ID.String(), Definition: in.Body.Definition, Version: version, Status: saga.Running.String()}
		return out, nil
	}
	out.Body = s.full(ctx, row)
	return out, nil
}

// commit starts the saga. Time is limited: without Postgres a commit may never
// come, and the client can ask again with its key.
func (s *Server) commit(ctx context.Context, in *startInput, version string) (coordinator.StartResult, error) {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	return s.cfg.Engine.Start(ctx, coordinator.StartRequest{
		Namespace: s.cfg.Namespace, Definition: in.Body.Definition, Version: version, Key: in.Key,
		Input: saga.JSON(in.Body.Input), Actor: saga.Actor{Kind: saga.Operator, Name: "rest"},
	})
}

// admit checks all that can be checked before a start and returns the version to
// pin.
func (s *Server) admit(ctx context.Context, in *startInput) (version string, err error) {
	if strings.ContainsFunc(in.Key, func(c rune) bool { return c < 0x20 || c == 0x7f || c == 0xfffd }) {
		p := newProblem(http.StatusUnprocessableEntity, client.BadRequest, "the idempotency key must be plain text")
		return "", p
	}
	version, file, err := s.resolve(ctx, in.Body.Definition, in.Body.Version)
	if err != nil {
		return "", s.answer(ctx, err)
	}
	if err := file.CheckInput(in.Body.Input); err != nil {
		return "", s.answer(ctx, err)
	}
	return version, s.topicsThere(ctx, file)
}

// resolve finds the version to pin.
func (s *Server) resolve(ctx context.Context, name, version string) (string, *definition.File, error) {
	if version == "" {
		return s.cfg.Registry.Latest(ctx, s.cfg.Namespace, name)
	}
	file, err := s.cfg.Registry.Get(ctx, s.cfg.Namespace, name, version)
	return version, file, err
}

// topicsThere refuses a start whose commands could not be sent.
func (s *Server) topicsThere(ctx context.Context, file *definition.File) error {
	if s.cfg.Topics == nil {
		return nil
	}
	missing, err := s.cfg.Topics.Missing(ctx, file.Definition)
	switch {
	case err != nil: // the brokers are away: commands wait in the outbox
		s.cfg.Log.WarnContext(ctx, "topics not checked", "error", err)
	case len(missing) > 0:
		return newProblem(http.StatusConflict, client.TopicsMissing,
			fmt.Sprintf("Kafka has no topic %s; run unwind topics apply", strings.Join(missing, ", ")))
	}
	return nil
}
