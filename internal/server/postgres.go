package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// defaultPostgresTimeout limits a start, initdb and crash recovery included.
const defaultPostgresTimeout = 2 * time.Minute

// defaultSettings are the server's settings unless the config overrides them.
// There is no unix socket: its path has a length limit that folders exceed.
var defaultSettings = map[string]string{
	"listen_addresses":        loopback,
	"unix_socket_directories": "",
	"max_connections":         "200",
	"max_wal_size":            "2GB",
	"logging_collector":       "off",
	"log_min_messages":        "warning",
	"log_line_prefix":         "%m [%p] ",
}

// PostgresConfig says where and how a PostgreSQL server runs.
type PostgresConfig struct {
	// Dir holds the server's data, log, lock and port; required, created where
	// missing. The data's folder is named by the major version (pg15).
	Dir string
	// BinDir is the folder with initdb, postgres and pg_ctl; empty: FindPostgres.
	BinDir string
	// Port to listen on; 0: the port of the last start in Dir, else a free one.
	Port int
	// Settings override settings of postgresql.conf, e.g. "fsync": "off".
	Settings map[string]string
	// Security makes the server accept nothing but TLS and passwords; nil: neither.
	// It counts when the data is new.
	Security *PostgresSecurity
	// StartTimeout limits one start; default 2 minutes.
	StartTimeout time.Duration
	// Log receives what is worth knowing; nil discards it.
	Log *slog.Logger
}

// Validate returns all faults of the config joined.
func (c PostgresConfig) Validate() error {
	var faults []error
	if c.Dir == "" {
		faults = append(faults, errors.New("PostgresConfig.Dir is empty: name the folder for the server's data"))
	}
	if c.Port < 0 || c.Port > 65535 {
		faults = append(faults, fmt.Errorf("PostgresConfig.Port %d is not between 0 and 65535", c.Port))
	}
	if c.StartTimeout < 0 {
		faults = append(faults, fmt.Errorf("PostgresConfig.StartTimeout %s is negative", c.StartTimeout))
	}
	return errors.Join(faults...)
}

// Postgres is a PostgreSQL server of this process's own. Its superuser is
// "postgres", without a password. Its methods may be called concurrently.
type Postgres struct {
	cfg  PostgresConfig
	user *account
	data string
	port int

	mu   sync.Mutex
	proc *process
	lock *Lock
}

// StartPostgres starts the server of cfg.Dir, after initdb if it is new, and
// returns when it accepts connections. A server that a crashed process left
// running there is stopped first. Errors: ErrNoPostgres, ErrInUse, or what
// the server said. The caller ends it with Stop.
func StartPostgres(ctx context.Context, cfg PostgresConfig) (*Postgres, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	p, err := newPostgres(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("start postgres in %s: %w", cfg.Dir, err)
	}
	if err := p.Start(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// newPostgres fills in what the config leaves open; it starts nothing.
func newPostgres(ctx context.Context, cfg PostgresConfig) (*Postgres, error) {
	var err error
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.StartTimeout == 0 {
		cfg.StartTimeout = defaultPostgresTimeout
	}
	if cfg.Dir, err = filepath.Abs(cfg.Dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return nil, err
	}
	if cfg.BinDir == "" {
		if cfg.BinDir, err = FindPostgres(ctx); err != nil {
			return nil, err
		}
	}
	p := &Postgres{cfg: cfg}
	if p.user, err = unprivileged(); err != nil {
		return nil, err
	}
	return p, p.place(ctx)
}

// place decides on the data's folder.
func (p *Postgres) place(ctx context.Context) error {
	version, err := majorVersion(ctx, p.cfg.BinDir)
	if err != nil {
		return err
	}
	base, err := home(ctx, p.cfg.Dir, p.cfg.BinDir, p.user)
	if err != nil {
		return err
	}
	p.data = filepath.Join(base, "pg"+version)
	others, _ := filepath.Glob(filepath.Join(base, "pg[0-9]*"))
	if len(others) > 0 && !slices.Contains(others, p.data) {
		p.cfg.Log.Warn("data of another PostgreSQL version is left alone; this version starts empty",
			"other", others[0], "data", p.data)
	}
	return nil
}

// URL returns the connection string of the database "postgres".
func (p *Postgres) URL() string { return p.DatabaseURL("postgres") }

// DatabaseURL returns the connection string of a database of this server.
func (p *Postgres) DatabaseURL(database string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprintf("postgres://postgres@%s/%s?sslmode=disable", Address(p.port), database)
}

// Start starts the server again after Stop or Kill, on the same data and port;
// it does nothing if the server runs.
func (p *Postgres) Start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proc.running() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.cfg.StartTimeout)
	defer cancel()
	if err := p.start(ctx); err != nil {
		p.proc.kill()
		p.unlock()
		return fmt.Errorf("start postgres in %s: %w", p.cfg.Dir, err)
	}
	return nil
}

