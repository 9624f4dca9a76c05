// Command unwind is all of Unwind in one binary: the coordinator and the tools to
// look after it.
//
// It exits with 0 when all went well, 1 when something was refused or failed, and
// 2 when it was called wrongly.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // schedules have zones, and an image may have none
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // refused or failed
	exitUsage  = 2 // called wrongly
	exitStands = 3 // the saga stands still and needs a person
)

// gcPercent is how much garbage may gather, in percent of what is alive, unless
// GOGC says otherwise. What is alive are a few megabytes, and batches come and go:
// with Go's 100, a third of a coordinator's time went into collecting.
const gcPercent = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	p := &program{out: os.Stdout, errs: os.Stderr, in: os.Stdin, getenv: os.Getenv, environ: os.Environ, configDir: os.UserConfigDir}
	code := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run runs one command line and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	root := p.rootCommand()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	var silent silentError
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &silent):
		return max(silent.code, exitFailed)
	case !p.began || errors.As(err, &usage):
		_, _ = fmt.Fprintf(p.errs, "unwind: %v\nSee %s --help.\n", err, cmd.CommandPath())
		return exitUsage
	}
	_, _ = fmt.Fprintf(p.errs, "unwind: %s\n", harmless(p.explain(cmd, err).Error()))
	return exitFailed
}

// usageError says that a command was called wrongly.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// silentError says that a command failed and has said why.
type silentError struct {
	code int // the exit code; 0 is exitFailed
}

// Error implements error.
func (silentError) Error() string { return "failed" }
