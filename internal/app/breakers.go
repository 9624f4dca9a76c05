package app

import (
	"context"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/internal/fleet"
	"github.com/unwindhq/unwind/saga"
)

// openGate makes the gate for commands, and what shows it to the other processes.
func (a *App) openGate(_ context.Context, p *parts) (err error) {
	config := a.cfg.Breaker
	config.Log = a.cfg.Log
	if p.gate, err = breaker.NewGate[saga.ID](config); err != nil {
		return err
	}
	p.fleet, err = fleet.NewPublisher(fleet.Config{Pool: p.pools.read, Schema: a.cfg.Schema, Node: a.node, Breakers: p.gate.List, Log: a.cfg.Log})
	return err
}
