package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/unwindhq/unwind/internal/embedded/download"
	"github.com/unwindhq/unwind/internal/server"
)

// Config says which PostgreSQL to use and where an own one keeps its state.
type Config struct {
	// Dir is the folder of the state; default DefaultDir.
	Dir string
	// URL, if given, is used and nothing is started.
	URL string
	// Port on 127.0.0.1; 0: the port of the last start in Dir, else a free one.
	Port int
	// BinDir is a folder with server binaries; empty: the installed ones, else
	// downloaded ones.
	BinDir string
	// Progress receives a line every few seconds while binaries are downloaded; nil: none.
	Progress io.Writer
	// Log receives what is worth knowing; nil discards it.
	Log *slog.Logger
}

// Postgres is the PostgreSQL to use: an own server or a given one.
type Postgres struct {
	url    string
	server *server.Postgres // nil for a given one
}

// StartPostgres returns the PostgreSQL that cfg describes, started where it is
// an own one, with the data of its last run in cfg.Dir, however that ended. It
// returns ErrInUse if another process runs on the folder. The caller ends it
// with Stop.
func StartPostgres(ctx context.Context, cfg Config) (*Postgres, error) {
	if cfg.URL != "" {
		return &Postgres{url: cfg.URL}, nil
	}
	cfg.Dir = orDefaultDir(cfg.Dir)
	cfg.Log = orDiscard(cfg.Log)
	binDir, err := binaries(ctx, cfg)
	if err != nil {
		return nil, err
	}
	own, err := server.StartPostgres(ctx, server.PostgresConfig{
		Dir: postgresDir(cfg.Dir), BinDir: binDir, Port: cfg.Port, Log: cfg.Log,
	})
	if err != nil {
		return nil, inUse(cfg.Dir, err)
	}
	return &Postgres{url: own.URL(), server: own}, nil
}

// binaries returns the folder of the server's programs, downloaded if need be.
func binaries(ctx context.Context, cfg Config) (string, error) {
	if cfg.BinDir != "" {
		return cfg.BinDir, nil
	}
	installed, err := server.FindPostgres(ctx)
	if !errors.Is(err, server.ErrNoPostgres) {
		return installed, err
	}
	cfg.Log.Debug("no PostgreSQL is installed: using a downloaded one")
	downloaded, downloadErr := download.Postgres(ctx, cfg.Progress)
	if downloadErr != nil {
		return "", fmt.Errorf("%w; downloading them failed, too: %w", err, downloadErr)
	}
	return downloaded, nil
}

// URL returns the connection string: of the database "postgres" for an own
// server, else the given one.
func (p *Postgres) URL() string { return p.url }

// Stop ends an own server in good order, or kills it when ctx ends first; a
// given one is left alone. Further calls do nothing.
func (p *Postgres) Stop(ctx context.Context) error {
	if p.server == nil {
		return nil
	}
	return p.server.Stop(ctx)
}
