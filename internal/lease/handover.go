package lease

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// gain is one call of OnGain, with all that comes before it.
type gain struct {
	held   []Held
	cancel context.CancelFunc
	done   chan struct{}
	called bool // OnGain has been called; read after done
}

// gain takes over freshly claimed buckets. The caller holds the lock.
func (l *Lease) gain(work context.Context, held []Held) {
	if len(held) == 0 {
		return
	}
	slices.SortFunc(held, byBucket)
	ctx, cancel := context.WithCancel(work)
	g := &gain{held: held, cancel: cancel, done: make(chan struct{})}
	for _, h := range held {
		l.holds[h.Bucket] = &hold{Held: h, phase: claimed, gain: g}
	}
	l.busy.Go(func() {
		defer close(g.done)
		defer cancel()
		l.takeOver(ctx, g)
	})
}

// takeOver waits the old owners out and calls OnGain.
func (l *Lease) takeOver(ctx context.Context, g *gain) {
	for {
		err := l.waitOut(ctx, g.held)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			break
		}
		l.cfg.Log.Warn("takeover delayed", "error", err)
		pause(ctx, l.cfg.Renew/5)
	}
	if !l.advance(g, claimed, gaining) {
		return
	}
	g.called = true
	l.cfg.Log.Info("buckets gained", "node", l.cfg.Node, "buckets", len(g.held))
	l.cfg.OnGain(ctx, g.held)
	l.advance(g, gaining, holding)
}

// waitOut takes the exclusive locks of the buckets once, in a transaction after
// the one that raised their epochs: every transaction that passed the fence
// under an older epoch has ended by then.
func (l *Lease) waitOut(ctx context.Context, held []Held) error {
	select {
	case l.barrier <- struct{}{}:
		defer func() { <-l.barrier }()
	case <-ctx.Done():
		return ctx.Err()
	}
	buckets, _, _ := columns(held)
	if _, err := l.cfg.Pool.Exec(ctx, waitOut, class(l.cfg.Schema), buckets); err != nil {
		return fmt.Errorf("wait for the former owner's transactions: %w", err)
	}
	return nil
}

// advance moves g's buckets on, unless one of them is being lost: then none moves.
func (l *Lease) advance(g *gain, from, to phase) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range g.held {
		if l.holds[h.Bucket].phase != from {
			return false
		}
	}
	for _, h := range g.held {
		l.holds[h.Bucket].phase = to
	}
	return true
}

// lose lets go of buckets, and of those that are being gained together with one
// of them; the database says later whether these can be had again. The caller
// holds the lock.
func (l *Lease) lose(buckets []int, why string) {
	gains := map[*gain]bool{}
	var lost []*hold
	drop := func(h *hold) {
		if h != nil && h.phase != losing {
			h.phase = losing
			lost = append(lost, h)
			gains[h.gain] = true
		}
	}
	for _, b := range buckets {
		h := l.holds[b]
		if h == nil || h.phase == losing {
			continue
		}
		if h.phase != holding {
			for _, other := range h.gain.held {
				drop(l.holds[other.Bucket])
			}
		}
		drop(h)
	}
	if len(lost) == 0 {
		return
	}
	l.cfg.Log.Info("buckets lost", "node", l.cfg.Node, "buckets", len(lost), "reason", why)
	l.busy.Go(func() { l.letGo(lost, gains) })
}

// letGo ends the gains, calls OnLoss for what OnGain had been called with, and
// forgets the buckets; the next renewal releases those that still name this node.
func (l *Lease) letGo(lost []*hold, gains map[*gain]bool) {
	for g := range gains {
		g.cancel()
		<-g.done
	}
	if told := l.told(lost); len(told) > 0 {
		l.cfg.OnLoss(told)
	}
	l.mu.Lock()
	for _, h := range lost {
		delete(l.holds, h.Bucket)
	}
	l.mu.Unlock()
	select {
	case l.changed <- struct{}{}:
	default: // a change is already waiting to be noticed
	}
}

// told returns those of lost that OnGain was called with.
func (l *Lease) told(lost []*hold) []Held {
	l.mu.Lock()
	defer l.mu.Unlock()
	var told []Held
	for _, h := range lost {
		if h.gain.called {
			told = append(told, h.Held)
		}
	}
	slices.SortFunc(told, byBucket)
	return told
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
