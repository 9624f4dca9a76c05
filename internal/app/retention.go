package app

import (
	"github.com/unwindhq/unwind/internal/retention"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// deleter deletes sagas that have ended long enough ago, in the process that carries
// the dead letters.
func (a *App) deleter(p *parts) retention.Runner {
	r := retention.Runner{
		Store: sagapg.NewRetention(p.pools.read, a.cfg.Schema), Policy: a.cfg.Retention, Mine: p.carries, Log: a.cfg.Log,
	}
	if p.metrics != nil {
		r.Meter = p.metrics
	}
	return r
}
