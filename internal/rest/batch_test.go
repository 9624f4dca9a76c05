package rest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
)

func TestBatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.guarded(t)
	ask := func(key, method, path, body string) (int, string) {
		res, text := call(t, method, server.URL+path, body, "Authorization", "Bearer "+key)
		return res.StatusCode, text
	}
	for body, want := range map[string]string{
		`{"verb":"retry","reason":"r","filter":{}}`:                                                 "the filter chooses every saga there is",
		`{"verb":"skip","reason":"r","filter":{"attention":true}}`:                                  "skip needs step",
		`{"verb":"pause","step":"a","reason":"r","filter":{"attention":true}}`:                      "pause takes no step",
		`{"verb":"retry","filter":{"attention":true}}`:                                              "expected required property reason",
		`{"verb":"update","reason":"r","filter":{"attention":true}}`:                                "expected value to be one of",
		`{"verb":"restart","step":"a","reason":"r","filter":{"status":"compensated"}}`:              "restart takes no step",
		`{"verb":"edit","step":"a","input":{"a":1,"a":2},"reason":"r","filter":{"attention":true}}`: "invalid-input",
		`{"verb":"resolve","step":"a","input":1,"reason":"r","filter":{"attention":true}}`:          "resolve takes no input",
		`{"verb":"snooze","reason":"r","filter":{"attention":true}}`:                                "snooze needs until",
		`{"verb":"retry","reason":"r","rate":5000,"filter":{"attention":true}}`:                     "expected number <= 1000",
		`{"verb":"retry","reason":"r","filter":{"attributes":["customer"]}}`:                        "NAME=VALUE",
		`{"verb":"retry","reason":"r","filter":{"status":"lost","key":"order"}}`:                    "expected value to be one of",
	} {
		status, text := ask("shop=operator", http.MethodPost, "/v1/batches?namespace=shop", body)
		require.Equal(t, http.StatusUnprocessableEntity, status, text)
		require.Contains(t, text, want)
	}
	terminate := `{"verb":"terminate","reason":"r","filter":{"definition":"trip"}}`
	status, text := ask("shop=operator", http.MethodPost, "/v1/batches?namespace=shop", terminate)
	require.Equal(t, http.StatusForbidden, status, text)
	status, text = ask("shop=admin", http.MethodPost, "/v1/batches?namespace=shop", terminate)
	require.Equal(t, http.StatusOK, status, text)
	require.Contains(t, text, `"verb":"terminate"`)
	status, text = ask("shop=admin", http.MethodGet, "/v1/batches/8", "")
	require.Equal(t, http.StatusNotFound, status, text)

	c, err := client.New(client.Config{URL: server.URL, APIKey: "shop=operator"})
	require.NoError(t, err)
	b, err := c.RunBatch(t.Context(), 7)
	require.NoError(t, err)
	require.Equal(t, "running", b.State)
	require.Len(t, b.Sagas, 1)
	page, err := c.BatchSagas(t.Context(), 7, "", "done")
	require.NoError(t, err)
	require.Equal(t, "done", page.Sagas[0].Outcome)
}
