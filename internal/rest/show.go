package rest

import (
	"context"
	"net/http"
	"strings"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/saga"
)

type showInput struct {
	ID string `path:"id" doc:"the saga's id"`
	WaitInput
}

type sagaOutput struct{ Body client.Saga }

// show answers with a saga, at once or when it is where the client wants it.
func (s *Server) show(ctx context.Context, in *showInput) (*sagaOutput, error) {
	id, err := s.parseID(in.ID)
	if err != nil {
		return nil, err
	}
	w, err := s.parseWait(in.WaitInput)
	if err != nil {
		return nil, err
	}
	row, err := s.await(ctx, id, w)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	return &sagaOutput{Body: s.full(ctx, row)}, nil
}

func (s *Server) parseID(text string) (saga.ID, error) {
	id, err := saga.ParseID(text)
	if err != nil {
		return id, newProblem(http.StatusUnprocessableEntity, client.BadRequest, err.Error())
	}
	return id, nil
}

type listInput struct {
	NamespaceInput
	Definition string   `query:"definition" doc:"only sagas of this definition"`
	Status     string   `query:"status" enum:"running,compensating,completed,compensated,abandoned"`
	Key        string   `query:"key" maxLength:"256" doc:"only sagas of this business key; order-* is every one that begins so"`
	Subject    string   `query:"subject" maxLength:"256" doc:"only sagas that hold this one's data; c-* is every one that begins so"`
	Attributes []string `query:"attribute,explode" maxItems:"4" doc:"only sagas with this attribute, NAME=VALUE; a VALUE that ends with * is every text that begins so"`
	Parent     string   `query:"parent" doc:"only the children of this saga"`
	Paused     bool     `query:"paused" doc:"only sagas that are paused"`
	Waiting    string   `query:"waiting" enum:"approval,breaker,child,hold,lock,operator,reply,signal,timer,update" doc:"only sagas that wait for this; of hold and breaker a page may have fewer, or none, and a next one"`
	Chain      string   `query:"chain" doc:"only the runs of the chain that this saga is the first of"`
	Attention  bool     `query:"attention" doc:"only sagas that need attention which was not put off"`
	Snoozed    bool     `query:"snoozed" doc:"only sagas that need attention which was put off"`
	Assigned   string   `query:"assigned" maxLength:"256" doc:"only sagas that are looked after by user:NAME or group:NAME; group:* is every group"`
	Cursor     string   `query:"cursor" doc:"next of the page before"`
	Limit      int      `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type listOutput struct{ Body client.Page }

// list answers with a page of sagas.
func (s *Server) list(ctx context.Context, in *listInput) (*listOutput, error) {
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return nil, err
	}
	f := Filter{Namespace: namespace, Definition: in.Definition, Attention: in.Attention, Snoozed: in.Snoozed, Limit: in.Limit}
	f.Status, _ = saga.ParseStatus(in.Status) // the schema lists the words
	f.Waiting = waits(in.Waiting, in.Paused)
	if f.Attributes, err = in.conditions(); err != nil {
		return nil, err
	}
	if in.Chain != "" {
		first, err := s.parseID(in.Chain)
		if err != nil {
			return nil, err
		}
		f.Attributes = append(f.Attributes, saga.Match{Name: saga.ChainName, Value: first.String()})
	}
	if in.Parent != "" {
		if f.Parent, err = s.parseID(in.Parent); err != nil {
			return nil, err
		}
	}
	if in.Cursor != "" {
		if f.After, err = s.parseID(in.Cursor); err != nil {
			return nil, err
		}
	}
	rows, next, err := s.cfg.Reader.List(ctx, f)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	out := &listOutput{Body: client.Page{Sagas: s.summaries(ctx, rows, in.Waiting)}}
	if !next.IsZero() {
		out.Body.Next = next.String()
	}
	if in.Attention && !in.Snoozed && in.Cursor == "" {
		if out.Body.Snoozed, err = s.cfg.Reader.CountSnoozed(ctx, f); err != nil {
			return nil, s.answer(ctx, err)
		}
	}
	return out, nil
}

// conditions reads the key and the attributes to have.
func (in *listInput) conditions() ([]saga.Match, error) {
	var list []saga.Match
	if in.Key != "" {
		list = append(list, saga.Match{Value: in.Key})
	}
	if in.Subject != "" {
		list = append(list, saga.Match{Name: saga.SubjectName, Value: in.Subject})
	}
	if in.Assigned != "" {
		list = append(list, saga.Match{Name: saga.AssignedName, Value: in.Assigned})
	}
	for _, text := range in.Attributes {
		name, value, ok := strings.Cut(text, "=")
		if !ok || !saga.IsName(name) || value == "" || len(value) > saga.MaxKey || strings.Contains(text, "\x00") {
			return nil, newProblem(http.StatusUnprocessableEntity, client.BadRequest, "an attribute is asked for as NAME=VALUE")
		}
		list = append(list, saga.Match{Name: name, Value: value})
	}
	return list, nil
}

type historyInput struct {
	ID    string `path:"id" doc:"the saga's id"`
	After int64  `query:"after" minimum:"0" doc:"next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"200"`
}

type historyOutput struct{ Body client.Events }

// history answers with a page of a saga's events.
func (s *Server) history(ctx context.Context, in *historyInput) (*historyOutput, error) {
	id, err := s.parseID(in.ID)
	if err != nil {
		return nil, err
	}
	if _, err := s.read(ctx, id); err != nil {
		return nil, s.answer(ctx, err)
	}
	events, err := s.cfg.Reader.History(ctx, id, in.After, in.Limit)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	out := &historyOutput{Body: client.Events{Events: []client.Event{}}}
	for i := range events {
		out.Body.Events = append(out.Body.Events, eventView(&events[i]))
	}
	if len(events) == in.Limit {
		out.Body.Next = events[len(events)-1].Seq
	}
	return out, nil
}
