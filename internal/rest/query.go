package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/saga"
)

type queryInput struct {
	ID   string `path:"id" doc:"the saga's id"`
	Name string `path:"name" maxLength:"64" doc:"the query's name"`
}

type queryOutput struct{ Body client.Answer }

// query asks a saga's function for something. It may be any saga that is code, also
// one that has ended.
func (s *Server) query(ctx context.Context, in *queryInput) (*queryOutput, error) {
	id, err := s.parseID(in.ID)
	if err != nil {
		return nil, err
	}
	row, err := s.read(ctx, id)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	data, err := s.cfg.Engine.Query(ctx, row, in.Name, func(ctx context.Context) (saga.History, error) {
		return s.wholeHistory(ctx, &row.State)
	})
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	return &queryOutput{Body: client.Answer{Query: in.Name, Seq: row.State.Seq, Answer: data}}, nil
}

// wholeHistory reads what has led to a state. What came since is not of it.
func (s *Server) wholeHistory(ctx context.Context, state *saga.State) (saga.History, error) {
	history := make(saga.History, 0, state.Seq)
	for left := state.Seq; left > 0; left = state.Seq - int64(len(history)) {
		page, err := s.cfg.Reader.History(ctx, state.ID, int64(len(history)), int(min(left, historyPage)))
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			return nil, fmt.Errorf("the history of saga %s has %d events, its state %d", state.ID, len(history), state.Seq)
		}
		history = append(history, page...)
	}
	return history, nil
}

// historyPage is how many events are read at once.
const historyPage = 200

// queryProblem is the problem of a query, nil if err is of another kind. The stack of a
// panic is in the log.
func queryProblem(err error) *problem {
	if fault, is := errors.AsType[*saga.QueryError](err); is {
		text, _, _ := strings.Cut(fault.Error(), "\n")
		return newProblem(http.StatusInternalServerError, client.QueryFailed, text)
	}
	if errors.Is(err, saga.ErrNoQuery) {
		return newProblem(http.StatusNotFound, client.UnknownQuery, err.Error())
	}
	return nil
}
