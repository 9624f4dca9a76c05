package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/batch"
	"github.com/unwindhq/unwind/saga"
)

// Batches keeps verbs on many sagas. *batch.Store, with filters of this package,
// implements it.
type Batches interface {
	// Create freezes which sagas a batch has.
	Create(ctx context.Context, f Filter, r batch.Request) (batch.Batch, error)
	// Get returns a batch, or batch.ErrNotFound.
	Get(ctx context.Context, id int64) (batch.Batch, error)
	// List returns the newest batches of a namespace, those before an id.
	List(ctx context.Context, namespace string, before int64, limit int) ([]batch.Batch, error)
	// Items returns sagas of a batch, those after one.
	Items(ctx context.Context, id int64, after saga.ID, outcome *batch.Outcome, limit int) ([]batch.Item, error)
	// Change runs, pauses or stops a batch.
	Change(ctx context.Context, id int64, to batch.State, actor string) (batch.Batch, error)
	// Approve lets a large batch run that somebody else has made.
	Approve(ctx context.Context, id int64, actor string) (batch.Batch, error)
}

type createBatchInput struct {
	NamespaceInput
	Body client.BatchRequest
}

type batchInput struct{ BatchTarget }

type batchesInput struct {
	NamespaceInput
	Before int64 `query:"before" minimum:"0" doc:"next of the page before"`
	Limit  int   `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type batchSagasInput struct {
	BatchTarget
	After   string `query:"after" doc:"next of the page before"`
	Outcome string `query:"outcome" enum:"done,unchanged,refused"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

type (
	batchOutput      struct{ Body client.Batch }
	batchesOutput    struct{ Body client.Batches }
	batchSagasOutput struct{ Body client.BatchSagas }
)

// BatchTarget is the batch that a request is about.
type BatchTarget struct {
	ID int64 `path:"id" minimum:"1" doc:"the batch's id"`
}

// batchRoutes registers verbs on many sagas.
func (s *Server) batchRoutes() {
	if s.cfg.Batches == nil {
		return
	}
	handle(s, "POST /v1/batches", route{"createBatch", "Freeze which sagas a verb is for; nothing is asked yet", SagasOperate, []int{400, 404, 413, 422}}, s.createBatch)
	handle(s, "GET /v1/batches", route{"listBatches", "List batches, the newest first", SagasRead, []int{404, 422}}, s.batches)
	handle(s, "GET /v1/batches/{id}", route{"getBatch", "Get a batch", SagasRead, []int{404, 422}}, s.batch)
	handle(s, "GET /v1/batches/{id}/sagas", route{"getBatchSagas", "List how a batch's sagas have fared", SagasRead, []int{404, 422}}, s.batchSagas)
	changed := []int{404, 409, 413, 422}
	handle(s, "POST /v1/batches/{id}/run", route{"runBatch", "Let a batch ask its sagas", SagasOperate, changed}, s.changeBatch(batch.Running))
	handle(s, "POST /v1/batches/{id}/pause", route{"pauseBatch", "Let a batch ask nobody until it is run again", SagasOperate, changed}, s.changeBatch(batch.Paused))
	handle(s, "POST /v1/batches/{id}/approve", route{"approveBatch", "Let a large batch run that somebody else has made", SagasOperate, changed}, s.approveBatch)
	handle(s, "POST /v1/batches/{id}/stop", route{"stopBatch", "End a batch; what is left is not asked", SagasOperate, changed}, s.changeBatch(batch.Stopped))
}

func (s *Server) createBatch(ctx context.Context, in *createBatchInput) (*batchOutput, error) {
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return nil, err
	}
	r := in.Body
	kind := manyVerbs[r.Verb].kind
	if err := s.mayBatch(ctx, namespace, kind); err != nil {
		return nil, err
	}
	f, asked, err := batchFilter(namespace, r)
	if err != nil {
		return nil, err
	}
	parameters, err := parametersOf(r, grantOf(ctx).principal.Groups)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	made, err := s.cfg.Batches.Create(ctx, f, batch.Request{
		Asked: asked, Verb: kind, Step: r.Step, Parameters: parameters, Reason: r.Reason, Actor: actorText(s.actor(ctx)), Rate: r.Rate,
		ApproveAbove: s.secondPerson(), Fits: s.fitsAll(namespace, r),
	})
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	return s.fullBatch(ctx, made)
}

// mayBatch refuses who may not ask one saga for the verb.
func (s *Server) mayBatch(ctx context.Context, namespace string, verb saga.EventKind) error {
	needs := SagasOperate
	switch verb {
	case saga.Terminated:
		needs = SagasTerminate
	case batch.Restarted:
		needs = SagasStart
	}
	g, least := grantOf(ctx), rules[needs].least
	if g.principal.Role(namespace) < least {
		return newProblem(http.StatusForbidden, client.Forbidden, "key "+g.principal.Name+" may not do that: "+string(needs)+" takes the role "+least.String())
	}
	return nil
}

// batchFilter reads which sagas a batch is for. One for all of them must be meant:
// it names at least a status.
func batchFilter(namespace string, r client.BatchRequest) (f Filter, asked string, err error) {
	list := listInput{Key: r.Filter.Key, Subject: r.Filter.Subject, Attributes: r.Filter.Attributes}
	f = Filter{Namespace: namespace, Definition: r.Filter.Definition, Attention: r.Filter.Attention}
	f.Waiting = waits(r.Filter.Waiting, r.Filter.Paused)
	if f.Attributes, err = list.conditions(); err != nil {
		return f, "", err
	}
	if r.Filter.Status != "" {
		f.Status, _ = saga.ParseStatus(r.Filter.Status) // the schema lists the words
	}
	if f.Definition == "" && f.Status == 0 && f.Waiting == 0 && !f.Attention && len(f.Attributes) == 0 {
		return f, "", newProblem(http.StatusUnprocessableEntity, client.BadRequest, "the filter chooses every saga there is: name at least a definition, a status, what they wait for, attention, a key, a subject or an attribute")
	}
	data, err := json.Marshal(r.Filter)
	return f, string(data), err
}

