package access

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrNoKey says that a key is not valid: unknown, revoked or expired.
var ErrNoKey = errors.New("this API key is not valid")

// errBusy says that too many keys are being looked up.
var errBusy = errors.New("too many API keys are being looked up")

// Config configures a Verifier. The zero value of a limit is its default.
type Config struct {
	// Keys are the keys. Required.
	Keys *Keys
	// Fresh is how long an answer of Postgres is used again, at most: so long a
	// revoked key may go on, and so long known keys work while Postgres is away.
	// Default 5 s.
	Fresh time.Duration
	// Known bounds how many valid keys are remembered, and how many others. Default
	// 10,000 of each.
	Known int
	// Lookups is how many keys that were not valid lately may be looked up at once,
	// so that guesses do not keep Postgres from others. Default 2.
	Lookups int
	// Patience is how long one waits for its lookup. Default 2 s.
	Patience time.Duration
}

// Validate reports every fault of c at once.
func (c Config) Validate() error {
	var faults []error
	if c.Keys == nil {
		faults = append(faults, errors.New("access: Keys is required"))
	}
	if min(c.Fresh, c.Patience) < 0 || min(c.Known, c.Lookups) < 0 {
		faults = append(faults, errors.New("access: limits must not be negative; zero is the default"))
	}
	return errors.Join(faults...)
}

func (c Config) withDefaults() Config {
	c.Fresh = cmp.Or(c.Fresh, 5*time.Second)
	c.Known = cmp.Or(c.Known, 10_000)
	c.Lookups = cmp.Or(c.Lookups, 2)
	c.Patience = cmp.Or(c.Patience, 2*time.Second)
	return c
}

// Verifier tells whose key a request shows. It remembers answers for seconds, so
// that not every request asks Postgres. It is safe for concurrent use.
type Verifier struct {
	cfg     Config
	strange chan struct{} // one item for each lookup of a key that was not valid lately
	known   chan struct{} // the same for those that were

	mu    sync.Mutex
	valid map[digest]answer
	other map[digest]answer
}

// digest stands for a shown key in memory: the key itself is not kept.
type digest [sha256.Size]byte

// answer is what Postgres said.
type answer struct {
	principal Principal
	until     time.Time
}

// NewVerifier returns a Verifier.
func NewVerifier(cfg Config) (*Verifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	return &Verifier{
		cfg: cfg, strange: make(chan struct{}, cfg.Lookups), known: make(chan struct{}, cfg.Lookups),
		valid: map[digest]answer{}, other: map[digest]answer{},
	}, nil
}

// Authenticate returns the principal of a key. The error is ErrNoKey for one that
// is not valid; any other says that it could not be found out: nobody is let in
// then whose key was not seen to be valid within Config.Fresh.
func (v *Verifier) Authenticate(ctx context.Context, key string) (Principal, error) {
	id, hash, ok := split(key)
	if !ok {
		return Principal{}, ErrNoKey
	}
	d := digest(sha256.Sum256([]byte(key)))
	if p, err, ok := v.remembered(d); ok {
		return p, err
	}
	ctx, cancel := context.WithTimeout(ctx, v.cfg.Patience)
	defer cancel()
	slots := v.slots(d)
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return Principal{}, fmt.Errorf("%w: %w", errBusy, ctx.Err())
	}
	if p, err, ok := v.remembered(d); ok { // somebody else asked meanwhile
		return p, err
	}
	begun := time.Now()
	f, err := v.cfg.Keys.find(ctx, id, hash)
	if err == nil || errors.Is(err, ErrNoKey) {
		v.remember(d, f, err, begun)
	}
	return f.principal, err
}

// remembered returns a fresh answer.
func (v *Verifier) remembered(d digest) (p Principal, err error, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	if a, ok := v.valid[d]; ok && now.Before(a.until) {
		return a.principal, nil, true
	}
	if a, ok := v.other[d]; ok && now.Before(a.until) {
		return Principal{}, ErrNoKey, true
	}
	return Principal{}, nil, false
}

// slots are those of the keys that were valid lately, or of the others.
func (v *Verifier) slots(d digest) chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.valid[d]; ok {
		return v.known
	}
	return v.strange
}

// remember keeps an answer. A full memory forgets everything: that costs a lookup
// for each key, and nobody can make it grow.
func (v *Verifier) remember(d digest, f found, err error, begun time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	fresh := v.cfg.Fresh
	if f.remaining > 0 {
		fresh = min(fresh, f.remaining)
	}
	memory := v.valid
	if err != nil {
		delete(v.valid, d)
		memory = v.other
	}
	if len(memory) >= v.cfg.Known {
		clear(memory)
	}
	memory[d] = answer{f.principal, begun.Add(fresh)}
}
