package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/e2e/written"
	"github.com/unwindhq/unwind/saga"
)

const (
	carts     = 6
	itemsEach = 60 // with close, fewer than the ids that a saga remembers
	killings  = 6
)

// cart is one saga that is filled by updates, and how each of them was answered first.
type cart struct {
	id      saga.ID
	answers [itemsEach]client.Updated
}

// updateID is the id of the update that adds an item, which is called the same.
func (c *cart) updateID(item int) string { return fmt.Sprintf("%s/%d", c.id, item) }

// TestUpdatesOutliveTheirOwners: updates with ids are sent to two coordinators, which are
// killed with kill -9 in turn, so that each cart loses its owner again and again. Every
// update is answered in the end, by whichever coordinator; each answer is that of one
// event in the history, whoever asks again gets the same, also when the saga has ended,
// and the function has acted on each of them once.
func TestUpdatesOutliveTheirOwners(t *testing.T) {
	w := newWorldOfCode(t)
	w.nodes = append(w.nodes, &node{})
	w.begin(1)
	w.hands = w.employ(participants)
	var all [carts]cart
	ids := make([]saga.ID, carts)
	for i := range all {
		all[i].id = w.start(t, written.Cart, nil)
		ids[i] = all[i].id
	}
	for n := range killings {
		half, ended := w.round(t, &all, n)
		select {
		case <-half:
		case <-time.After(patience):
			require.Fail(t, "no coordinator takes updates")
		}
		w.nodes[n%2].kill()
		require.NoError(t, ended())
		w.begin(n % 2)
	}
	for i := range all {
		w.filled(t, &all[i])
	}
	found, _ := w.checked(t, acknowledged(t, ids))
	require.Empty(t, found)
}

// round begins to add a share of the items to each cart, several at once. half is closed
// when half of them are answered; ended waits for the rest.
func (w *world) round(t *testing.T, all *[carts]cart, n int) (half chan struct{}, ended func() error) {
	t.Helper()
	const share = itemsEach / killings
	half = make(chan struct{})
	var answered atomic.Int64
	var load errgroup.Group
	load.SetLimit(carts * 3)
	begun := make(chan struct{})
	go func() {
		defer close(begun)
		for item := n * share; item < (n+1)*share; item++ {
			for i := range all {
				load.Go(func() error {
					err := w.fill(&all[i], item)
					if answered.Add(1) == carts*share/2 {
						close(half)
					}
					return err
				})
			}
		}
	}()
	return half, func() error { <-begun; return load.Wait() }
}

// fill adds an item, until it is answered. Some are asked for twice, as a client does
// that has lost the answer.
func (w *world) fill(c *cart, item int) (err error) {
	if c.answers[item], err = w.add(c, item); err != nil || item%4 > 0 {
		return err
	}
	again, err := w.add(c, item)
	if got := c.answers[item]; err == nil && (again.Seq != got.Seq || string(again.Output) != string(got.Output)) {
		return fmt.Errorf("update %s was answered with %+v, and then with %+v", c.updateID(item), got, again)
	}
	return err
}

// add asks one coordinator after the other to take an update, until one has answered.
func (w *world) add(c *cart, item int) (got client.Updated, err error) {
	id := c.updateID(item)
	body, err := json.Marshal(client.Verb{Input: json.RawMessage(fmt.Sprintf("%q", id)), Reason: "the test asks"})
	if err != nil {
		return got, err
	}
	r := request{method: http.MethodPost, path: "/v1/sagas/" + c.id.String() + "/updates/add", body: body, key: id, node: rand.IntN(len(w.nodes))}
	tick := time.NewTicker(often)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		status, answer, err := w.send(r)
		if err == nil && status == http.StatusOK {
			return got, json.Unmarshal(answer, &got)
		}
		if time.Now().After(end) || err == nil && status < http.StatusInternalServerError && status != http.StatusTooManyRequests {
			return got, fmt.Errorf("no coordinator takes update %s: %w: %d %s", id, err, status, answer)
		}
		r.node = (r.node + 1) % len(w.nodes)
	}
}

// filled closes a cart and looks at what has become of its updates.
func (w *world) filled(t *testing.T, c *cart) {
	t.Helper()
	w.call(t, request{method: http.MethodPost, path: "/v1/sagas/" + c.id.String() + "/updates/close", body: []byte(`{"input":null}`), key: "close", want: http.StatusOK})
	s := w.until(t, c.id, "completed", func(s client.Saga) bool { return s.Status == "completed" })
	var places [itemsEach]int64 // of each item's one event
	var order []string
	for _, e := range w.history(t, c.id) {
		if e.Kind != "updated" || e.Update != "add" {
			continue
		}
		var item int
		_, err := fmt.Sscanf(e.RequestID, c.id.String()+"/%d", &item)
		require.NoError(t, err, e.RequestID)
		require.Zero(t, places[item], "update %s is in the history twice", e.RequestID)
		places[item] = e.Seq
		order = append(order, e.RequestID)
	}
	for item, got := range c.answers {
		require.Equal(t, places[item], got.Seq, "update %s was answered, and is in the history at another place", c.updateID(item))
		require.JSONEq(t, fmt.Sprint(slices.Index(order, c.updateID(item))+1), string(got.Output))
		again, err := w.add(c, item)
		require.NoError(t, err)
		require.Equal(t, []any{got.Seq, string(got.Output)}, []any{again.Seq, string(again.Output)})
	}
	var content written.Content
	require.NoError(t, json.Unmarshal(s.Output, &content))
	require.Equal(t, written.Content{Items: order, Booked: itemsEach}, content)
	require.Equal(t, itemsEach, w.count(t, "SELECT count(*) FROM flights.effects WHERE saga::text = '"+c.id.String()+"'"))
}
