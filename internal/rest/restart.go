package rest

import (
	"context"
	"net/http"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/intake"
	"github.com/unwindhq/unwind/saga/coordinator"
)

type restartInput struct {
	VerbTarget
	Body struct {
		Version string `json:"version,omitempty" maxLength:"16" doc:"the version to pin, such as r12; default: the latest"`
	}
}

// restart starts a new saga with the input of one that has ended. The old one stays
// as it is.
func (s *Server) restart(ctx context.Context, in *restartInput) (*startOutput, error) {
	id, err := s.parseID(in.ID)
	if err != nil {
		return nil, err
	}
	row, err := s.read(ctx, id)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	if !row.State.Status.Ended() {
		return nil, newProblem(http.StatusConflict, client.NotNow, "the saga is "+row.State.Status.String()+": only one that has ended can be started again")
	}
	first, err := s.cfg.Reader.History(ctx, id, 0, 1)
	if err == nil && len(first) == 0 {
		err = coordinator.ErrNotFound
	}
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	key := in.Key
	if key != "" {
		key = "restart of " + id.String() + ": " + key
	}
	result, err := s.cfg.Starts.Start(ctx, intake.Request{
		Namespace: row.Namespace, Definition: row.State.Definition, Version: in.Body.Version, Key: key, Input: first[0].Payload, Actor: s.actor(ctx),
	})
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	return s.startedOutput(ctx, row.State.Definition, result, wait{})
}
