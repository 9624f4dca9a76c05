package travel

import (
	"context"
	_ "embed" // the tables
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/saga/participant"
)

//go:embed schema.sql
var schemaSQL string

//go:embed flights.sql
var flightsSQL string

//go:embed hotels.sql
var hotelsSQL string

//go:embed payments.sql
var paymentsSQL string

// Config configures a participant of the example. DatabaseURL and Brokers are
// required.
type Config struct {
	// DatabaseURL leads to the Postgres that holds the participant's schema.
	DatabaseURL string
	// Brokers are Kafka's addresses.
	Brokers []string
	// Security is how Kafka is reached; default: in clear.
	Security kafka.Security
	// TopicPrefix begins the names of all topics, as for the coordinator; default
	// "unwind.".
	TopicPrefix string
	// Session is the silence after which Kafka takes a program for dead and gives
	// its commands to another one; default 6 s, the least that brokers allow
	// unless they are set otherwise.
	Session time.Duration
	// Faults are set in the switch at the start.
	Faults []Fault
	// Out gets a line for each command and one when the first can come; nil
	// discards them.
	Out io.Writer
	// Trace is for the traces of its commands; nil: none.
	Trace participant.Trace
	// Log receives what an operator should know; nil discards it.
	Log *slog.Logger
}

// Validate reports all faults of the configuration at once.
func (c Config) Validate() error {
	var faults []error
	if c.DatabaseURL == "" {
		faults = append(faults, errors.New("database URL: none given"))
	}
	if len(c.Brokers) == 0 {
		faults = append(faults, errors.New("brokers of Kafka: none given"))
	}
	return errors.Join(faults...)
}

func (c Config) withDefaults() Config {
	if c.Session == 0 {
		c.Session = 6 * time.Second
	}
	if c.Out == nil {
		c.Out = io.Discard
	}
	return c
}

// Migrate creates what the named participant needs in the database: its schema
// with outbox, guard and business tables, and the first seats, rooms or accounts.
// What is there already stays as it is.
func Migrate(ctx context.Context, databaseURL, name string) error {
	tables, ok := map[string]string{Flights: flightsSQL, Hotels: hotelsSQL, Payments: paymentsSQL}[name]
	if !ok {
		return fmt.Errorf("participant %q: want one of %v", name, Participants())
	}
	if err := migrations.Up(ctx, databaseURL, name, migrations.Outbox, migrations.Participant); err != nil {
		return fmt.Errorf("migrate %s: %w", name, err)
	}
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return fmt.Errorf("migrate %s: %w", name, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // the work is committed or not
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockSchema, name); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, in(name, schemaSQL)+tables)
		return err
	})
	if err != nil {
		return fmt.Errorf("create the tables of %s: %w", name, err)
	}
	return nil
}

// Run migrates and then runs the named participant until ctx ends.
func Run(ctx context.Context, name string, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	cfg = cfg.withDefaults()
	if err := Migrate(ctx, cfg.DatabaseURL, name); err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, cfg.DatabaseURL)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer pool.Close()
	for _, f := range cfg.Faults {
		if err := Switch(ctx, pool, name, f); err != nil {
			return err
		}
	}
	p, err := participant.New(participant.Config{
		Name: name, Pool: pool, Kafka: kafka.Config{Brokers: cfg.Brokers, Security: cfg.Security}, TopicPrefix: cfg.TopicPrefix,
		Concurrency: 4, SessionTimeout: cfg.Session, DrainTimeout: 5 * time.Second, Log: cfg.Log,
		Trace: cfg.Trace,
	})
	if err != nil {
		return err
	}
	desk := &desk{name: name, participant: p, out: cfg.Out}
	desk.register()
	return desk.run(ctx)
}

// desk is a participant with its commands on it.
type desk struct {
	name        string
	participant *participant.Participant
	mu          sync.Mutex // guards out
	out         io.Writer
}

// register puts the participant's commands on it.
func (d *desk) register() {
	switch d.name {
	case Flights:
		offer(d, "reserve", reserveSeat)
		takeBack(d, "release", releaseSeat)
	case Hotels:
		offer(d, "reserve", reserveRoom)
		takeBack(d, "release", releaseRoom)
	case Payments:
		offer(d, "charge", chargeCard)
		takeBack(d, "refund", refundCard)
	}
}

// run runs until ctx ends and says when commands can come.
func (d *desk) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	watching.Go(func() {
		select {
		case <-d.participant.Running():
			d.print("ready")
		case <-ctx.Done():
		}
	})
	return d.participant.Run(ctx)
}

// offer registers the handler of a command, behind the switch.
func offer[In fmt.Stringer, Out any](d *desk, command string, fn func(context.Context, pgx.Tx, In) (Out, error)) {
	participant.Handle(d.participant, command, func(ctx context.Context, tx pgx.Tx, cmd In) (Out, error) {
		var out Out
		err := obey(ctx, tx, d.name, command)
		if err == nil {
			out, err = fn(ctx, tx, cmd)
		}
		d.tell(ctx, cmd, fmt.Sprint(out), err)
		return out, err
	})
}

// takeBack registers the handler of an undo, behind the switch.
func takeBack[In fmt.Stringer, Out any](d *desk, command string, fn func(context.Context, pgx.Tx, In, *Out) error) {
	participant.HandleUndo(d.participant, command, func(ctx context.Context, tx pgx.Tx, cmd In, done *Out) error {
		err := obey(ctx, tx, d.name, command)
		if err == nil {
			err = fn(ctx, tx, cmd, done)
		}
		d.tell(ctx, cmd, "undone", err)
		return err
	})
}

// tell prints a command and what became of it.
func (d *desk) tell(ctx context.Context, cmd fmt.Stringer, done string, err error) {
	c := participant.Info(ctx)
	text := "ok       " + done
	switch {
	case participant.IsRejection(err):
		text = "refused  " + err.Error()
	case err != nil:
		text = "failed   " + err.Error()
	}
	d.print(fmt.Sprintf("%-8s %s #%d  %-34s %s", c.Name, c.ID.Saga, c.Attempt, cmd, text))
}

func (d *desk) print(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, _ = fmt.Fprintf(d.out, "%s %-8s %s\n", time.Now().Format("15:04:05.000"), d.name, text) // lost lines are for show
}
