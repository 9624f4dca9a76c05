package breaker

import "time"

// ramp limits what leaves after a breaker has closed. It is a bucket of tokens
// in which no second, wherever it begins, has more than the rate at its end:
// one with room for b tokens that fills at r a second gives at most b + r - 1
// in a second, so it fills at rate - b + 1.
type ramp struct {
	began  time.Time
	filled time.Time
	tokens float64
	rate   int // commands a second at first
	double time.Duration
}

// doublings bounds the rate, far above what any process sends.
const doublings = 20

func newRamp(cfg Config, now time.Time) *ramp {
	return &ramp{began: now, filled: now, tokens: 1, rate: cfg.Ramp, double: cfg.RampDouble}
}

// charge takes what left just before the ramp began, as far as its first
// bucketful would not cover it.
func (r *ramp) charge(left int) { r.tokens = min(0, float64(r.burst(r.began)-1-left)) }

// limit is the most commands in a second at now.
func (r *ramp) limit(now time.Time) int {
	return r.rate << min(doublings, max(0, int(now.Sub(r.began)/r.double)))
}

// burst is what may leave at once: a fifth of a second's worth.
func (r *ramp) burst(now time.Time) int { return max(1, r.limit(now)/5) }

// ready is how many may leave now.
func (r *ramp) ready(now time.Time) int {
	burst := r.burst(now)
	r.tokens += now.Sub(r.filled).Seconds() * float64(r.limit(now)-burst+1)
	r.tokens = min(r.tokens, float64(burst))
	r.filled = now
	return int(r.tokens)
}

// take uses up one of them.
func (r *ramp) take() { r.tokens-- }

// over says whether it has lasted long enough to end.
func (r *ramp) over(now time.Time) bool { return now.Sub(r.began) >= r.double }
