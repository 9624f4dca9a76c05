package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/failpoint"
	"github.com/unwindhq/unwind/internal/retention"
	"github.com/unwindhq/unwind/tracing"
)

// stores are the flags of the commands that open Postgres or Kafka.
type stores struct {
	database, schema, prefix string
	brokers, namespaces      []string
	partitions               int32
	password                 string // the database's
	databaseFlags            *pflag.FlagSet
	protection               brokerFlags
}

func (s *stores) postgres(flags *pflag.FlagSet) {
	flags.StringVar(&s.database, "database-url", "", "Postgres, such as postgres://user@host/db")
	flags.StringVar(&s.schema, "schema", "unwind", "the database schema")
	flags.StringVar(&s.password, "database-password", "", "the database's password, if it is not in the URL")
	fromEnv(flags, "schema")
	password(flags, "database-url")
	secret(flags, "database-password")
	s.databaseFlags = flags
}

func (s *stores) kafka(flags *pflag.FlagSet) {
	flags.StringSliceVar(&s.brokers, "kafka-brokers", nil, "Kafka's addresses, host:port,host:port")
	flags.StringVar(&s.prefix, "topic-prefix", "unwind.", "the beginning of all topics' names")
	flags.Int32Var(&s.partitions, "command-partitions", 12, "partitions of a command topic")
	fromEnv(flags, "kafka-brokers", "topic-prefix", "command-partitions")
	s.protection.register(flags)
}

// tenants are the namespaces that are looked after.
func (s *stores) tenants(flags *pflag.FlagSet) {
	flags.StringSliceVar(&s.namespaces, "namespaces", []string{"default"}, "the namespaces that are served")
	fromEnv(flags, "namespaces")
}

// serving are the flags of serve.
type serving struct {
	stores
	metrics             metricsFlags
	access              accessFlags
	listen, level, stop string
	writers             int
	breaker             breaker.Config
	retention           retention.Policy
}

func (p *program) serveCommand() *cobra.Command {
	var s serving
	cmd := &cobra.Command{
		Use: "serve", Short: "Run a coordinator with its REST API", Args: cobra.NoArgs,
		Long: "Run a coordinator with its REST API. Any number of them share one database.\n" +
			"The schema must be up to date (unwind migrate up), the topics there (unwind topics apply).\n" +
			"Without Kafka brokers, commands to participants wait in the outbox.\n" +
			"Traces are exported as the standard OTEL_ environment says; see docs/tracing.md.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.config(p)
			if err != nil {
				return usageError{err}
			}
			if err := failpoint.Arm(s.stop); err != nil {
				return usageError{err}
			}
			for _, f := range p.strangers(cmd.Root()) {
				c.Log.Warn("the environment holds a variable that nothing reads", "variable", f.Source, "problem", f.Problem)
			}
			if c.Tracer, err = tracing.Setup(cmd.Context(), p.tracing()); err != nil {
				return usageError{err}
			}
			defer endTracer(c.Tracer, c.Log)
			a, err := app.New(c)
			if err != nil {
				return usageError{err}
			}
			return a.Run(cmd.Context())
		},
	}
	p.checked(cmd, func() error {
		_, err := s.config(p)
		return err
	})
	s.flags(cmd.Flags())
	return cmd
}

func (s *serving) flags(flags *pflag.FlagSet) {
	s.postgres(flags)
	s.kafka(flags)
	s.tenants(flags)
	s.metrics.add(flags)
	breakerFlags(flags, &s.breaker)
	retentionFlags(flags, &s.retention)
	flags.StringVar(&s.listen, "listen", "127.0.0.1:8080", "the address of the REST API")
	s.access.add(flags)
	flags.IntVar(&s.writers, "writers", 2, "batches that may be committing at once, 1 to 64")
	flags.StringVar(&s.level, "log", "info", "debug, info, warn or error, as JSON on standard error")
	flags.StringVar(&s.stop, "failpoint", "", "for tests: end the process at the n-th pass of a place, as name:n")
	fromEnv(flags, "listen", "writers", "log", "failpoint")
	_ = flags.MarkHidden("failpoint") // the flag exists
}

// config is what the flags say of the coordinator. It reports every fault that
// shows without connecting, each blamed on where it was written.
func (s *serving) config(p *program) (app.Config, error) {
	log, err := p.logger(s.level)
	c := app.Config{
		DatabaseURL: s.address(), DatabasePasswordFile: fileOf(s.databaseFlags, "database-password"), Schema: s.schema,
		Brokers: s.brokers, Security: s.protection.security(), Prefix: s.prefix, Partitions: s.partitions,
		Listen: s.listen, Namespaces: s.namespaces, Writers: s.writers, Breaker: s.breaker, Retention: s.retention, Version: buildVersion(), Log: log,
		MetricsListen: s.metrics.address(), MetricsInsecure: s.metrics.insecure,
	}
	if bad := s.access.fill(&c); bad != nil {
		err = errors.Join(err, p.sources.Fault("auth", bad.Error()))
	}
	return c, errors.Join(err, p.blame(c.Validate()), p.tracing().Validate())
}

// logger writes JSON from a level on.
func (p *program) logger(level string) (*slog.Logger, error) {
	var from slog.Level
	if err := from.UnmarshalText([]byte(level)); err != nil {
		return nil, p.sources.Fault("log", fmt.Sprintf("%q: write debug, info, warn or error", level))
	}
	return newLogger(p.errs, from), nil
}

func newLogger(w io.Writer, from slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: from}))
}

// need reports which flags are missing or wrong, and puts the database's password
// into its address.
func (s *stores) need(brokers bool) error {
	if s.database == "" {
		return usagef("name the database: --database-url or UNWIND_DATABASE_URL")
	}
	if err := app.CheckDatabaseURL(s.database); err != nil {
		return usageError{err}
	}
	s.database = s.address()
	if brokers && len(s.brokers) == 0 {
		return usagef("name the brokers: --kafka-brokers or UNWIND_KAFKA_BROKERS")
	}
	return nil
}

// address is the database's address with its password.
func (s *stores) address() string { return app.DatabaseURL(s.database, s.password) }

// saidf prints a line of a command's result.
func saidf(cmd *cobra.Command, format string, args ...any) {
	_, _ = fmt.Fprintf(cmd.OutOrStdout(), format+"\n", args...)
}
