package rest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/schedule"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

// Schedules keeps what the clock starts. *schedule.Store implements it.
type Schedules interface {
	// Apply stores a schedule in the place of an earlier one of its name.
	Apply(ctx context.Context, namespace string, spec *definition.Schedule, actor string) (schedule.Schedule, error)
	// Get returns a schedule, or schedule.ErrNotFound.
	Get(ctx context.Context, namespace, name string) (schedule.Schedule, error)
	// List returns schedules by name, those after one.
	List(ctx context.Context, namespace, after string, limit int) ([]schedule.Schedule, error)
	// Pause lets a schedule start nothing until Resume.
	Pause(ctx context.Context, namespace, name, reason, actor string) (schedule.Schedule, error)
	// Resume ends Pause.
	Resume(ctx context.Context, namespace, name, reason, actor string) (schedule.Schedule, error)
	// Trigger starts a saga of a schedule now.
	Trigger(ctx context.Context, namespace, name, reason, actor string) (schedule.Schedule, error)
	// Delete ends a schedule.
	Delete(ctx context.Context, namespace, name, reason, actor string) error
}

// ScheduleTarget is the schedule that a request is about.
type ScheduleTarget struct {
	NamespaceInput
	Name string `path:"name" maxLength:"64" doc:"the schedule's name"`
}

type (
	scheduleInput  struct{ ScheduleTarget }
	schedulesInput struct {
		NamespaceInput
		After string `query:"after" doc:"next of the page before"`
		Limit int    `query:"limit" minimum:"1" maximum:"200" default:"100"`
	}
	scheduleChangeInput struct {
		ScheduleTarget
		Body struct {
			Reason string `json:"reason,omitempty" maxLength:"1024" doc:"why; kept with the schedule"`
		}
	}
	scheduleDeleteInput struct {
		ScheduleTarget
		Reason string `query:"reason" maxLength:"1024" doc:"why; kept"`
	}
	scheduleOutput  struct{ Body client.Schedule }
	schedulesOutput struct{ Body client.Schedules }
)

// scheduleRoutes registers what the clock starts.
func (s *Server) scheduleRoutes() {
	if s.cfg.Schedules == nil {
		return
	}
	handle(s, "PUT /v1/schedules", route{"applySchedule", "Apply a schedule, YAML or JSON", SchedulesWrite, []int{400, 404, 413, 422}}, s.applySchedule)
	handle(s, "GET /v1/schedules", route{"listSchedules", "List schedules by name", SchedulesRead, []int{404, 422}}, s.schedules)
	handle(s, "GET /v1/schedules/{name}", route{"getSchedule", "Get a schedule with its next times and its last sagas", SchedulesRead, []int{404, 422}}, s.schedule)
	handle(s, "DELETE /v1/schedules/{name}", route{"deleteSchedule", "End a schedule; its sagas go on", SchedulesWrite, []int{404, 422}}, s.deleteSchedule)
	changed := []int{404, 409, 413, 422}
	handle(s, "POST /v1/schedules/{name}/pause", route{"pauseSchedule", "Let a schedule start nothing until it is resumed", SchedulesWrite, changed}, s.changeSchedule(s.cfg.Schedules.Pause))
	handle(s, "POST /v1/schedules/{name}/resume", route{"resumeSchedule", "Let a paused schedule start sagas from now on", SchedulesWrite, changed}, s.changeSchedule(s.cfg.Schedules.Resume))
	handle(s, "POST /v1/schedules/{name}/trigger", route{"triggerSchedule", "Start a saga of a schedule now", SchedulesWrite, changed}, s.changeSchedule(s.cfg.Schedules.Trigger))
}

// applySchedule checks a schedule, also against the definition that it names, and
// stores it.
func (s *Server) applySchedule(ctx context.Context, in *applyInput) (*scheduleOutput, error) {
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return nil, err
	}
	spec, err := definition.LoadSchedule(in.File, in.RawBody)
	if faults, ok := errors.AsType[saga.Faults](err); ok {
		return nil, faultsProblem(faults)
	}
	if err == nil {
		err = s.startable(ctx, namespace, spec)
	}
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	applied, err := s.cfg.Schedules.Apply(ctx, namespace, spec, actorText(s.actor(ctx)))
	return s.scheduleAnswer(ctx, applied, err)
}

