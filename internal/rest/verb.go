package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/definition"
)

// VerbTarget is what every verb's request has beside its body.
type VerbTarget struct {
	ID  string `path:"id" doc:"the saga's id"`
	Key string `header:"Idempotency-Key" maxLength:"256" doc:"makes the request idempotent"`
}

type verbInput struct {
	VerbTarget
	Body struct {
		Reason string `json:"reason,omitempty" maxLength:"1024" doc:"why; kept in the history"`
	}
}

type retryInput struct {
	VerbTarget
	Body struct {
		Step   string `json:"step,omitempty" maxLength:"256" doc:"the step to try again now; default every one that rests"`
		Reason string `json:"reason,omitempty" maxLength:"1024" doc:"why; kept in the history"`
	}
}

type skipInput struct { // of reset, too
	VerbTarget
	Body struct {
		Step   string `json:"step" minLength:"1" maxLength:"256" doc:"the step to skip, which keeps its effect if it is being undone; or the one to reset to"`
		Reason string `json:"reason" minLength:"1" maxLength:"1024" doc:"why that is right; kept in the history"`
	}
}

type resolveInput struct {
	VerbTarget
	Body struct {
		Step   string          `json:"step" minLength:"1" maxLength:"256" doc:"the step that is done"`
		Output json.RawMessage `json:"output,omitempty" doc:"its output, any JSON"`
		Reason string          `json:"reason" minLength:"1" maxLength:"1024" doc:"how it is known to be done; kept in the history"`
	}
}

type editInput struct {
	VerbTarget
	Body struct {
		Step   string          `json:"step" minLength:"1" maxLength:"256" doc:"the step whose command is sent anew, or its compensation if it is being undone"`
		Input  json.RawMessage `json:"input" doc:"what it is sent with from now on, any JSON; kept byte for byte"`
		Reason string          `json:"reason" minLength:"1" maxLength:"1024" doc:"why; kept in the history"`
	}
}

type assignInput struct {
	VerbTarget
	Body struct {
		To     string `json:"to,omitempty" maxLength:"256" doc:"who looks after what it needs attention for: user:NAME or group:NAME; empty for nobody any more"`
		Reason string `json:"reason,omitempty" maxLength:"1024" doc:"why; kept in the history"`
	}
}

type acknowledgeInput struct {
	VerbTarget
	Body struct {
		Attention string `json:"attention,omitempty" maxLength:"64" doc:"the reason for attention that is known; default every one"`
		Step      string `json:"step,omitempty" maxLength:"256" doc:"only that of this step"`
		Reason    string `json:"reason,omitempty" maxLength:"1024" doc:"what is done about it; kept in the history"`
	}
}

type snoozeInput struct {
	VerbTarget
	Body struct {
		Attention string    `json:"attention,omitempty" maxLength:"64" doc:"the reason for attention that can wait; default every one"`
		Step      string    `json:"step,omitempty" maxLength:"256" doc:"only that of this step"`
		Until     time.Time `json:"until" doc:"when it is among the open ones again, at most 90 days ahead"`
		Reason    string    `json:"reason,omitempty" maxLength:"1024" doc:"why; kept in the history"`
	}
}

type describeInput struct {
	VerbTarget
	Body struct {
		Attributes json.RawMessage `json:"attributes" doc:"an object of names and values: a text, a number, true, false, or null to take the attribute away"`
		Reason     string          `json:"reason,omitempty" maxLength:"1024" doc:"why; kept in the history"`
	}
}

