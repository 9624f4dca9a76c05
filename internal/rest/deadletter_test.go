package rest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/deadletter/office"
	"github.com/unwindhq/unwind/internal/record"
	"github.com/unwindhq/unwind/internal/rest"
)

// letters is an office with one letter of each namespace.
type letters struct {
	decisions []office.Decision
	filters   []office.Filter
	refuse    bool
}

func (l *letters) Get(_ context.Context, id int64) (office.Letter, error) {
	if id > 2 {
		return office.Letter{}, office.ErrNotFound
	}
	letter := office.NewLetter(record.Record{
		Topic: "t", Key: []byte{0xff}, Value: []byte(`{"a": 1}`), Headers: []record.Header{{Key: "x"}, {Key: "x", Value: []byte("y")}},
	}, deadletter.Reason{Class: "undecodable", Text: "no"}, "node", at)
	letter.ID, letter.Size = id, 8
	if id == 2 {
		letter.Namespace = "theirs"
	}
	return letter, nil
}

func (l *letters) List(ctx context.Context, f office.Filter) ([]office.Letter, int64, error) {
	l.filters = append(l.filters, f)
	letter, err := l.Get(ctx, 1)
	return []office.Letter{letter}, 1, err
}

func (l *letters) Groups(_ context.Context, f office.Filter) ([]office.Group, error) {
	l.filters = append(l.filters, f)
	return []office.Group{{Fingerprint: "f", Count: 3, First: at, Last: at, Example: 1}}, nil
}

func (l *letters) Preview(context.Context, int64, office.Decision) (office.Effect, error) {
	return office.Effect{Sentence: "it would", Refused: l.refuse}, nil
}

func (l *letters) Redrive(_ context.Context, _ int64, d office.Decision) (office.Effect, error) {
	l.decisions = append(l.decisions, d)
	if l.refuse {
		return office.Effect{}, office.ErrRefused
	}
	return office.Effect{Sentence: "it does"}, nil
}

func (l *letters) RedriveAll(_ context.Context, f office.Filter, d office.Decision, preview bool) ([]office.Result, error) {
	l.filters = append(l.filters, f)
	return []office.Result{{ID: 1, Effect: office.Effect{Sentence: "it does", Refused: preview}}}, nil
}

func (l *letters) Discard(_ context.Context, _ int64, d office.Decision) error {
	l.decisions = append(l.decisions, d)
	return nil
}

// ask sends a request, "METHOD address", and reads the answer into out.
func ask(t *testing.T, what, body string, want int, out any) {
	t.Helper()
	method, address, _ := strings.Cut(what, " ")
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, want, resp.StatusCode, "%s", data)
	require.NoError(t, json.Unmarshal(data, out))
}

func TestDeadLetterRoutes(t *testing.T) {
	t.Parallel()
	l := &letters{}
	server, _ := newWorld(t).serve(t, func(c *rest.Config) { c.DeadLetters = l })
	base := server.URL + "/v1/dead-letters"
	var page client.DeadLetters
	ask(t, "GET "+base+"?status=open&class=c&limit=7&after=9", "", http.StatusOK, &page)
	require.EqualValues(t, 1, page.Next)
	require.Equal(t, office.Filter{Namespace: "default", Class: "c", Status: office.Open, Limit: 7, After: 9}, l.filters[0])
	var groups client.DeadLetterGroups
	ask(t, "GET "+base+"/groups", "", http.StatusOK, &groups)
	require.EqualValues(t, 3, groups.Groups[0].Count)

	var full client.DeadLetter
	ask(t, "GET "+base+"/1", "", http.StatusOK, &full)
	require.Equal(t, "it would", full.Effect)
	require.Equal(t, `{"a": 1}`, string(full.Value.Base64))
	require.JSONEq(t, `{"a":1}`, string(full.Value.JSON))
	require.Equal(t, &client.Bytes{Base64: []byte{0xff}}, full.Key)
	require.Nil(t, full.Headers[0].Value)
	require.Equal(t, "y", full.Headers[1].Value.Text)

	var result client.Redriven
	ask(t, "POST "+base+"/1/redrive?dryRun=true", `{}`, http.StatusOK, &result)
	require.Empty(t, l.decisions)
	ask(t, "POST "+base+"/1/redrive", `{"reason":"mended","force":true}`, http.StatusOK, &result)
	require.Equal(t, office.Decision{Actor: "operator:local", Note: "mended", Force: true}, l.decisions[0])
	ask(t, "POST "+base+"/1/discard", `{"reason":"no use"}`, http.StatusOK, &full)
	require.Equal(t, "no use", l.decisions[1].Note)
	var many client.Redrives
	ask(t, "POST "+base+"/redrive", `{"fingerprint":"f"}`, http.StatusOK, &many)
	require.Equal(t, 1, l.filters[len(l.filters)-1].Limit, "the canary")
}

func TestDeadLetterProblems(t *testing.T) {
	t.Parallel()
	server, _ := newWorld(t).serve(t, func(c *rest.Config) { c.DeadLetters = &letters{refuse: true} })
	base := server.URL + "/v1/dead-letters"
	for _, c := range []struct {
		method, path, body string
		status             int
		code               client.Code
	}{
		{http.MethodGet, "/3", "", http.StatusNotFound, client.NotFound},
		{http.MethodGet, "/2", "", http.StatusNotFound, client.NotFound}, // of a namespace that is not served
		{http.MethodPost, "/2/redrive", "{}", http.StatusNotFound, client.NotFound},
		{http.MethodPost, "/2/discard", `{"reason":"x"}`, http.StatusNotFound, client.NotFound},
		{http.MethodPost, "/1/redrive", "{}", http.StatusConflict, client.Refused},
		{http.MethodPost, "/1/discard", "{}", http.StatusUnprocessableEntity, client.BadRequest},
		{http.MethodPost, "/redrive", "{}", http.StatusUnprocessableEntity, client.BadRequest}, // all at once
		{http.MethodGet, "?saga=x", "", http.StatusUnprocessableEntity, client.BadRequest},
		{http.MethodGet, "?class=%00", "", http.StatusUnprocessableEntity, client.BadRequest},
		{http.MethodGet, "?namespace=theirs", "", http.StatusNotFound, client.UnknownNamespace},
	} {
		var p client.Problem
		ask(t, c.method+" "+base+c.path, c.body, c.status, &p)
		require.Equal(t, c.code, p.Code, c.path)
	}
}
