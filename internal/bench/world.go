package bench

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/embedded"
	"github.com/unwindhq/unwind/internal/postgres"
	"github.com/unwindhq/unwind/kafka"
)

const (
	// partitions is how many a command topic gets.
	partitions = 12
	// cleanTime bounds the clean-up.
	cleanTime = 30 * time.Second
)

// payload is the input and every result, about 200 bytes.
var payload = json.RawMessage(`{"traveller":"Ada Lovelace","trip":"` + strings.Repeat("x", 140) + `","cents":129900}`)

// world is what a run makes and cleans up: the servers, if it was given none, a
// schema and topics.
type world struct {
	url      string
	brokers  []string
	security kafka.Security
	schema   string
	prefix   string
	pool     *pgxpool.Pool
	topics   []string
	clean    []func(context.Context) error // in reverse order
}

// openWorld makes a world. After an error nothing is left.
func openWorld(ctx context.Context, c Config) (w *world, err error) {
	name := strings.ToLower(rand.Text()[:8])
	w = &world{url: c.DatabaseURL, schema: "unwind_bench_" + name, prefix: "unwind.bench." + name + "."}
	steps := []func(context.Context, Config) error{w.openPostgres}
	if !c.Local {
		w.brokers, w.security = c.Brokers, c.Security
		steps = append(steps, w.openKafka, w.openTopics)
	}
	for _, step := range steps {
		if err := step(ctx, c); err != nil {
			return nil, errors.Join(err, w.close())
		}
	}
	return w, nil
}

// close cleans up, also after ctx has ended.
func (w *world) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), cleanTime)
	defer cancel()
	var faults []error
	for _, clean := range slices.Backward(w.clean) {
		faults = append(faults, clean(ctx))
	}
	return errors.Join(faults...)
}

func (w *world) openPostgres(ctx context.Context, c Config) (err error) {
	if w.url == "" {
		own, err := embedded.StartPostgres(ctx, embedded.Config{Dir: c.Dir, Log: c.Log, Progress: c.Progress})
		if err != nil {
			return err
		}
		w.url = own.URL()
		w.clean = append(w.clean, func(ctx context.Context) error {
			err := errors.Join(own.Stop(ctx), embedded.Reset(c.Dir))
			_ = os.Remove(c.Dir) // fails, as it should, where others use the folder too
			return err
		})
	}
	if w.pool, err = pgxpool.New(ctx, w.url); err != nil {
		return fmt.Errorf("database URL: %w", err)
	}
	if err = w.pool.Ping(ctx); err != nil {
		w.pool.Close()
		return fmt.Errorf("reach Postgres: %w", err)
	}
	w.clean = append(w.clean, w.drop)
	return nil
}

func (w *world) drop(ctx context.Context) error {
	defer w.pool.Close()
	schemas := []string{w.schema}
	for _, name := range participants {
		schemas = append(schemas, guardedSchema(w.schema, name))
	}
	var faults []error
	for _, schema := range schemas {
		if _, err := w.pool.Exec(ctx, postgres.In(schema, dropSchema)); err != nil {
			faults = append(faults, fmt.Errorf("drop schema %s: %w", schema, err))
		}
	}
	return errors.Join(faults...)
}

func (w *world) openKafka(ctx context.Context, c Config) error {
	if len(w.brokers) > 0 {
		return nil
	}
	own, err := embedded.StartKafka(ctx, embedded.KafkaConfig{Dir: c.Dir, Log: c.Log})
	if err != nil {
		return err
	}
	w.brokers = own.Brokers()
	w.clean = append(w.clean, func(context.Context) error { own.Stop(); return nil })
	return nil
}

func (w *world) openTopics(ctx context.Context, c Config) error {
	admin, err := kafka.NewAdmin(kafka.Config{Brokers: w.brokers, Security: w.security, Log: c.Log, DialTimeout: 2 * time.Second})
	if err != nil {
		return err
	}
	plan := app.Topics{Prefix: w.prefix, Partitions: partitions}.Plan(participants...)
	for _, topic := range plan {
		w.topics = append(w.topics, topic.Name)
	}
	w.clean = append(w.clean, func(ctx context.Context) error { return admin.Delete(ctx, w.topics...) })
	if c.Guard {
		w.clean = append(w.clean, func(ctx context.Context) error { return admin.DeleteGroups(ctx, w.groups()...) })
	}
	return admin.Create(ctx, plan...)
}

// groups are the consumer groups of guarded participants.
func (w *world) groups() []string {
	var names []string
	for _, name := range participants {
		names = append(names, w.prefix+name)
	}
	return names
}

// counters are Postgres's statistics.
type counters struct{ wal, commits, rows int64 }

func (w *world) counters(ctx context.Context) (c counters, err error) {
	if err = w.pool.QueryRow(ctx, readCounters).Scan(&c.wal, &c.commits, &c.rows); err != nil {
		return c, fmt.Errorf("read Postgres's counters: %w", err)
	}
	return c, nil
}
