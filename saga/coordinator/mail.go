package coordinator

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/saga"
)

// mailPage is how many kept messages are looked at on a takeover.
const mailPage = 1000

// encodeMail writes a kept event. JSON, because it is rare and people read it.
func encodeMail(e saga.Event) []byte {
	data, err := json.Marshal(e)
	if err != nil {
		panic(fmt.Sprintf("an event is always JSON: %v", err)) // no field of it can fail
	}
	return data
}

func decodeMail(data []byte) (saga.Event, error) {
	var e saga.Event
	if err := json.Unmarshal(data, &e); err != nil {
		return e, fmt.Errorf("decode kept message: %w", err)
	}
	return e, nil
}

// freed notes the buckets in which a verb may have freed a saga that took no
// messages. It holds each at most once.
type freed struct {
	mu   sync.Mutex
	list []int
}

func (f *freed) add(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.Contains(f.list, n) {
		f.list = append(f.list, n)
	}
}

func (f *freed) take() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.list
	f.list = nil
	return list
}

// mailAgain offers kept messages to their sagas: after a takeover, because a new
// owner may be a newer build, which can take what the former one could not; and
// after a verb. What still cannot be taken stays where it is.
func (c *Coordinator) mailAgain(ctx context.Context, buckets []int) {
	var mail []Mail
	c.insist(ctx, buckets, func() (err error) {
		mail, err = c.cfg.Store.Mail(ctx, buckets, mailPage)
		return err
	}) // nobody else asks again before the next owner
	for _, m := range mail {
		e, err := decodeMail(m.Record)
		if err != nil {
			c.cfg.Log.Error("a kept message cannot be read", "saga", m.Saga, "id", m.ID, "error", err)
			continue
		}
		n := bucket.Of(m.Saga.String(), bucket.Count)
		if !c.enqueue(ctx, &item{bucket: n, saga: m.Saga, event: e, mail: m.ID}) {
			return
		}
	}
}

// enqueue hands an item to its writer, waiting for room.
func (c *Coordinator) enqueue(ctx context.Context, it *item) bool {
	return c.writerOf(it.bucket).take(ctx, it) == nil
}
