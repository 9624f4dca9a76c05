package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
)

// mostOpen is the quota of open sagas in namespace shop.
const mostOpen = 6

// crowd is a world with two namespaces and two coordinators.
func crowd(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, testserver.Kafka(t), 0)
	w.extra = []string{"UNWIND_NAMESPACES=default,shop"}
	command(t, w.env(), unwindBinary, "topics", "apply")
	w.nodes = []*node{{}, {}}
	w.begin(0)
	w.begin(1)
	w.define(t)
	w.call(t, request{method: http.MethodPut, path: "/v1/definitions?namespace=shop&file=claim.yaml", body: []byte(definitions["claim"]), want: http.StatusOK})
	return w
}

// inShop is a record that asks for a saga of namespace shop.
func (w *world) inShop(key string) kafka.Record {
	rec := w.asking(key, "claim", nil)
	rec.Topic = w.prefix + "start.shop"
	for i := range rec.Headers {
		if rec.Headers[i].Key == "unwind-namespace" {
			rec.Headers[i].Value = []byte("shop")
		}
	}
	return rec
}

// busy lists the open sagas of namespace shop.
func (w *world) busy(t *testing.T) (ids []string) {
	t.Helper()
	rows, err := w.pool.Query(t.Context(), "SELECT id::text FROM unwind.sagas WHERE namespace = 'shop' AND status < 3")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var id string
		require.NoError(t, rows.Scan(&id))
		ids = append(ids, id)
	}
	require.NoError(t, rows.Err())
	return ids
}

// startInShop starts a saga on a node, or says which quota refused it.
func (w *world) startInShop(t *testing.T, node int) *client.Exceeded {
	t.Helper()
	r := opening("claim", nil)
	r.path, r.node = "/v1/sagas?namespace=shop", node
	status, answer, err := w.send(r)
	require.NoError(t, err)
	if status == http.StatusCreated {
		return nil
	}
	require.Equal(t, http.StatusTooManyRequests, status, "%s", answer)
	var p client.Problem
	require.NoError(t, json.Unmarshal(answer, &p))
	require.Equal(t, client.OverQuota, p.Code)
	return p.Quota
}

// TestANamespaceKeepsToItsQuota: a namespace has its quota in a fleet and after kill
// -9; what it asks for beyond is refused over REST and waits over Kafka, nothing of it
// is lost, and another namespace notices nothing of that.
func TestANamespaceKeepsToItsQuota(t *testing.T) {
	t.Parallel()
	w := crowd(t)
	w.unwind(t, "quota", "set", "--namespace", "shop", "--open", fmt.Sprint(mostOpen), "--starts", "1000/s", "--reason", "the contract of May")
	for i := range w.nodes { // what was set outlives them
		w.nodes[i].kill()
		w.begin(i)
	}
	started, refused := 0, 0
	eventually(t, "the quota is used up", func() bool { // each process has its half, for now also those that were killed
		for n := range w.nodes {
			over := w.startInShop(t, n)
			if over == nil {
				started++
				continue
			}
			refused++
			require.Equal(t, "open", over.Quota)
			require.Equal(t, int64(mostOpen), over.Limit)
			require.Positive(t, over.RetryAfter)
		}
		return started >= mostOpen && refused > 10
	})
	require.LessOrEqual(t, started, mostOpen+1, "the last one may be let in by each")

	var keys []string
	var records []kafka.Record
	for n := range 20 {
		keys = append(keys, fmt.Sprint("wait-", n))
		records = append(records, w.inShop(keys[n]))
	}
	w.produce(t, records...)
	w.produce(t, w.asking("beside", "trip", nil))
	w.ended(t, w.startedBy(t, "beside"), saga.Completed)
	w.ended(t, w.start(t, "trip", nil), saga.Completed)
	require.Len(t, w.busy(t), started, "they wait")
	eventually(t, "all of them are started", func() bool {
		open := w.busy(t)
		require.LessOrEqual(t, len(open), 2*mostOpen)
		for n, id := range open {
			if n%2 == 0 {
				status, answer, err := w.send(request{method: http.MethodPost, path: "/v1/sagas/" + id + "/cancel", body: []byte(`{"reason":"room for others"}`)})
				require.NoError(t, err)
				require.Contains(t, []int{http.StatusOK, http.StatusConflict}, status, "%s", answer)
			}
		}
		var n int
		require.NoError(t, w.pool.QueryRow(t.Context(), "SELECT count(*) FROM unwind.start_keys WHERE namespace = 'shop' AND key = ANY($1)", keys).Scan(&n))
		return n == len(keys)
	})
	var letters int
	require.NoError(t, w.pool.QueryRow(t.Context(), "SELECT count(*) FROM unwind.dead_letters").Scan(&letters))
	require.Zero(t, letters)
	w.starts(t)
}

// starts: a rate holds too, and is said.
func (w *world) starts(t *testing.T) {
	t.Helper()
	w.unwind(t, "quota", "set", "--namespace", "shop", "--open", "none", "--starts", "2/s", "--burst", "4", "--reason", "a flood")
	var over *client.Exceeded
	eventually(t, "the rate is used up", func() bool {
		over = w.startInShop(t, 0)
		return over != nil && over.Quota == "starts"
	})
	require.Equal(t, []int64{2, 4}, []int64{over.Limit, over.Burst})
	shown := w.call(t, request{method: http.MethodGet, path: "/v1/namespace/quotas?namespace=shop&changes=true", want: http.StatusOK})
	var q client.Quotas
	require.NoError(t, json.Unmarshal(shown, &q))
	require.Positive(t, q.Used.Open)
	require.Positive(t, q.Used.Bytes)
	require.True(t, slices.ContainsFunc(q.Changes, func(c client.QuotaChange) bool {
		return c.Reason == "the contract of May" && strings.HasPrefix(c.Actor, "operator:")
	}))
}