// batchOf returns a batch of a namespace that the caller knows.
func (s *Server) batchOf(ctx context.Context, id int64) (batch.Batch, error) {
	b, err := s.cfg.Batches.Get(ctx, id)
	if err == nil && s.in(ctx, b.Namespace) != nil {
		err = s.in(ctx, b.Namespace)
	}
	if errors.Is(err, batch.ErrNotFound) {
		err = newProblem(http.StatusNotFound, client.NotFound, batch.ErrNotFound.Error())
	}
	return b, err
}

func (s *Server) batch(ctx context.Context, in *batchInput) (*batchOutput, error) {
	b, err := s.batchOf(ctx, in.ID)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	return s.fullBatch(ctx, b)
}

func (s *Server) changeBatch(to batch.State) func(context.Context, *batchInput) (*batchOutput, error) {
	return func(ctx context.Context, in *batchInput) (*batchOutput, error) {
		b, err := s.batchOf(ctx, in.ID)
		if err != nil {
			return nil, s.answer(ctx, err)
		}
		if err := s.mayBatch(ctx, b.Namespace, b.Verb); err != nil {
			return nil, err
		}
		if b, err = s.cfg.Batches.Change(ctx, in.ID, to, actorText(s.actor(ctx))); err != nil {
			return nil, s.answer(ctx, err)
		}
		return s.fullBatch(ctx, b)
	}
}

// secondPerson is how many sagas a batch may have that nobody else has to approve; 0:
// any number. Where nobody is asked for a key all are one person.
func (s *Server) secondPerson() int {
	if s.cfg.Access == nil {
		return 0
	}
	return s.cfg.ApproveAbove
}

func (s *Server) approveBatch(ctx context.Context, in *batchInput) (*batchOutput, error) {
	b, err := s.batchOf(ctx, in.ID)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	if err := s.mayBatch(ctx, b.Namespace, b.Verb); err != nil {
		return nil, err
	}
	if b, err = s.cfg.Batches.Approve(ctx, in.ID, actorText(s.actor(ctx))); err != nil {
		return nil, s.answer(ctx, err)
	}
	return s.fullBatch(ctx, b)
}

// firstSagas is how many sagas a batch is shown with.
const firstSagas = 10

func (s *Server) fullBatch(ctx context.Context, b batch.Batch) (*batchOutput, error) {
	out := &batchOutput{Body: batchView(b)}
	items, err := s.cfg.Batches.Items(ctx, b.ID, saga.ID{}, nil, firstSagas)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	for _, item := range items {
		out.Body.Sagas = append(out.Body.Sagas, item.Saga.String())
	}
	return out, nil
}

func batchView(b batch.Batch) client.Batch {
	view := client.Batch{
		ID: b.ID, Step: b.Step, Reason: b.Reason, Actor: b.Actor, Filter: json.RawMessage(b.Filter), Rate: b.Rate, State: string(b.State),
		Total: b.Total, Done: b.Counts[batch.Asked], Unchanged: b.Counts[batch.Unchanged], Refused: b.Counts[batch.Refused],
		CreatedAt: b.At.UTC(), ChangedAt: b.ChangedAt.UTC(), ChangedBy: b.ChangedBy,
	}
	view.Verb = wordOf(b)
	view.NeedsApproval, view.ApprovedBy, view.ApprovedAt = b.NeedsApproval, b.ApprovedBy, b.ApprovedAt
	view.Signal, view.Parameters = b.Parameters.Signal, b.Parameters.Payload
	return view
}

func (s *Server) batches(ctx context.Context, in *batchesInput) (*batchesOutput, error) {
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return nil, err
	}
	list, err := s.cfg.Batches.List(ctx, namespace, in.Before, in.Limit)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	out := &batchesOutput{Body: client.Batches{Batches: []client.Batch{}}}
	for _, b := range list {
		out.Body.Batches = append(out.Body.Batches, batchView(b))
	}
	if len(list) == in.Limit {
		out.Body.Next = list[len(list)-1].ID
	}
	return out, nil
}

func (s *Server) batchSagas(ctx context.Context, in *batchSagasInput) (*batchSagasOutput, error) {
	if _, err := s.batchOf(ctx, in.ID); err != nil {
		return nil, s.answer(ctx, err)
	}
	var after saga.ID
	var err error
	if in.After != "" {
		if after, err = s.parseID(in.After); err != nil {
			return nil, err
		}
	}
	var outcome *batch.Outcome
	if in.Outcome != "" {
		outcome = new(batch.Outcome(in.Outcome))
	}
	items, err := s.cfg.Batches.Items(ctx, in.ID, after, outcome, in.Limit)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	out := &batchSagasOutput{Body: client.BatchSagas{Sagas: []client.BatchSaga{}}}
	for _, item := range items {
		out.Body.Sagas = append(out.Body.Sagas, client.BatchSaga{Saga: item.Saga.String(), Outcome: string(item.Outcome), Detail: item.Detail})
	}
	if len(items) == in.Limit {
		out.Body.Next = items[len(items)-1].Saga.String()
	}
	return out, nil
}
