package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/server"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
)

const (
	// commandPartitions is how many a command topic has.
	commandPartitions = 4
	// cleanTime bounds the clean-up.
	cleanTime = time.Minute
	// coordinating names the coordinators' database.
	coordinating = "coordinators"
)

// definitions are the sagas that are run, a child before its parent. So many attempts,
// because a participant that is killed again and again is no reason to turn back. PREFIX
// stands for that of the topics.
var definitions = [...]string{`unwind: v1
saga: outing
defaults: {timeout: 5s, retry: {attempts: 40, backoff: 200ms, cap: 2s}}
steps:
  - {step: boat, command: flights/reserve, compensation: release}
onEnd: {when: [compensated]}
`, `unwind: v1
saga: trip
key: trip-${input.n}
lock: family ${input.family}
defaults: {timeout: 5s, retry: {attempts: 40, backoff: 200ms, cap: 2s}}
steps:
  - {step: flight, command: flights/reserve, compensation: release}
  - {step: nap, sleep: 1s}
  - {step: hotel, after: flight, forEach: "${input.rooms}", limit: {items: 3, concurrency: 2}, command: hotels/reserve, compensation: release}
  - {step: outing, after: flight, when: "${input.outing}", child: outing}
  - {step: charge, after: [nap, hotel, outing], kind: pivot, command: payments/charge}
  - {step: told, await: {signal: told, timeout: 2s}}
onEnd: {}
`, `unwind: v1
saga: stay
startOn: {topic: PREFIXarrivals}
key: stay-${input.n}
defaults: {timeout: 5s, retry: {attempts: 40, backoff: 200ms, cap: 2s}}
steps:
  - {step: left, await: {topic: PREFIXleavings, match: "${event.value.n == input.n}"}}
  - {step: bill, kind: pivot, command: payments/charge}
onEnd: {payload: {n: "${input.n}", status: "${status}"}}
`}

// world is what a run makes, uses and removes again.
type world struct {
	config    config
	dir, self string
	stem      string            // of all names
	prefix    string            // of the topics
	databases map[string]string // URLs by role, and coordinating
	urls      []string          // of the coordinators
	pool      *pgxpool.Pool     // on the coordinators' database
	victims   []*victim
	counts    counts
	good      bool
}

// openWorld makes databases and topics and starts everybody. The world must be
// closed, also after an error.
func openWorld(ctx context.Context, c config) (*world, error) {
	stem := "chaos_" + strings.ToLower(rand.Text()[:8])
	w := &world{config: c, stem: stem, prefix: stem + ".", databases: map[string]string{}, counts: counts{}}
	for _, step := range []func(context.Context) error{w.build, w.createDatabases, w.prepare, w.begin} {
		if err := step(ctx); err != nil {
			return w, err
		}
	}
	return w, nil
}

// build builds the programs into the run's folder.
func (w *world) build(ctx context.Context) (err error) {
	if w.self, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	if w.dir = w.config.dir; w.dir == "" {
		w.dir, err = os.MkdirTemp("", "unwind-chaos-")
	} else {
		err = os.MkdirAll(w.dir, 0o700)
	}
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	return w.tool(ctx, "go", "build", "-o", w.dir+string(filepath.Separator), "./cmd/unwind", "./e2e/codenode")
}

// tool runs a program to its end, which must be a good one.
func (w *world) tool(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), w.env()...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return nil
}

// unwind runs the unwind program to its end.
func (w *world) unwind(ctx context.Context, args ...string) error {
	return w.tool(ctx, filepath.Join(w.dir, "unwind"), args...)
}

// env is what the unwind program reads.
func (w *world) env() []string {
	return []string{
		"UNWIND_DATABASE_URL=" + w.databases[coordinating], "UNWIND_KAFKA_BROKERS=" + w.config.brokers,
		"UNWIND_TOPIC_PREFIX=" + w.prefix, fmt.Sprintf("UNWIND_COMMAND_PARTITIONS=%d", commandPartitions),
	}
}

