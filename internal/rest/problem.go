package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/batch"
	"github.com/unwindhq/unwind/internal/intake"
	"github.com/unwindhq/unwind/internal/quota"
	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/definition"
)

const (
	problemJSON = "application/problem+json"
	// retryAfter is what a 503 suggests, in seconds.
	retryAfter = "1"
)

// problem is an answer that says what went wrong.
type problem struct{ client.Problem }

func newProblem(status int, code client.Code, detail string) *problem {
	return &problem{client.Problem{
		Type: "urn:unwind:problem:" + string(code), Title: http.StatusText(status), Status: status, Code: code, Detail: detail,
	}}
}

// Error implements error.
func (p *problem) Error() string { return p.Problem.Error() }

// GetStatus tells huma the status.
func (p *problem) GetStatus() int { return p.Status }

// GetHeaders tells huma the headers.
func (p *problem) GetHeaders() http.Header {
	switch p.Status {
	case http.StatusTooManyRequests:
		return http.Header{"Retry-After": {strconv.Itoa(p.Quota.RetryAfter)}}
	case http.StatusServiceUnavailable:
		return http.Header{"Retry-After": {retryAfter}}
	case http.StatusUnauthorized:
		return http.Header{"WWW-Authenticate": {`Bearer realm="unwind"`}}
	}
	return nil
}

// ContentType tells huma the media type.
func (p *problem) ContentType(string) string { return problemJSON }

// write answers without huma.
func (p *problem) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", problemJSON)
	w.WriteHeader(p.Status)
	_, _ = w.Write(p.encode()) //nolint:gosec // JSON, not a page; an error is that the client has gone
}

// encode returns the problem as a line of JSON.
func (p *problem) encode() []byte {
	body, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("a problem is always JSON: %v", err)) // no field of it can fail
	}
	return append(body, '\n')
}

// transform turns huma's own errors into problems. Values are not repeated: they
// may be somebody's data.
func transform(_ huma.Context, _ string, body any) (any, error) {
	theirs, ok := body.(*huma.ErrorModel)
	if !ok {
		return body, nil
	}
	code := client.BadRequest
	switch theirs.Status {
	case http.StatusRequestEntityTooLarge:
		code = client.TooLarge
	case http.StatusInternalServerError:
		code = client.Internal
	}
	p := newProblem(theirs.Status, code, theirs.Detail)
	for _, e := range theirs.Errors {
		if e != nil {
			p.Errors = append(p.Errors, client.Fault{Path: strings.TrimPrefix(e.Location, "body."), Problem: e.Message})
		}
	}
	return p, nil
}

// answer turns an error of the engine, the reader or the registry into a problem.
func (s *Server) answer(ctx context.Context, err error) error {
	var input *definition.InputError
	var topics *intake.TopicsError
	var over *quota.Error
	var refusal *problem
	if p := deadLetterProblem(err); p != nil {
		return p
	}
	if p := queryProblem(err); p != nil {
		return p
	}
	if p := updateProblem(err); p != nil {
		return p
	}
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refusal):
		return refusal
	case errors.As(err, &input):
		return inputProblem(input)
	case errors.As(err, &over):
		return quotaProblem(over)
	case errors.As(err, &topics):
		return newProblem(http.StatusConflict, client.TopicsMissing, topics.Error())
	case errors.Is(err, intake.ErrBadKey):
		return newProblem(http.StatusUnprocessableEntity, client.BadRequest, intake.ErrBadKey.Error())
	case errors.Is(err, coordinator.ErrVersion):
		return newProblem(http.StatusServiceUnavailable, client.NotReady, err.Error())
	case errors.Is(err, coordinator.ErrNoDefinition):
		return newProblem(http.StatusNotFound, client.UnknownDefinition, err.Error())
	case errors.Is(err, coordinator.ErrNotFound):
		return newProblem(http.StatusNotFound, client.NotFound, coordinator.ErrNotFound.Error())
	case errors.Is(err, batch.ErrUnapproved):
		return newProblem(http.StatusConflict, client.Unapproved, batch.ErrUnapproved.Error())
	case errors.Is(err, batch.ErrSamePerson):
		return newProblem(http.StatusForbidden, client.NotYours, batch.ErrSamePerson.Error())
	case errors.Is(err, batch.ErrState):
		return newProblem(http.StatusConflict, client.NotNow, err.Error())
	case errors.Is(err, batch.ErrTooMany):
		return newProblem(http.StatusUnprocessableEntity, client.BadRequest, batch.ErrTooMany.Error())
	case errors.Is(err, registry.ErrDisabled):
		return newProblem(http.StatusConflict, client.Disabled, err.Error())
	case errors.Is(err, coordinator.ErrKeyTaken):
		return newProblem(http.StatusConflict, client.KeyTaken, err.Error())
	case errors.Is(err, coordinator.ErrKeyUsed):
		return newProblem(http.StatusConflict, client.KeyUsed, err.Error())
	case errors.Is(err, saga.ErrPastPivot):
		return newProblem(http.StatusConflict, client.PastPivot, err.Error())
	case errors.Is(err, saga.ErrEnded):
		return newProblem(http.StatusConflict, client.Ended, err.Error())
	case errors.Is(err, saga.ErrNotNow):
		return newProblem(http.StatusConflict, client.NotNow, err.Error())
	case errors.Is(err, coordinator.ErrCannot):
		return newProblem(http.StatusConflict, client.NotNow, coordinator.ErrCannot.Error()+": unwind saga show and unwind saga why say what is wrong")
	case errors.Is(err, saga.ErrInvalid):
		return newProblem(http.StatusUnprocessableEntity, client.BadRequest, err.Error())
	case errors.Is(err, saga.ErrNotYours):
		return newProblem(http.StatusForbidden, client.NotYours, err.Error())
	case errors.Is(err, coordinator.ErrBadStart):
		return newProblem(http.StatusUnprocessableEntity, client.InvalidInput, err.Error())
	case errors.Is(err, coordinator.ErrNotReady), errors.Is(err, context.DeadlineExceeded), ctx.Err() != nil:
		return newProblem(http.StatusServiceUnavailable, client.NotReady, coordinator.ErrNotReady.Error())
	case s.cfg.Away(err):
		s.cfg.Log.WarnContext(ctx, "a request came while something behind the server was away", "error", err)
		return newProblem(http.StatusServiceUnavailable, client.NotReady, coordinator.ErrNotReady.Error())
	}
	s.cfg.Log.ErrorContext(ctx, "request failed", "error", err)
	return newProblem(http.StatusInternalServerError, client.Internal, "something failed here; the server's log says what")
}

func inputProblem(input *definition.InputError) *problem {
	p := newProblem(http.StatusUnprocessableEntity, client.InvalidInput, "it is not what the definition's schema asks for")
	for _, fault := range input.Problems {
		p.Errors = append(p.Errors, client.Fault{Path: fault.Path, Problem: fault.What})
	}
	return p
}

// faultsProblem lists everything that is wrong with a definition.
func faultsProblem(faults saga.Faults) *problem {
	p := newProblem(http.StatusUnprocessableEntity, client.InvalidDefinition, "the definition has faults")
	for _, f := range faults {
		p.Errors = append(p.Errors, client.Fault{File: f.File, Line: f.Line, Path: f.Path, Problem: f.Problem, Cure: f.Cure})
	}
	return p
}
