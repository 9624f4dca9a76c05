// Command codenode is a coordinator that has the sagas of package written: what unwind
// serve is to declared sagas. It reads the same environment.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/unwindhq/unwind/e2e/written"
	"github.com/unwindhq/unwind/internal/failpoint"
	"github.com/unwindhq/unwind/node"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "codenode:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	if err := failpoint.Arm(os.Getenv("UNWIND_FAILPOINT")); err != nil {
		return err
	}
	sagas, err := written.Sagas()
	if err != nil {
		return err
	}
	n, err := node.New(node.Config{
		DatabaseURL: os.Getenv("UNWIND_DATABASE_URL"), Brokers: strings.Split(os.Getenv("UNWIND_KAFKA_BROKERS"), ","),
		TopicPrefix: os.Getenv("UNWIND_TOPIC_PREFIX"), Listen: os.Getenv("UNWIND_LISTEN"),
		Code: sagas, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	return n.Run(ctx)
}