// startable refuses a schedule whose sagas could never be started.
func (s *Server) startable(ctx context.Context, namespace string, spec *definition.Schedule) error {
	_, file, err := s.resolve(ctx, namespace, spec.Saga, spec.Version)
	if err != nil {
		return err
	}
	times, err := spec.Times()
	if err != nil {
		return err
	}
	next, _ := times.Next(time.Unix(0, 0)) // any time will do for the form of the input
	input, err := spec.InputAt(next)
	if err != nil {
		return err
	}
	if err := file.CheckInput(input); err != nil {
		return err
	}
	_, err = file.KeyOf(input)
	return err
}

func (s *Server) scheduleAnswer(ctx context.Context, found schedule.Schedule, err error) (*scheduleOutput, error) {
	switch {
	case errors.Is(err, schedule.ErrNotFound):
		err = newProblem(http.StatusNotFound, client.NotFound, schedule.ErrNotFound.Error())
	case errors.Is(err, schedule.ErrTooMany):
		err = newProblem(http.StatusUnprocessableEntity, client.BadRequest, schedule.ErrTooMany.Error())
	case errors.Is(err, schedule.ErrBusy):
		err = newProblem(http.StatusConflict, client.NotNow, schedule.ErrBusy.Error())
	}
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	return &scheduleOutput{Body: scheduleView(found)}, nil
}

func (s *Server) schedule(ctx context.Context, in *scheduleInput) (*scheduleOutput, error) {
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return nil, err
	}
	found, err := s.cfg.Schedules.Get(ctx, namespace, in.Name)
	return s.scheduleAnswer(ctx, found, err)
}

func (s *Server) schedules(ctx context.Context, in *schedulesInput) (*schedulesOutput, error) {
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return nil, err
	}
	list, err := s.cfg.Schedules.List(ctx, namespace, in.After, in.Limit)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	out := &schedulesOutput{Body: client.Schedules{Schedules: []client.Schedule{}}}
	for _, one := range list {
		out.Body.Schedules = append(out.Body.Schedules, scheduleView(one))
	}
	if len(list) == in.Limit {
		out.Body.Next = list[len(list)-1].Spec.Schedule
	}
	return out, nil
}

func (s *Server) changeSchedule(do func(ctx context.Context, namespace, name, reason, actor string) (schedule.Schedule, error)) func(context.Context, *scheduleChangeInput) (*scheduleOutput, error) {
	return func(ctx context.Context, in *scheduleChangeInput) (*scheduleOutput, error) {
		namespace, err := s.namespace(ctx, in.NamespaceInput)
		if err != nil {
			return nil, err
		}
		changed, err := do(ctx, namespace, in.Name, in.Body.Reason, actorText(s.actor(ctx)))
		return s.scheduleAnswer(ctx, changed, err)
	}
}

func (s *Server) deleteSchedule(ctx context.Context, in *scheduleDeleteInput) (*scheduleOutput, error) {
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return nil, err
	}
	found, err := s.cfg.Schedules.Get(ctx, namespace, in.Name)
	if err == nil {
		err = s.cfg.Schedules.Delete(ctx, namespace, in.Name, in.Reason, actorText(s.actor(ctx)))
	}
	return s.scheduleAnswer(ctx, found, err)
}

func scheduleView(s schedule.Schedule) client.Schedule {
	view := client.Schedule{
		Name: s.Spec.Schedule, Definition: s.Spec.Saga, Version: s.Spec.Version, Cron: s.Spec.Cron, Zone: s.Spec.Zone, Overlap: s.Spec.Overlap,
		CatchUp: s.Spec.CatchUp, AtMost: s.Spec.AtMost, Input: s.Spec.Input, Paused: s.Paused != nil, NextAt: moment(s.Next),
		CreatedAt: s.Created.UTC(), ChangedAt: s.Changed.UTC(), ChangedBy: s.ChangedBy,
	}
	if s.Paused != nil {
		view.PauseReason, view.NextAt = *s.Paused, nil
	}
	for _, at := range s.Times {
		view.Times = append(view.Times, at.UTC())
	}
	for _, f := range s.Fires {
		view.Fires = append(view.Fires, fireView(f))
	}
	for _, c := range s.Changes {
		view.Changes = append(view.Changes, client.ScheduleChange{At: c.At.UTC(), Change: c.What, Actor: c.Actor, Detail: c.Detail})
	}
	return view
}

func fireView(f schedule.Fire) client.Fire {
	view := client.Fire{At: f.At.UTC(), Outcome: string(f.Outcome), Detail: f.Detail, Actor: f.Actor, DecidedAt: f.Decided.UTC()}
	if !f.Saga.IsZero() {
		view.Saga = f.Saga.String()
	}
	return view
}
