package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/internal/postgres"
	"github.com/unwindhq/unwind/internal/rawconn"
)

const (
	// readConns serve REST's questions and the registry, apart from the writers.
	readConns = 8
	// localSteps is how many local steps run at a time. Those with a transaction wait
	// for one of sagapg.LocalConns, which with the relay's three fit into the default
	// of Config.MaxConns.
	localSteps = 64
	// leaseConns keep the leases alive when everybody else is busy.
	leaseConns = 3
)

// pools are the process's connections to Postgres.
type pools struct {
	write, read, lease *pgxpool.Pool
}

// OpenReadOnly opens a pool of few connections whose transactions cannot write.
func OpenReadOnly(ctx context.Context, databaseURL string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("app: DatabaseURL: %w", err)
	}
	config.MaxConns = leaseConns
	config.AfterConnect = postgres.Session(map[string]string{
		"application_name": "unwind replay", "default_transaction_read_only": "on", "statement_timeout": "60s",
	})
	return pgxpool.NewWithConfig(ctx, config)
}

// openPools opens the pools. They connect when they are used.
func openPools(ctx context.Context, c Config) (*pools, error) {
	p := &pools{}
	for _, one := range []struct {
		pool    **pgxpool.Pool
		name    string
		conns   int32
		timeout string // statement_timeout
	}{
		{&p.write, "unwind writers", c.MaxConns, "10s"},
		{&p.read, "unwind readers", readConns, "10s"},
		{&p.lease, "unwind leases", leaseConns, "30s"},
	} {
		config, err := pgxpool.ParseConfig(c.DatabaseURL)
		if err != nil {
			p.close()
			return nil, fmt.Errorf("app: DatabaseURL: %w", err)
		}
		config.MaxConns = one.conns
		config.BeforeConnect = fresh(c.DatabasePasswordFile)
		config.ConnConfig.DialFunc = dialRaw(config.ConnConfig.DialFunc)
		settings := map[string]string{"application_name": one.name, "statement_timeout": one.timeout, "idle_in_transaction_session_timeout": "2s"}
		if one.pool == &p.write {
			pin(settings)
		}
		config.AfterConnect = postgres.Session(settings)
		if *one.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
			p.close()
			return nil, fmt.Errorf("open the pool of %s: %w", one.name, err)
		}
	}
	return p, nil
}

// dialRaw dials as dial does and takes the connection past Go's scheduler.
func dialRaw(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return rawconn.Wrap(c), nil
	}
}

// pin keeps the writers' statements on the indexes they are written for, with plans
// that are made once per connection. Plans made while a table was empty would read
// all of it, until autovacuum comes by a minute later or, for the outbox, which is
// always nearly empty, at any time again; and left to itself Postgres plans the
// statements with arrays anew each time. A table without a fitting index, as a local
// step may have one, then looks so dear that its query would be compiled first.
func pin(settings map[string]string) {
	for _, name := range []string{"enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit"} {
		settings[name] = "off"
	}
	settings["plan_cache_mode"] = "force_generic_plan"
	settings["default_transaction_isolation"] = "read committed" // for the fence; a round trip of its own is a transaction
}

// warn says so if the server is set up to lose what it has told us is committed.
func (p *pools) warn(ctx context.Context, log *slog.Logger) error {
	names, err := postgres.Unsafe(ctx, p.read)
	if len(names) > 0 {
		log.Warn("a crash of this Postgres may lose sagas, or repeat what they have done: turn these settings on", "off", names)
	}
	return err
}

// ping reports whether Postgres answers.
func (p *pools) ping(ctx context.Context) error {
	if err := p.lease.Ping(ctx); err != nil {
		return errors.New("no answer from Postgres") // the address may hold a password
	}
	return nil
}

func (p *pools) close() {
	for _, pool := range []*pgxpool.Pool{p.write, p.read, p.lease} {
		if pool != nil {
			pool.Close()
		}
	}
}
