package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/intake"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// startsAtOnce is how many starts of one request are under way at a time.
const startsAtOnce = 64

type startsInput struct {
	NamespaceInput
	Body struct {
		Starts []startItem `json:"starts" minItems:"1" maxItems:"1000" doc:"one that is refused spoils no other"`
	}
}

// maxBody is how large the body may be, in bytes.
func (*startsInput) maxBody() int64 { return client.MaxStartBytes }

// startItem is one start of several. What is wrong with it is said in its result.
type startItem struct {
	Key        string          `json:"key,omitempty" doc:"required: the idempotency key, at most 256 bytes; the same key and content answer with the same saga"`
	Definition string          `json:"definition,omitempty" doc:"required: the definition's name"`
	Version    string          `json:"version,omitempty" doc:"the version to pin, such as r12; default: the latest"`
	Begin      *time.Time      `json:"begin,omitempty" doc:"when the first steps begin, at most 365 days ahead; default at once"`
	Input      json.RawMessage `json:"input,omitempty" doc:"the saga's input, kept byte for byte; default null"`
}

type startsOutput struct {
	Body struct {
		Results []client.Started `json:"results" doc:"what has become of each start, in their order"`
	}
}

// startMany starts several sagas, each by itself: no transaction holds them together.
func (s *Server) startMany(ctx context.Context, in *startsInput) (*startsOutput, error) {
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return nil, err
	}
	out := &startsOutput{}
	out.Body.Results = make([]client.Started, len(in.Body.Starts))
	var g errgroup.Group
	g.SetLimit(startsAtOnce)
	for i := range in.Body.Starts {
		g.Go(func() error {
			out.Body.Results[i] = s.startOne(ctx, namespace, &in.Body.Starts[i])
			return nil
		})
	}
	return out, g.Wait()
}

var errNoName = newProblem(http.StatusNotFound, client.UnknownDefinition, "there is no definition of this name: a name is a small letter, then letters and digits")

var errNoKey = newProblem(http.StatusUnprocessableEntity, client.BadRequest, "a start among several needs an idempotency key of 1 to 256 bytes: without one its repeat would be a second saga")

func (s *Server) startOne(ctx context.Context, namespace string, item *startItem) client.Started {
	input := item.Input
	if input == nil {
		input = json.RawMessage("null")
	}
	var err error
	var result intake.Result
	switch {
	case item.Key == "" || len(item.Key) > coordinator.MaxKey:
		err = errNoKey
	case !saga.IsName(item.Definition):
		err = errNoName
	default:
		result, err = s.cfg.Starts.Start(ctx, intake.Request{
			Namespace: namespace, Definition: item.Definition, Version: item.Version, Key: item.Key,
			Input: saga.JSON(input), Actor: s.actor(ctx), Begin: deref(item.Begin),
		})
	}
	if err == nil {
		return client.Started{ID: result.ID.String(), Version: result.Version, New: result.New}
	}
	p, _ := errors.AsType[*problem](s.answer(ctx, err)) // it answers nothing else
	return client.Started{Problem: &p.Problem}
}
