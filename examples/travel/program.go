package travel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/tracing"
)

// Environment reads a Config from variables: UNWIND_DATABASE_URL,
// UNWIND_KAFKA_BROKERS (separated by commas), those of kafka.SecurityFromEnv,
// UNWIND_TOPIC_PREFIX, TRAVEL_SESSION (a time such as 6s) and TRAVEL_FAULT (see ParseFaults).
func Environment(get func(name string) string) (Config, error) {
	cfg := Config{DatabaseURL: get("UNWIND_DATABASE_URL"), TopicPrefix: get("UNWIND_TOPIC_PREFIX")}
	for broker := range strings.SplitSeq(get("UNWIND_KAFKA_BROKERS"), ",") {
		if broker = strings.TrimSpace(broker); broker != "" {
			cfg.Brokers = append(cfg.Brokers, broker)
		}
	}
	var err error
	if cfg.Security, err = kafka.SecurityFromEnv(get); err != nil {
		return cfg, err
	}
	if text := get("TRAVEL_SESSION"); text != "" {
		if cfg.Session, err = time.ParseDuration(text); err != nil {
			return cfg, fmt.Errorf("TRAVEL_SESSION: %w", err)
		}
	}
	if cfg.Faults, err = ParseFaults(get("TRAVEL_FAULT")); err != nil {
		return cfg, fmt.Errorf("TRAVEL_FAULT: %w", err)
	}
	if cfg.DatabaseURL == "" || len(cfg.Brokers) == 0 {
		return cfg, errors.New("set UNWIND_DATABASE_URL and UNWIND_KAFKA_BROKERS; `unwind dev` prints them")
	}
	return cfg, nil
}

// Program is what the three programs do: it runs the named participant with its
// configuration from the environment until ctx ends, with a line per command on
// out and warnings on errs. It returns the exit code.
func Program(ctx context.Context, name string, get func(name string) string, out, errs io.Writer) int {
	cfg, err := Environment(get)
	if err == nil {
		cfg.Out = out
		cfg.Log = slog.New(slog.NewTextHandler(errs, &slog.HandlerOptions{Level: slog.LevelWarn}))
		err = traced(ctx, name, get, cfg)
	}
	if err != nil {
		_, _ = fmt.Fprintf(errs, "%s: %v\n", name, err) // there is nowhere else to say it
		return 1
	}
	return 0
}

// traced runs a participant with traces, if the standard OTEL_ variables ask for
// them.
func traced(ctx context.Context, name string, get func(name string) string, cfg Config) error {
	tracer, err := tracing.Setup(ctx, tracing.Config{Getenv: get, Service: name})
	if err != nil {
		return err
	}
	if tracer != nil {
		cfg.Trace = tracer.Command
	}
	err = Run(ctx, name, cfg)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	if lost := tracer.Shutdown(ctx); lost != nil {
		cfg.Log.Warn("the last spans were not exported", "error", lost)
	}
	return err
}

// flushTime bounds the export of the last spans.
const flushTime = 5 * time.Second
