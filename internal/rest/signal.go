package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/access"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/definition"
)

type signalInput struct {
	VerbTarget
	Body struct {
		Signal  string          `json:"signal" minLength:"1" maxLength:"64" doc:"the signal's name"`
		Payload json.RawMessage `json:"payload,omitempty" doc:"what it says, any JSON that the step's schema allows; kept byte for byte"`
		Reason  string          `json:"reason,omitempty" maxLength:"1024" doc:"why; kept in the history"`
	}
}

type decideInput struct {
	VerbTarget
	Body struct {
		Step   string `json:"step" minLength:"1" maxLength:"256" doc:"the approval"`
		Reason string `json:"reason,omitempty" maxLength:"1024" doc:"why; kept in the history, and a part of the step's output"`
	}
}

// signalRoutes registers what others than operators tell a saga that waits.
func (s *Server) signalRoutes() {
	errors := []int{400, 404, 409, 413, 422}
	handle(s, "POST /v1/sagas/{id}/signal", route{"signalSaga", "Hand a signal to the step that awaits it, or will", SagasSignal, errors}, s.signal)
	handle(s, "POST /v1/sagas/{id}/updates/{name}", route{"updateSaga", "Ask a saga that is code to take an update, and answer with what its function has made of it", SagasSignal, errors}, s.update)
	handle(s, "POST /v1/sagas/{id}/approve", route{"approveStep", "Give an approval", SagasDecide, errors}, s.decide(saga.Succeeded))
	handle(s, "POST /v1/sagas/{id}/refuse", route{"refuseStep", "Refuse an approval: the saga turns back", SagasDecide, errors}, s.decide(saga.Rejected))
}

// signal checks a signal by its schema and hands it over. No payload is null.
func (s *Server) signal(ctx context.Context, in *signalInput) (*sagaOutput, error) {
	payload := in.Body.Payload
	if payload == nil {
		payload = json.RawMessage("null")
	}
	if err := s.checkSignal(ctx, in.ID, in.Body.Signal, payload); err != nil {
		return nil, s.answer(ctx, err)
	}
	return s.do(ctx, in.VerbTarget, coordinator.Verb{Kind: saga.Signalled, Signal: in.Body.Signal, Payload: saga.JSON(payload), Reason: in.Body.Reason})
}

// checkSignal holds a signal to the version that the saga is pinned to.
func (s *Server) checkSignal(ctx context.Context, text, signal string, payload []byte) error {
	_, file, err := s.fileOf(ctx, text)
	if err != nil {
		return err
	}
	if err = file.CheckSignal(signal, payload); errors.Is(err, definition.ErrUnknownSignal) {
		return newProblem(http.StatusUnprocessableEntity, client.UnknownSignal, err.Error())
	}
	return err
}

// fileOf returns a saga and the definition that it is pinned to.
func (s *Server) fileOf(ctx context.Context, text string) (row coordinator.Row, file *definition.File, err error) {
	id, err := s.parseID(text)
	if err != nil {
		return row, nil, err
	}
	if row, err = s.read(ctx, id); err != nil {
		return row, nil, err
	}
	file, err = s.cfg.Registry.Get(ctx, row.Namespace, row.State.Definition, row.State.Version)
	return row, file, err
}

// mayDecide refuses who may only look at sagas, unless the approval names people:
// then the core holds the decision to those.
func (s *Server) mayDecide(ctx context.Context, text, step string) error {
	row, file, err := s.fileOf(ctx, text)
	if err != nil {
		return err
	}
	g := grantOf(ctx)
	if g.principal.Role(row.Namespace) >= access.Operator {
		return nil
	}
	named := func(s namedStep) bool {
		return s.called == step && s.step.Approval != nil && len(s.step.Approval.By) > 0
	}
	if !slices.ContainsFunc(stepsOf(&file.Definition, &row.State), named) {
		return newProblem(http.StatusForbidden, client.Forbidden, "key "+g.principal.Name+" may not do that: the approval names nobody, so it takes the role operator")
	}
	return nil
}

// decide returns the handler of a decision.
func (s *Server) decide(outcome saga.Outcome) func(context.Context, *decideInput) (*sagaOutput, error) {
	return func(ctx context.Context, in *decideInput) (*sagaOutput, error) {
		if err := s.mayDecide(ctx, in.ID, in.Body.Step); err != nil {
			return nil, s.answer(ctx, err)
		}
		return s.do(ctx, in.VerbTarget, coordinator.Verb{
			Kind: saga.Decided, Step: in.Body.Step, Outcome: outcome, Reason: in.Body.Reason, Groups: grantOf(ctx).principal.Groups,
		})
	}
}
