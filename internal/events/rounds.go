package events

import (
	"context"
	"sync"
)

// rounds reads something again and again for many who ask: each gets an answer that
// was read after the question. Those who ask while a reading is under way share the
// next one.
type rounds[T any] struct {
	mu   sync.Mutex
	next *round[T] // has not begun yet
	turn sync.Mutex
}

type round[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// get reads, or waits for the next reading.
func (g *rounds[T]) get(ctx context.Context, read func(context.Context) (T, error)) (T, error) {
	g.mu.Lock()
	r := g.next
	if r == nil {
		r = &round[T]{done: make(chan struct{})}
		g.next = r
		g.mu.Unlock()
		g.lead(ctx, r, read)
		return r.value, r.err
	}
	g.mu.Unlock()
	select {
	case <-r.done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// lead reads for all who have joined until it begins.
func (g *rounds[T]) lead(ctx context.Context, r *round[T], read func(context.Context) (T, error)) {
	g.turn.Lock()
	defer g.turn.Unlock()
	g.mu.Lock()
	g.next = nil
	g.mu.Unlock()
	defer close(r.done)
	r.value, r.err = read(ctx)
}
