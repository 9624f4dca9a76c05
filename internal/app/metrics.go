package app

import (
	"context"
	"fmt"
	"net"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/internal/metrics"
	"github.com/unwindhq/unwind/saga"
)

// openMetrics makes what counts, if it is wanted.
func (a *App) openMetrics(_ context.Context, p *parts) (err error) {
	if a.cfg.MetricsListen == "" {
		return nil
	}
	p.metrics, err = metrics.New(metrics.Config{
		Version: a.cfg.Version, Pool: p.pools.read, Schema: a.cfg.Schema, Log: a.cfg.Log,
		Definition: func(namespace, name, version string) (def saga.Definition, ok bool) {
			decider, _ := p.registry.Decider(namespace, name, version)
			defined, ok := decider.(interface{ Definition() saga.Definition })
			if ok {
				def = defined.Definition()
			}
			return def, ok
		},
	})
	return err
}

// serveMetrics shows the metrics on a port of their own, from the time all parts
// are there.
func (a *App) serveMetrics(ctx context.Context, p *parts) (stage, error) {
	if p.metrics == nil {
		return stage{"metrics", func(ctx context.Context) error { <-ctx.Done(); return nil }}, nil
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", a.cfg.MetricsListen)
	if err != nil {
		return stage{}, fmt.Errorf("listen for metrics (choose another address with --metrics-listen, or off): %w", err)
	}
	var missing func() []string
	if p.events != nil {
		missing = p.events.Missing
	}
	p.metrics.Watch(metrics.Sources{
		MissingTopics: missing, Quotas: p.quotas.Book.Levels,
		Engine: p.engine, Kafka: p.replies != nil, Relay: p.relay, Lease: p.lease, Breakers: p.gate.List, Holds: p.gate.Holds,
		Pools: map[string]*pgxpool.Pool{"writers": p.pools.write, "readers": p.pools.read, "leases": p.pools.lease},
	})
	url := "http://" + listener.Addr().String() + "/metrics"
	a.metricsURL.Store(&url)
	a.cfg.Log.Info("metrics", "url", url)
	return stage{"metrics", func(ctx context.Context) error { return p.metrics.Serve(ctx, listener) }}, nil
}

// MetricsURL returns where the metrics are, once Ready is closed, and "" before
// or without Config.MetricsListen.
func (a *App) MetricsURL() string {
	if url := a.metricsURL.Load(); url != nil {
		return *url
	}
	return ""
}
