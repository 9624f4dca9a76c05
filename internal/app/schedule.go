package app

import (
	"github.com/unwindhq/unwind/internal/schedule"
)

// scheduler starts what the clock starts.
func (a *App) scheduler(p *parts) schedule.Runner {
	r := schedule.Runner{Store: p.clock, Starts: p.intake, Engine: p.engine, Namespaces: a.cfg.Namespaces, Log: a.cfg.Log}
	if p.metrics != nil {
		r.Fired = p.metrics.Fired
	}
	return r
}
