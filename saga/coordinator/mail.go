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

// mailPage is how many messages are read at once.
const mailPage = 1000

// letter is a message as it is stored. JSON, because it is rare and people read it.
type letter struct {
	Namespace string `json:",omitempty"`
	saga.Event
}

func encodeMail(namespace string, e saga.Event) []byte {
	data, err := json.Marshal(letter{namespace, e})
	if err != nil {
		panic(fmt.Sprintf("an event is always JSON: %v", err)) // no field of it can fail
	}
	return data
}

func decodeMail(m Mail) (*item, error) {
	var l letter
	if err := json.Unmarshal(m.Record, &l); err != nil {
		return nil, fmt.Errorf("decode kept message: %w", err)
	}
	n := bucket.Of(m.Saga.String(), bucket.Count)
	return &item{bucket: n, saga: m.Saga, event: l.Event, namespace: l.Namespace, mail: m.ID}, nil
}

// mailbag knows of which buckets the mail has to be read: where a verb may have
// freed a saga that took no messages, and where a message was not handed over in
// memory. From then on none of that bucket is until its mail was read, so that a
// saga never gets a message before an older one.
type mailbag struct {
	mu     sync.Mutex
	list   []int       // each once
	missed map[int]int // how many messages of a bucket were not handed over
}

// look has a bucket's mail read soon.
func (b *mailbag) look(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Contains(b.list, n) {
		b.list = append(b.list, n)
	}
}

// miss notes that a bucket's mail holds what was not handed over, or may.
func (b *mailbag) miss(n int) {
	b.look(n)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.missed == nil {
		b.missed = map[int]int{}
	}
	b.missed[n]++
}

// take returns the buckets whose mail has to be read.
func (b *mailbag) take() []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.list
	b.list = nil
	return list
}

// behind returns how many messages of a bucket were not handed over.
func (b *mailbag) behind(n int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.missed[n]
}

// read notes that a bucket's mail was read when that many were missed.
func (b *mailbag) read(n, missed int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.missed[n] == missed:
		delete(b.missed, n)
	case !slices.Contains(b.list, n):
		b.list = append(b.list, n) // more were missed in the meantime
	}
}

// mailAgain offers the mail of buckets to their sagas: after a takeover, because
// nobody else knows of it, and because a new owner may be a newer build, which can
// take what the former one could not; and after a verb. What still cannot be taken
// stays where it is.
func (c *Coordinator) mailAgain(ctx context.Context, buckets []int) {
	missed := make([]int, len(buckets))
	for i, n := range buckets {
		missed[i] = c.bag.behind(n)
	}
	var last Mail
	for more := true; more; {
		var page []Mail
		c.insist(ctx, buckets, func() (err error) {
			page, err = c.cfg.Store.Mail(ctx, buckets, last, mailPage)
			return err
		}) // nobody else asks again before the next owner
		if !c.offer(ctx, page) {
			return
		}
		if more = len(page) == mailPage; more {
			last = page[len(page)-1]
		}
	}
	for i, n := range buckets {
		c.bag.read(n, missed[i])
	}
}

// offer hands messages to their writers, waiting for room.
func (c *Coordinator) offer(ctx context.Context, page []Mail) bool {
	for _, m := range page {
		it, err := decodeMail(m)
		if err != nil {
			c.cfg.Log.Error("a kept message cannot be read", "saga", m.Saga, "id", m.ID, "error", err)
			continue
		}
		select {
		case c.writerOf(it.bucket).mail <- it:
		case <-ctx.Done():
			return false
		}
	}
	return ctx.Err() == nil
}

// enqueue hands an item to its writer, waiting for room.
func (c *Coordinator) enqueue(ctx context.Context, it *item) bool {
	return c.writerOf(it.bucket).take(ctx, it) == nil
}

// tell keeps what a transition tells other sagas.
func (s *folding) tell(effects []saga.Effect) {
	for _, effect := range effects {
		if tell, ok := effect.(saga.Tell); ok {
			s.toldTo(tell.To, tell.Event)
		}
	}
}

func (s *folding) toldTo(id saga.ID, e saga.Event) {
	n := bucket.Of(id.String(), bucket.Count)
	s.told = append(s.told, &item{bucket: n, saga: id, event: e, namespace: s.row.Namespace})
}

// tell writes what a saga tells others. The owner of another bucket is told to look;
// so is the owner of this one if it is not us.
func (f *fold) tell(s *folding) {
	for _, it := range s.told {
		f.writes.Tell = append(f.writes.Tell, Mail{Saga: it.saga, Record: encodeMail(it.namespace, it.event)})
		if it.bucket != s.bucket || f.r.foreign {
			f.writes.Far = append(f.writes.Far, Wake{Saga: it.saga, At: f.b.Now()})
		}
	}
	f.told = append(f.told, s.told...)
}

// post hands the messages of a batch that was committed to their writers, without
// waiting: a writer may be handing over to itself. What finds no room is read later.
func (r *run) post(f *fold) {
	for i, it := range f.told {
		it.mail = f.writes.Tell[i].ID
	}
	for _, it := range append(f.told, f.granted()...) {
		if r.c.bucket(it.bucket) == nil || r.c.bag.behind(it.bucket) > 0 {
			r.c.bag.miss(it.bucket)
			continue
		}
		select {
		case r.c.writerOf(it.bucket).mail <- it:
		default:
			r.c.bag.miss(it.bucket)
		}
	}
}

// missMail notes that a commit of unknown outcome may have told sagas something.
func (r *run) missMail(items []*item) {
	if r.foreign {
		return
	}
	for _, it := range items {
		r.c.bag.miss(it.bucket)
	}
}
