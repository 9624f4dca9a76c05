package rest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/quota"
	"github.com/unwindhq/unwind/internal/rest"
)

// quotas are what a namespace may do, in memory.
type quotas struct {
	changes []quota.Change
	fail    error
}

func (q *quotas) Set(_ context.Context, c quota.Change) (quota.Setting, error) {
	q.changes = append(q.changes, c)
	return quota.Setting{Namespace: c.Namespace, Limits: quota.Limits{Starts: *c.Starts}, Actor: c.Actor, Reason: c.Reason, At: at}, q.fail
}

func (q *quotas) History(_ context.Context, namespace string) ([]quota.Setting, error) {
	return []quota.Setting{{Namespace: namespace, Limits: quota.Limits{Starts: 50, Open: 7}, Actor: "operator:ann", At: at}}, nil
}

func (q *quotas) Use(context.Context, string) (quota.Use, error) {
	return quota.Use{Open: 3, Bytes: 1000}, nil
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	store := &quotas{}
	server, _ := newWorld(t).serve(t, func(c *rest.Config) { c.Quotas = store })
	c, err := client.New(client.Config{URL: server.URL})
	require.NoError(t, err)
	got, err := c.Quotas(t.Context(), true)
	require.NoError(t, err)
	require.Equal(t, client.QuotaLimits{Starts: 50, Open: 7}, got.QuotaLimits)
	require.Equal(t, client.QuotaUse{Open: 3, Bytes: 1000}, got.Used)
	require.Equal(t, "operator:ann", got.Changes[0].Actor)

	none, fifty := 0, 50
	_, err = c.SetQuotas(t.Context(), client.SetQuotas{Starts: &fifty, Burst: &none, Reason: "a contract"})
	require.NoError(t, err)
	require.Equal(t, quota.Change{Namespace: "default", Starts: &fifty, Burst: &none, Reason: "a contract", Actor: "operator:local"}, store.changes[0])
	_, err = c.SetQuotas(t.Context(), client.SetQuotas{Starts: &fifty})
	require.ErrorContains(t, err, "reason")
	store.fail = quota.ErrBurstAlone
	_, err = c.SetQuotas(t.Context(), client.SetQuotas{Starts: &fifty, Reason: "x"})
	require.ErrorContains(t, err, "burst says how many")
}

// A start over a quota says which one, how much it is and when to ask again; among
// several starts each line does.
func TestAStartOverItsQuota(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		over *quota.Error
		want client.Exceeded
		says string
	}{
		{
			&quota.Error{Namespace: "default", Quota: quota.Starts, Limit: 50, Burst: 100, Used: 50, Retry: 3 * time.Second},
			client.Exceeded{Namespace: "default", Quota: "starts", Limit: 50, Burst: 100, Used: 50, RetryAfter: 3},
			"starts no more than 50 sagas a second, 100 at once, and that is used up: ask again in 3s, or have the quota raised: unwind quota set --namespace default --starts",
		},
		{
			&quota.Error{Namespace: "default", Quota: quota.Open, Limit: 7, Used: 8, Retry: 2 * time.Second},
			client.Exceeded{Namespace: "default", Quota: "open", Limit: 7, Used: 8, RetryAfter: 2},
			"has 8 open sagas, and its quota is 7: ask again when some have ended",
		},
		{
			&quota.Error{Namespace: "default", Quota: quota.Bytes, Limit: 1000, Used: 1200, Retry: time.Minute},
			client.Exceeded{Namespace: "default", Quota: "bytes", Limit: 1000, Used: 1200, RetryAfter: 60},
			"hold 1200 bytes, and its quota is 1000",
		},
	} {
		w := newWorld(t)
		w.fail = c.over
		server, _ := w.serve(t)
		res, body := call(t, http.MethodPost, server.URL+"/v1/sagas", `{"definition":"bookTrip","input":{"cents":1}}`)
		require.Equal(t, http.StatusTooManyRequests, res.StatusCode, body)
		var p client.Problem
		require.NoError(t, json.Unmarshal([]byte(body), &p))
		require.Equal(t, client.OverQuota, p.Code)
		require.Equal(t, &c.want, p.Quota)
		require.Contains(t, p.Detail, c.says)
		require.Equal(t, time.Duration(c.want.RetryAfter)*time.Second, c.over.Retry)
		require.NotEmpty(t, res.Header.Get("Retry-After"))

		res, body = call(t, http.MethodPost, server.URL+"/v1/starts", `{"starts":[{"key":"a","definition":"bookTrip","input":{"cents":1}}]}`)
		require.Equal(t, http.StatusOK, res.StatusCode)
		require.Contains(t, body, `"over-quota"`)
	}
}
