package rest

import (
	"context"

	"github.com/unwindhq/unwind/internal/intake"
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
	first, err := s.cfg.Reader.History(ctx, id, 0, 1)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	again, err := intake.Again(row, first, in.Key)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	again.Version, again.Actor = in.Body.Version, s.actor(ctx)
	result, err := s.cfg.Starts.Start(ctx, again)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	return s.startedOutput(ctx, row.State.Definition, result, wait{})
}
