package app

import (
	"context"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/internal/fleet"
	"github.com/unwindhq/unwind/internal/hold"
	"github.com/unwindhq/unwind/saga"
)

// openGate makes the gate for commands, tells it what is held, and makes what shows
// it to the other processes.
func (a *App) openGate(ctx context.Context, p *parts) (err error) {
	config := a.cfg.Breaker
	config.Log = a.cfg.Log
	if p.gate, err = breaker.NewGate[saga.ID](config); err != nil {
		return err
	}
	p.holds = hold.NewStore(p.pools.read, a.cfg.Schema)
	if err := a.holds(p).Look(ctx); err != nil {
		return err
	}
	p.fleet, err = fleet.NewPublisher(fleet.Config{Pool: p.pools.read, Schema: a.cfg.Schema, Node: a.node, Breakers: p.gate.List, Log: a.cfg.Log})
	return err
}

// holds tells the gate what operators hold.
func (a *App) holds(p *parts) hold.Watcher {
	return hold.Watcher{Store: p.holds, Gate: p.gate, Log: a.cfg.Log}
}
