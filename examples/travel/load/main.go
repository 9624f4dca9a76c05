// Command load starts trips of the travel example, at a steady rate, with a share
// that cannot be booked, and says every few seconds how they ended. It never ends
// by itself. Its flags can be given as variables, too: --in-flight is
// LOAD_IN_FLIGHT.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := program(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// program runs a command line and returns the exit code.
func program(ctx context.Context, args []string, get func(string) string, out, errs io.Writer) int {
	cfg, err := settings(args, get, errs)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err == nil:
		err = run(ctx, cfg, out)
	}
	if err != nil {
		_, _ = fmt.Fprintf(errs, "load: %v\n", err) // there is nowhere else to say it
		return 1
	}
	return 0
}

// settings reads the command line and, for flags that are not on it, LOAD_….
func settings(args []string, get func(string) string, errs io.Writer) (config, error) {
	var cfg config
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.SetOutput(errs)
	cfg.flags(flags)
	var faults []error
	flags.VisitAll(func(f *flag.Flag) {
		name := variable(f.Name)
		if text := get(name); text != "" {
			if err := flags.Set(f.Name, text); err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", name, err))
			}
		}
	})
	if err := errors.Join(faults...); err != nil {
		return cfg, err
	}
	if err := flags.Parse(args); err != nil {
		return cfg, err
	}
	if flags.NArg() > 0 {
		return cfg, fmt.Errorf("there is no argument %q", flags.Arg(0))
	}
	cfg.key = get("UNWIND_API_KEY")
	return cfg, cfg.Validate()
}

// variable names the environment variable of a flag.
func variable(name string) string {
	return "LOAD_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}
