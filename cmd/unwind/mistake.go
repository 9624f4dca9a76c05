package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/config"
	"github.com/unwindhq/unwind/internal/nearest"
)

// meant is what was probably meant, as the end of a sentence; "" if nothing is
// near.
func meant(word string, words []string) string {
	if best := nearest.Word(word, words); best != "" {
		return "; did you mean " + best + "?"
	}
	return ""
}

// below are the names of the commands below cmd that are for people.
func below(cmd *cobra.Command) []string {
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return names
}

// flagError says what is wrong with a flag.
func flagError(cmd *cobra.Command, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		var names []string
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			if !flag.Hidden {
				names = append(names, "--"+flag.Name)
			}
		})
		given := "--" + unknown.GetSpecifiedName()
		return usagef("there is no flag %s of %s%s", given, cmd.CommandPath(), meant(given, names))
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return usageError{config.Invalid(invalid.GetFlag(), invalid.GetValue(), invalid.Unwrap())}
	}
	return usageError{err}
}

// explainArguments makes every command say which arguments it wants.
func explainArguments(root *cobra.Command) {
	walk(root, func(cmd *cobra.Command) {
		check := cmd.Args
		if check == nil {
			return
		}
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if check(cmd, args) == nil {
				return nil
			}
			found := "found no argument"
			if len(args) > 0 {
				found = "found " + strings.Join(args, " ")
			}
			return usagef("%s; write %s", found, strings.TrimSuffix(cmd.UseLine(), " [flags]"))
		}
	})
}

// explain says of what a server's client reports what a person can do about it.
func (p *program) explain(cmd *cobra.Command, err error) error {
	server := cmd.Flag("url")
	if server == nil || errors.Is(err, context.Canceled) {
		return err
	}
	from := p.sources.Of("url")
	if failed, ok := errors.AsType[*url.Error](err); ok {
		why := fmt.Sprintf("no Unwind server answers at %s (%s): %v", server.Value, from, failed.Err)
		if p.chosen != "" {
			return fmt.Errorf("%s; unwind context list shows others", why)
		}
		return fmt.Errorf("%s; start one with unwind serve or unwind dev, or name another with --url, %s or a context", why, config.Variable("url"))
	}
	if client.CodeOf(err) == client.NotFound && strings.Count(strings.TrimSuffix(server.Value.String(), "/"), "/") > 2 {
		return fmt.Errorf("%w; the server was named as %s (%s): leave the path out, unless a proxy wants it", err, server.Value, from)
	}
	return err
}