// start takes the folder's lock, makes the data ready and runs the server.
func (p *Postgres) start(ctx context.Context) error {
	var err error
	if p.lock == nil {
		if p.lock, err = TryLock(filepath.Join(p.cfg.Dir, "postgres.lock")); err != nil {
			return err
		}
	}
	if err := p.stopLeftover(ctx); err != nil {
		return err
	}
	if err := p.initdb(ctx); err != nil {
		return err
	}
	asked := p.cfg.Port
	if asked == 0 {
		asked = p.port // clients know it: a restart keeps it or fails
		awaitPort(ctx, asked)
	}
	if p.port, err = RememberedPort(p.cfg.Dir, "postgres.port", asked, 1); err != nil {
		return err
	}
	return p.run(ctx)
}

// run starts the server and waits until it accepts connections.
func (p *Postgres) run(ctx context.Context) error {
	settings := maps.Clone(defaultSettings)
	maps.Copy(settings, p.cfg.Settings)
	if p.cfg.Security != nil {
		settings["ssl"] = "on" // with server.crt and server.key in the data folder
	}
	args := []string{"-D", p.data, "-p", strconv.Itoa(p.port)}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	cmd := exec.Command(program(p.cfg.BinDir, "postgres"), args...)
	p.user.apply(cmd)
	cmd.Dir = p.data
	var err error
	if p.proc, err = startProcess(cmd, p.logPath(), "INT"); err != nil {
		return err
	}
	return p.proc.awaitReady(ctx, p.logPath(), p.ready)
}

// ready reads the state that the postmaster keeps in its pid file, which names
// this very process: a file left by another run does not count.
func (p *Postgres) ready() bool {
	lines := p.pidFile()
	return len(lines) > 7 && lines[0] == strconv.Itoa(p.proc.cmd.Process.Pid) && strings.TrimSpace(lines[7]) == "ready"
}

// pidFile returns the lines of postmaster.pid, none if there is none.
func (p *Postgres) pidFile() []string {
	text, err := os.ReadFile(filepath.Join(p.data, "postmaster.pid"))
	if err != nil {
		return nil
	}
	return strings.Split(string(text), "\n")
}

// Stop ends the server in good order: open transactions are rolled back, the
// data is flushed. It does nothing if the server does not run. If ctx ends
// first, the server is killed, which loses nothing that was committed.
func (p *Postgres) Stop(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.unlock()
	if !p.proc.running() {
		p.proc.kill() // sends its guard home
		return nil
	}
	_, err := p.control(ctx, "stop", "-m", "fast", "-W")
	if err == nil {
		err = p.proc.wait(ctx)
	}
	if err != nil {
		p.kill()
		return fmt.Errorf("stop postgres in %s: killed instead: %w", p.cfg.Dir, err)
	}
	return nil
}

// Kill ends the server and all its processes as a power cut would.
func (p *Postgres) Kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kill()
}

func (p *Postgres) kill() {
	if !p.proc.running() {
		return
	}
	backends := children(p.proc.cmd.Process.Pid)
	p.proc.kill()
	killChildren(backends)
}

// Restart stops the server, if it runs, and starts it again.
func (p *Postgres) Restart(ctx context.Context) error {
	if err := p.Stop(ctx); err != nil {
		return err
	}
	return p.Start(ctx)
}

func (p *Postgres) logPath() string { return filepath.Join(p.cfg.Dir, "postgres.log") }

func (p *Postgres) unlock() {
	p.lock.Unlock()
	p.lock = nil
}
