package lease

import (
	"context"
	"time"
)

// Run keeps the lease until ctx ends, then hands over in order: OnLoss for
// everything held, the release of the buckets, and the end of the node's row.
// It returns nil after a hand-over; a failed one is left to the lease's end.
func (l *Lease) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer l.busy.Wait()
	k := keeper{Lease: l, results: make(chan renewal, 1), due: time.NewTimer(0), expiry: time.NewTimer(time.Hour)}
	defer k.due.Stop()
	defer k.expiry.Stop()
	k.keep(work, ctx.Done())
	if k.renewing {
		<-k.results
	}
	if err := l.leave(work); err != nil {
		l.cfg.Log.Warn("lease not released in order; it runs out by itself", "error", err)
	}
	return nil
}

// keeper is the state of one Run.
type keeper struct {
	*Lease
	results  chan renewal
	due      *time.Timer // of the next renewal
	expiry   *time.Timer // of the trust in the last one
	renewing bool
	again    bool // renew again as soon as the renewal under way is done
}

// keep renews and reacts until end is closed and everything has been let go of.
func (k *keeper) keep(work context.Context, end <-chan struct{}) {
	for !k.drained() {
		select {
		case <-end:
			end = nil
			k.drain()
		case <-k.due.C:
			k.start(work)
		case <-k.changed:
			k.start(work)
		case <-k.expiry.C:
			k.expire()
		case r := <-k.results:
			k.apply(work, r)
		}
	}
}

// start renews in the background, so that the end of trust is noticed meanwhile.
func (k *keeper) start(work context.Context) {
	if k.renewing {
		k.again = true
		return
	}
	k.renewing, k.again = true, false
	go func() { k.results <- k.renew(work) }() // results has room for it
}

// apply takes over what a renewal has found.
func (k *keeper) apply(work context.Context, r renewal) {
	k.renewing = false
	k.schedule(r)
	k.count(r)
	if r.err != nil {
		if more, ok := k.complaints.Pass(time.Now()); ok {
			k.cfg.Log.Warn("lease renewal failed", "more", more, "error", r.err)
		}
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.trust = r.start.Add(k.cfg.TTL - k.cfg.Margin)
	k.expiry.Reset(time.Until(k.trust))
	k.live, k.levels = r.live, r.levels
	k.lose(k.gone(r.owned), "another node has taken the bucket over")
	if !k.draining {
		k.gain(work, r.claimed)
	}
	k.lose(k.surplus(), "more than the fair share")
}

// count keeps the counters.
func (k *keeper) count(r renewal) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r.err != nil {
		k.failures++
	} else {
		k.renewals++
	}
}

// schedule sets the time of the next renewal.
func (k *keeper) schedule(r renewal) {
	switch {
	case k.again:
		k.due.Reset(0)
	case r.err != nil:
		k.due.Reset(k.cfg.Renew / 5)
	default:
		k.due.Reset(max(0, time.Until(r.start.Add(k.cfg.Renew))))
	}
}

// expire loses everything if the trust in the lease has run out.
func (k *keeper) expire() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if left := time.Until(k.trust); left > 0 {
		k.expiry.Reset(left)
		return
	}
	k.lose(k.all(), "the lease could not be renewed in time")
}

func (k *keeper) drain() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.draining = true
	k.lose(k.all(), "shutting down")
}

func (k *keeper) drained() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.draining && len(k.holds) == 0
}

// all returns the buckets that are not on their way out.
func (l *Lease) all() []int {
	var buckets []int
	for b, h := range l.holds {
		if h.phase != losing {
			buckets = append(buckets, b)
		}
	}
	return buckets
}

// gone returns the buckets that the database no longer says are held as they are
// held here.
func (l *Lease) gone(owned map[int]int64) []int {
	var buckets []int
	for _, b := range l.all() {
		if epoch, ok := owned[b]; !ok || epoch != l.holds[b].Epoch {
			buckets = append(buckets, b)
		}
	}
	return buckets
}

// surplus returns as many buckets as are held above the fair share.
func (l *Lease) surplus() []int {
	buckets := l.all()
	over := len(buckets) - share(l.live)
	if over <= 0 {
		return nil
	}
	return buckets[:over]
}
