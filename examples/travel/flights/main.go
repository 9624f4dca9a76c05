// Command flights reserves seats and releases them: a participant
// of the travel example. It wants UNWIND_DATABASE_URL and UNWIND_KAFKA_BROKERS;
// TRAVEL_FAULT makes it misbehave.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/unwindhq/unwind/examples/travel"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := travel.Program(ctx, travel.Flights, os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