type terminateInput struct { // of annotate, too
	VerbTarget
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"1024" doc:"why, or what is to be noted; kept in the history"`
	}
}

// verbRoutes registers what an operator can ask of one saga.
func (s *Server) verbRoutes() {
	errors := []int{400, 404, 409, 413, 422}
	handle(s, "POST /v1/sagas/{id}/cancel", route{"cancelSaga", "Turn a saga back before its pivot is sent", SagasCancel, errors}, s.verb(saga.Cancelled))
	handle(s, "POST /v1/sagas/{id}/pause", route{"pauseSaga", "Let a saga send nothing until it is resumed", SagasOperate, errors}, s.verb(saga.Paused))
	handle(s, "POST /v1/sagas/{id}/resume", route{"resumeSaga", "Let a paused saga go on", SagasOperate, errors}, s.verb(saga.Resumed))
	handle(s, "POST /v1/sagas/{id}/retry", route{"retrySaga", "Try again now what rests before its next attempt", SagasOperate, errors}, s.retry)
	handle(s, "POST /v1/sagas/{id}/skip", route{"skipStep", "Let a step be over without its command", SagasOperate, errors}, s.skipStep)
	handle(s, "POST /v1/sagas/{id}/resolve", route{"resolveStep", "Let a step be done with a given output", SagasOperate, errors}, s.resolveStep)
	handle(s, "POST /v1/sagas/{id}/edit", route{"editStep", "Give a step another input and send it anew", SagasOperate, errors}, s.editStep)
	handle(s, "POST /v1/sagas/{id}/reset", route{"resetSaga", "Undo a step and what comes after it, then let them begin anew", SagasOperate, errors}, s.reset)
	handle(s, "POST /v1/sagas/{id}/assign", route{"assignSaga", "Say who looks after what a saga needs attention for", SagasOperate, errors}, s.assign)
	handle(s, "POST /v1/sagas/{id}/acknowledge", route{"acknowledgeSaga", "Say that a reason for attention is known", SagasOperate, errors}, s.acknowledge)
	handle(s, "POST /v1/sagas/{id}/snooze", route{"snoozeSaga", "Put a reason for attention off until a time", SagasOperate, errors}, s.snooze)
	handle(s, "POST /v1/sagas/{id}/describe", route{"describeSaga", "Set attributes that a saga is found by, also when it has ended", SagasOperate, errors}, s.describeSaga)
	handle(s, "POST /v1/sagas/{id}/annotate", route{"annotateSaga", "Write a sentence into a saga's history, also when it has ended", SagasOperate, errors}, s.annotate)
	handle(s, "POST /v1/sagas/{id}/restart", route{"restartSaga", "Start a new saga with the input of one that has ended", SagasStart, append(slices.Clone(errors), 429)}, s.restart)
	handle(s, "POST /v1/sagas/{id}/terminate", route{"terminateSaga", "End a saga as it is, with nothing undone", SagasTerminate, errors}, s.terminate)
}

// verb returns the handler of a verb that needs nothing but a reason.
func (s *Server) verb(kind saga.EventKind) func(context.Context, *verbInput) (*sagaOutput, error) {
	return func(ctx context.Context, in *verbInput) (*sagaOutput, error) {
		return s.do(ctx, in.VerbTarget, coordinator.Verb{Kind: kind, Reason: in.Body.Reason})
	}
}

func (s *Server) retry(ctx context.Context, in *retryInput) (*sagaOutput, error) {
	return s.do(ctx, in.VerbTarget, coordinator.Verb{Kind: saga.Retried, Step: in.Body.Step, Reason: in.Body.Reason})
}

func (s *Server) skipStep(ctx context.Context, in *skipInput) (*sagaOutput, error) {
	return s.do(ctx, in.VerbTarget, coordinator.Verb{Kind: saga.StepSkipped, Step: in.Body.Step, Reason: in.Body.Reason})
}

func (s *Server) resolveStep(ctx context.Context, in *resolveInput) (*sagaOutput, error) {
	if len(in.Body.Output) > saga.MaxPayload {
		return nil, newProblem(http.StatusRequestEntityTooLarge, client.TooLarge, "the output is larger than 512 KiB: pass a reference")
	}
	output := orNull(in.Body.Output)
	if err := s.checkByHand(ctx, in.ID, in.Body.Step, func(c *definition.Contract, command string) error { return c.CheckResult(command, output) }); err != nil {
		return nil, s.answer(ctx, err)
	}
	return s.do(ctx, in.VerbTarget, coordinator.Verb{
		Kind: saga.StepResolved, Step: in.Body.Step, Reason: in.Body.Reason, Payload: saga.JSON(in.Body.Output),
	})
}

// editStep checks the input as far as one is known to be wrong, and sends it.
func (s *Server) editStep(ctx context.Context, in *editInput) (*sagaOutput, error) {
	if err := definition.CheckDocument("input", in.Body.Input); err != nil {
		return nil, s.answer(ctx, err)
	}
	if err := s.checkByHand(ctx, in.ID, in.Body.Step, func(c *definition.Contract, command string) error { return c.CheckInput(command, in.Body.Input) }); err != nil {
		return nil, s.answer(ctx, err)
	}
	return s.do(ctx, in.VerbTarget, coordinator.Verb{
		Kind: saga.StepEdited, Step: in.Body.Step, Reason: in.Body.Reason, Payload: saga.JSON(in.Body.Input),
	})
}

func (s *Server) assign(ctx context.Context, in *assignInput) (*sagaOutput, error) {
	return s.do(ctx, in.VerbTarget, coordinator.Verb{
		Kind: saga.Assigned, Reason: in.Body.Reason, Payload: parameters(saga.Assignment{To: in.Body.To}),
	})
}

func (s *Server) acknowledge(ctx context.Context, in *acknowledgeInput) (*sagaOutput, error) {
	b := in.Body
	return s.do(ctx, in.VerbTarget, coordinator.Verb{
		Kind: saga.Acknowledged, Step: b.Step, Reason: b.Reason, Payload: parameters(saga.Heeding{Attention: saga.AttentionReason(b.Attention)}),
	})
}

func (s *Server) snooze(ctx context.Context, in *snoozeInput) (*sagaOutput, error) {
	b := in.Body
	return s.do(ctx, in.VerbTarget, coordinator.Verb{
		Kind: saga.Snoozed, Step: b.Step, Reason: b.Reason, Payload: parameters(saga.Heeding{Attention: saga.AttentionReason(b.Attention), Until: b.Until}),
	})
}

func (s *Server) describeSaga(ctx context.Context, in *describeInput) (*sagaOutput, error) {
	if err := definition.CheckDocument("attributes", in.Body.Attributes); err != nil {
		return nil, s.answer(ctx, err)
	}
	return s.do(ctx, in.VerbTarget, coordinator.Verb{Kind: saga.Described, Reason: in.Body.Reason, Payload: saga.JSON(in.Body.Attributes)})
}

// parameters writes what a verb says beside its reason.
func parameters(of any) saga.Payload {
	data, err := json.Marshal(of)
	if err != nil {
		panic(fmt.Sprintf("parameters are always JSON: %v", err)) // no field of them can fail
	}
	return saga.JSON(data)
}

func (s *Server) reset(ctx context.Context, in *skipInput) (*sagaOutput, error) {
	return s.do(ctx, in.VerbTarget, coordinator.Verb{Kind: saga.Reset, Step: in.Body.Step, Reason: in.Body.Reason})
}

func (s *Server) terminate(ctx context.Context, in *terminateInput) (*sagaOutput, error) {
	return s.do(ctx, in.VerbTarget, coordinator.Verb{Kind: saga.Terminated, Reason: in.Body.Reason})
}

func (s *Server) annotate(ctx context.Context, in *terminateInput) (*sagaOutput, error) {
	return s.do(ctx, in.VerbTarget, coordinator.Verb{Kind: saga.Annotated, Reason: in.Body.Reason})
}

// do carries out a verb and answers with the saga as it then is.
func (s *Server) do(ctx context.Context, target VerbTarget, verb coordinator.Verb) (*sagaOutput, error) {
	id, err := s.parseID(target.ID)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	row, err := s.read(ctx, id)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	verb.Saga, verb.Actor, verb.RequestID = id, s.actor(ctx), target.Key
	result, err := s.cfg.Engine.Do(ctx, verb)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	if result.State.Status != 0 {
		row.State = result.State
	}
	return &sagaOutput{Body: s.full(ctx, row)}, nil
}
