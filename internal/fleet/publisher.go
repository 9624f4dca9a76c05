package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/internal/postgres"
)

const (
	// anewEvery is how many rounds pass between two that write everything and
	// bury the dead: others may have buried us while we were away.
	anewEvery = 15
	// timeout bounds what one round does in Postgres.
	timeout = 5 * time.Second
)

// Config configures a Publisher. Pool, Schema, Node and Breakers are required.
type Config struct {
	// Pool is used for one short statement at a time.
	Pool *pgxpool.Pool
	// Schema holds the tables.
	Schema string
	// Node is this process, as in the table of nodes.
	Node string
	// Breakers lists this process's breakers.
	Breakers func() []breaker.Status
	// Every is the time between two rounds; default 1 s.
	Every time.Duration
	// Log receives failures, once until a round succeeds again; nil discards.
	Log *slog.Logger
}

// Validate reports every fault of c at once.
func (c Config) Validate() error {
	if c.Pool == nil || c.Schema == "" || c.Node == "" || c.Breakers == nil || c.Every < 0 {
		return errors.New("fleet: Pool, Schema, Node and Breakers are required, and Every must not be negative")
	}
	return nil
}

// Publisher writes what this process shows of itself.
type Publisher struct {
	cfg     Config
	round   int
	written map[breaker.Key]breaker.Status
	sick    bool
}

// NewPublisher returns a publisher that does nothing until Run.
func NewPublisher(cfg Config) (*Publisher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Every == 0 {
		cfg.Every = time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Publisher{cfg: cfg, written: map[breaker.Key]breaker.Status{}}, nil
}

// Run writes what changed, round by round, until ctx ends, and then deletes this
// process's rows. It returns nil: what fails is tried again.
func (p *Publisher) Run(ctx context.Context) error {
	tick := time.NewTicker(p.cfg.Every)
	defer tick.Stop()
	for {
		p.report(ctx, p.publish(ctx))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return p.leave(context.WithoutCancel(ctx))
		}
	}
}

// publish does one round.
func (p *Publisher) publish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if p.round%anewEvery == 0 {
		clear(p.written)
		if _, err := p.cfg.Pool.Exec(ctx, postgres.In(p.cfg.Schema, buryBreakers), p.cfg.Node); err != nil {
			return fmt.Errorf("delete breakers of processes that are gone: %w", err)
		}
	}
	p.round++
	var news columns
	list, now := p.cfg.Breakers(), time.Now()
	for _, s := range list {
		if s != p.written[keyOf(s)] {
			news.add(s, now)
		}
	}
	if len(news.participant) == 0 {
		return nil
	}
	if _, err := p.cfg.Pool.Exec(ctx, postgres.In(p.cfg.Schema, writeBreakers), news.arguments(p.cfg.Node)...); err != nil {
		return fmt.Errorf("write breakers: %w", err)
	}
	for _, s := range list {
		p.written[keyOf(s)] = s
	}
	return nil
}

// report logs the first failure of a row of them.
func (p *Publisher) report(ctx context.Context, err error) {
	if err != nil && !p.sick && ctx.Err() == nil {
		p.cfg.Log.WarnContext(ctx, "this process's breakers are not shown to others", "error", err)
	}
	p.sick = err != nil
}

func (p *Publisher) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if _, err := p.cfg.Pool.Exec(ctx, postgres.In(p.cfg.Schema, leaveBreakers), p.cfg.Node); err != nil {
		p.cfg.Log.WarnContext(ctx, "this process's breakers are left behind; others will delete them", "error", err)
	}
	return nil
}

func keyOf(s breaker.Status) breaker.Key {
	return breaker.Key{Participant: s.Participant, Undo: s.Direction == "undo"}
}

// columns are the rows of one statement.
type columns struct {
	participant, direction, state            []string
	age                                      []int64
	oldest                                   []*int64
	held, rate, inFlight, requests, failures []int
}

func (c *columns) add(s breaker.Status, now time.Time) {
	c.participant = append(c.participant, s.Participant)
	c.direction = append(c.direction, s.Direction)
	c.state = append(c.state, s.State.String())
	c.age = append(c.age, now.Sub(s.Since).Microseconds())
	var oldest *int64
	if !s.OldestHeld.IsZero() {
		oldest = new(now.Sub(s.OldestHeld).Microseconds())
	}
	c.oldest = append(c.oldest, oldest)
	c.held, c.rate, c.inFlight = append(c.held, s.Held), append(c.rate, s.Rate), append(c.inFlight, s.InFlight)
	c.requests, c.failures = append(c.requests, s.Requests), append(c.failures, s.Failures)
}

func (c *columns) arguments(node string) []any {
	return []any{node, c.participant, c.direction, c.state, c.age, c.held, c.oldest, c.rate, c.inFlight, c.requests, c.failures}
}
