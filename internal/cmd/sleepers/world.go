package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/client"
)

// The definitions ask no participant: what is measured are the waits.
const (
	napDefinition  = "unwind: v1\nsaga: nap\nsteps:\n  - {step: rest, sleep: %s}\n"
	waitDefinition = "unwind: v1\nsaga: wait\nsteps:\n  - {step: go, await: {signal: go, timeout: 30d}}\n"
)

// world is a database of its own and one coordinator on it.
type world struct {
	binary, database, admin, name string
	address                       string
	client                        *client.Client
	process                       *exec.Cmd
	launched                      time.Time
}

func newWorld(ctx context.Context, binary string) (*world, error) {
	admin := os.Getenv("UNWIND_TEST_DATABASE_URL")
	if admin == "" || os.Getenv("UNWIND_TEST_KAFKA_BROKERS") == "" {
		return nil, errors.New("there are no servers: run it with go run ./internal/cmd/withservers -- …")
	}
	w := &world{binary: binary, admin: admin, name: "sleepers" + strconv.Itoa(os.Getpid())}
	if err := w.exec(ctx, "CREATE DATABASE "+w.name); err != nil {
		return nil, err
	}
	u, err := url.Parse(admin)
	if err != nil {
		return nil, err
	}
	u.Path = "/" + w.name
	w.database = u.String()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w.address = listener.Addr().String()
	if w.client, err = client.New(client.Config{URL: "http://" + w.address}); err != nil {
		return nil, err
	}
	if err := errors.Join(listener.Close(), run1(ctx, nil, "go", "build", "-o", binary, "./cmd/unwind")); err != nil {
		return nil, err
	}
	return w, errors.Join(run1(ctx, w.env(), binary, "migrate", "up"), run1(ctx, w.env(), binary, "topics", "apply"))
}

func (w *world) env() []string {
	return append(os.Environ(), "UNWIND_DATABASE_URL="+w.database, "UNWIND_KAFKA_BROKERS="+os.Getenv("UNWIND_TEST_KAFKA_BROKERS"),
		"UNWIND_LISTEN="+w.address, "UNWIND_METRICS_LISTEN=off", "UNWIND_TOPIC_PREFIX="+w.name+".", "UNWIND_URL=http://"+w.address)
}

func run1(ctx context.Context, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

func (w *world) exec(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, w.admin)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

func (w *world) close(ctx context.Context) {
	w.kill()
	if err := w.exec(ctx, "DROP DATABASE "+w.name+" WITH (FORCE)"); err != nil {
		fmt.Fprintln(os.Stderr, "sleepers:", err)
	}
}

// serve launches a coordinator and returns how long it took to be ready.
func (w *world) serve(ctx context.Context) (time.Duration, error) {
	w.process = exec.CommandContext(ctx, w.binary, "serve")
	w.process.Env = w.env()
	w.launched = time.Now()
	if err := w.process.Start(); err != nil {
		return 0, err
	}
	err := w.until(ctx, time.Minute, func() bool {
		res, err := http.Get("http://" + w.address + "/readyz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return time.Since(w.launched), err
}

func (w *world) kill() {
	if w.process != nil {
		_ = w.process.Process.Kill()
		_ = w.process.Wait()
		w.process = nil
	}
}

// until looks every 10 ms whether something holds.
func (w *world) until(ctx context.Context, patience time.Duration, holds func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("it took too long"))
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}

// apply stores the definitions; it takes a coordinator for a moment.
func (w *world) apply(ctx context.Context, nap time.Duration) error {
	if _, err := w.serve(ctx); err != nil {
		return err
	}
	defer w.kill()
	for name, text := range map[string]string{"nap": fmt.Sprintf(napDefinition, nap), "wait": waitDefinition} {
		path := filepath.Join(filepath.Dir(w.binary), name+".yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
		if err := run1(ctx, w.env(), w.binary, "def", "apply", path); err != nil {
			return err
		}
	}
	return nil
}

// start starts n sagas.
func (w *world) start(ctx context.Context, definition string, n int) error {
	const atOnce = 128
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for range n {
		group.Go(func() error {
			_, _, err := w.client.Start(ctx, client.Start{Definition: definition})
			return err
		})
	}
	return group.Wait()
}

// signal ends the wait of one saga and returns how long after the launch it was taken.
func (w *world) signal(ctx context.Context) (time.Duration, error) {
	page, err := w.client.List(ctx, client.Filter{Definition: "wait", Limit: 1})
	if err != nil {
		return 0, err
	}
	err = w.until(ctx, time.Minute, func() bool {
		_, err := w.client.Signal(ctx, page.Sagas[0].ID, client.Verb{Signal: "go", Key: "go"})
		return err == nil
	})
	return time.Since(w.launched), err
}

// resident is the most memory that the coordinator has had, in MB; 0 where that is
// not known.
func (w *world) resident() int {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.process.Process.Pid))
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmHWM:" {
			kb, _ := strconv.Atoi(fields[1])
			return kb >> 10
		}
	}
	return 0
}

// lateness waits until all have woken and says how late they were, by the database's
// clock.
func (w *world) lateness(ctx context.Context, n int, nap time.Duration, f *figures) error {
	conn, err := pgx.Connect(ctx, w.database)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for woken := 0; woken < n; {
		const done = `SELECT count(*) FROM unwind.sagas WHERE definition = 'nap' AND status = 3`
		if err := conn.QueryRow(ctx, done).Scan(&woken); err != nil {
			return err
		}
		if err := w.until(ctx, time.Second, func() bool { return false }); err != nil && ctx.Err() != nil {
			return cmp.Or(context.Cause(ctx), err)
		}
	}
	const late = `WITH late AS (SELECT extract(epoch FROM changed_at - started_at) * 1000 - $1 AS ms FROM unwind.sagas WHERE definition = 'nap')
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms), percentile_cont(0.99) WITHIN GROUP (ORDER BY ms), max(ms) FROM late`
	return conn.QueryRow(ctx, late, float64(nap.Milliseconds())).Scan(&f.LateP50, &f.LateP99, &f.LateMax)
}