func (w *world) createDatabases(ctx context.Context) error {
	for _, role := range append([]string{coordinating}, participants...) {
		address, err := url.Parse(w.config.database)
		if err != nil {
			return fmt.Errorf("read the database's URL: %w", err)
		}
		name := w.stem + "_" + role
		if err := execute(ctx, w.config.database, "CREATE DATABASE "+name); err != nil {
			return err
		}
		address.Path = "/" + name
		if address.RawQuery == "" {
			address.RawQuery = "application_name=chaos"
		}
		w.databases[role] = address.String()
	}
	return nil
}

// prepare migrates, creates topics.
func (w *world) prepare(ctx context.Context) (err error) {
	for _, name := range participants {
		if err := openLedger(ctx, w.databases[name], name); err != nil {
			return fmt.Errorf("open the ledger of %s: %w", name, err)
		}
	}
	if err := w.unwind(ctx, "migrate", "up"); err != nil {
		return err
	}
	if err := w.topics(ctx, func(a *kafka.Admin, plan []kafka.Topic) error { return a.Create(ctx, plan...) }); err != nil {
		return err
	}
	if w.pool, err = pgxpool.New(ctx, w.databases[coordinating]); err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	for range coordinators {
		port, err := server.FreePort(1)
		if err != nil {
			return err
		}
		w.urls = append(w.urls, "http://"+server.Address(port))
	}
	return nil
}

// topics does something with the run's topics.
func (w *world) topics(_ context.Context, do func(*kafka.Admin, []kafka.Topic) error) error {
	admin, err := kafka.NewAdmin(kafka.Config{Brokers: w.config.brokerList()})
	if err != nil {
		return err
	}
	topics := app.Topics{Prefix: w.prefix, Partitions: commandPartitions}
	plan := append(topics.Plan(participants...), topics.Ends("default", saga.Definition{OnEnd: &saga.OnEnd{}})...)
	return errors.Join(do(admin, append(plan, w.guestTopics()...)), admin.Close())
}

// begin starts everybody and applies the definitions.
func (w *world) begin(ctx context.Context) error {
	w.makeVictims()
	for _, v := range w.victims {
		if err := v.launch(""); err != nil {
			return err
		}
	}
	for _, v := range w.victims[:len(coordinators)] {
		if err := until(ctx, patience, v.role+" is ready", v.works); err != nil {
			return err
		}
	}
	for i, definition := range definitions {
		file := filepath.Join(w.dir, fmt.Sprintf("%d.yaml", i))
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(definition, "PREFIX", w.prefix)), 0o600); err != nil {
			return fmt.Errorf("write a definition: %w", err)
		}
		if err := w.unwind(ctx, "def", "apply", file, "--url", w.urls[0]); err != nil {
			return err
		}
	}
	return nil
}

// close ends everybody and removes what was made, but not the logs of a bad run.
func (w *world) close() error {
	for _, v := range w.victims {
		v.kill()
	}
	if w.pool != nil {
		w.pool.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), cleanTime)
	defer cancel()
	if !w.good {
		fmt.Printf("logs: %s  databases: %s_*  topics: %s*\n", w.dir, w.stem, w.prefix)
		return nil
	}
	var faults []error
	for role := range w.databases {
		faults = append(faults, execute(ctx, w.config.database, "DROP DATABASE IF EXISTS "+w.stem+"_"+role+" WITH (FORCE)"))
	}
	faults = append(faults, w.topics(ctx, func(a *kafka.Admin, plan []kafka.Topic) error {
		names := make([]string, len(plan))
		for i := range plan {
			names[i] = plan[i].Name
		}
		return a.Delete(ctx, names...)
	}))
	if w.config.dir == "" {
		faults = append(faults, os.RemoveAll(w.dir))
	}
	return errors.Join(faults...)
}

// execute runs one statement on a connection of its own.
func execute(ctx context.Context, database, statement string) error {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return fmt.Errorf("connect to Postgres: %w", err)
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}
