// Command withservers runs a command with real servers: it starts PostgreSQL
// and Kafka in a temporary folder, names them to the command in
// UNWIND_TEST_DATABASE_URL and UNWIND_TEST_KAFKA_BROKERS, stops them when the
// command has ended, and exits with its code.
//
//	go run ./internal/cmd/withservers -- go test ./...
//
// A variable that is set already is left alone and its server not started.
// Where a server cannot be had, withservers says what will not run and goes on
// without it; with CI=true it fails.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// Exit codes besides the command's own, as shells use them.
const (
	exitUsage   = 2
	exitServers = 125
	exitNoStart = 127
	exitSignal  = 128
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		_, _ = fmt.Fprintln(os.Stderr, "usage: withservers [--] COMMAND [ARGUMENT…]")
		os.Exit(exitUsage)
	}
	os.Exit(run(args))
}

// run starts the servers, runs the command and returns the exit code.
func run(args []string) int {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	servers, err := start(signals)
	defer servers.stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "withservers:", err)
		return exitServers
	}
	return command(args, servers.environment, signals)
}

// start starts the servers; a signal ends that.
func start(signals <-chan os.Signal) (*servers, error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	started := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case s := <-signals:
			cancel(fmt.Errorf("interrupted by %s", s))
		case <-started:
		}
	}()
	s, err := startServers(ctx)
	close(started)
	<-watched
	return s, errors.Join(err, context.Cause(ctx))
}

// command runs the command with the environment, passes signals on to it and
// returns its exit code.
func command(args, environment []string, signals <-chan os.Signal) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), environment...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "withservers:", err)
		return exitNoStart
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			_ = cmd.Process.Signal(s) // fails only if it has just ended
		case err := <-done:
			return exitCode(err)
		}
	}
}

// exitCode returns the code of an ended command: 128 and more after a signal.
func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return exit.ExitCode()
	case errors.As(err, &exit):
		if status, ok := exit.Sys().(syscall.WaitStatus); ok {
			return exitSignal + int(status.Signal())
		}
	}
	_, _ = fmt.Fprintln(os.Stderr, "withservers:", err)
	return exitServers
}
