package rest

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// WaitInput is how a request asks to wait. It is exported because huma looks
// into exported fields only.
type WaitInput struct {
	Wait    string `query:"wait" enum:"pivot,end,standstill" doc:"answer when the outcome is settled (the pivot is done, or the saga turned back), when the saga has ended, or (standstill) when it has ended or needs attention and does not go on without a person; after the timeout with what there is"`
	Timeout string `query:"timeout" doc:"how long to wait at most, such as 10s; default and most 60s" example:"10s"`
}

// wait is a WaitInput that was understood; the zero value does not wait.
type wait struct {
	until   string // "", pivot, end or standstill
	timeout time.Duration
}

func (s *Server) parseWait(in WaitInput) (wait, error) {
	w := wait{until: in.Wait, timeout: s.cfg.MaxWait}
	if in.Timeout == "" {
		return w, nil
	}
	timeout, err := time.ParseDuration(in.Timeout)
	if err != nil || timeout <= 0 {
		p := newProblem(http.StatusUnprocessableEntity, client.BadRequest, "validation failed")
		p.Errors = []client.Fault{{Path: "query.timeout", Problem: "not a duration above zero", Cure: "write it like 10s"}}
		return w, p
	}
	w.timeout = min(timeout, s.cfg.MaxWait)
	return w, nil
}

// await reads a saga, at once or when what is waited for has come to pass, time
// is up or the server ends; whatever the saga is like then.
func (s *Server) await(ctx context.Context, id saga.ID, w wait) (coordinator.Row, error) {
	if w.until == "" {
		return s.read(ctx, id)
	}
	select {
	case s.waiting <- struct{}{}:
		defer func() { <-s.waiting }()
	default:
		return coordinator.Row{}, coordinator.ErrNotReady
	}
	changed, stop := s.cfg.Engine.Watch(id)
	defer stop()
	end, poll := time.NewTimer(w.timeout), time.NewTicker(s.cfg.PollEvery)
	defer end.Stop()
	defer poll.Stop()
	for over := false; ; {
		row, err := s.read(ctx, id)
		if err != nil || over || s.reached(ctx, row, w.until) {
			return row, err
		}
		select {
		case <-changed:
		case <-poll.C:
		case <-end.C:
			over = true
		case <-s.ending:
			over = true
		case <-ctx.Done():
			return row, nil
		}
	}
}

// read returns a saga. It is the only way to one, and lets nobody have it who does
// not have the route's permission in the saga's own namespace.
func (s *Server) read(ctx context.Context, id saga.ID) (coordinator.Row, error) {
	row, err := s.cfg.Reader.Get(ctx, id)
	if err == nil {
		err = s.in(ctx, row.Namespace)
	}
	if err != nil {
		return coordinator.Row{}, err
	}
	return row, nil
}

// reached reports whether a saga is where the request wants it.
func (s *Server) reached(ctx context.Context, row coordinator.Row, until string) bool {
	state := &row.State
	switch {
	case until == "end" || state.Status.Ended():
		return state.Status.Ended()
	case until == "standstill":
		return state.Stands()
	}
	steps := s.definitionOf(ctx, row).Steps
	pivot := slices.IndexFunc(steps, func(step saga.Step) bool { return step.Kind == saga.Pivot })
	settled := state.Status == saga.Compensating
	return settled || pivot >= 0 && pivot < len(state.Steps) && state.Steps[pivot].Phase == saga.Done
}
