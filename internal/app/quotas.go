package app

import (
	"context"

	"github.com/unwindhq/unwind/internal/quota"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// openQuotas makes what bounds namespaces, and tells it how things stand.
func (a *App) openQuotas(ctx context.Context, p *parts) error {
	var over func(string, quota.Name, bool)
	if p.metrics != nil {
		over = p.metrics.OverQuota
	}
	p.quotas = &quota.Keeper{Store: quota.NewStore(p.pools.read, a.cfg.Schema), Book: quota.NewBook(over), Node: a.node, Log: a.cfg.Log}
	return p.quotas.Look(ctx)
}

// meter is who is told what the coordinator has done.
func (p *parts) meter() coordinator.Meter {
	if p.metrics == nil {
		return p.quotas.Book
	}
	return counted{p.metrics, p.quotas.Book}
}

// counted tells the book what it counts, beside the Meter.
type counted struct {
	coordinator.Meter
	book *quota.Book
}

// Change implements coordinator.Meter.
func (c counted) Change(of *coordinator.Change) {
	c.Meter.Change(of)
	c.book.Change(of)
}
