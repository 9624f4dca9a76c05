package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/saga/definition"
)

// find returns a definition: of a file, or of the server as NAME or NAME@VERSION.
func find(ctx context.Context, r *remote, what string) (*definition.File, error) {
	if _, err := os.Stat(what); !errors.Is(err, fs.ErrNotExist) {
		return load(what)
	}
	c, err := r.client()
	if err != nil {
		return nil, err
	}
	name, version, _ := strings.Cut(what, "@")
	found, err := c.Definition(ctx, name, version)
	if err != nil {
		return nil, fmt.Errorf("%s is no file; on the server: %w", what, err)
	}
	return definition.Load(what, found.Canonical, definition.Options{})
}

func graphCommand(r *remote) *cobra.Command {
	cmd := &cobra.Command{
		Use: "graph FILE|NAME[@VERSION]", Short: "Draw a definition as a Mermaid flowchart, or with -o svg as a picture", Args: cobra.ExactArgs(1),
		Example: "  unwind def graph order.yaml -o svg > order.svg",
		RunE: func(cmd *cobra.Command, args []string) error {
			draw := definition.Mermaid
			switch r.format {
			case "svg":
				draw = definition.SVG
			case "table", "mermaid": // table is the default of all commands
			default:
				return usagef("-o %s: write mermaid or svg", r.format)
			}
			file, err := find(cmd.Context(), r, args[0])
			if err != nil {
				return err
			}
			_, err = io.WriteString(cmd.OutOrStdout(), draw(&file.Definition))
			return err
		},
	}
	return cmd
}

func diffCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "diff OLD NEW", Short: "Compare two definitions, option by option; each is a FILE or NAME[@VERSION]", Args: cobra.ExactArgs(2),
		Example: "  unwind def diff bookTrip bookTrip.yaml       what would an apply change?\n  unwind def diff bookTrip@r3 bookTrip@r4",
		RunE: func(cmd *cobra.Command, args []string) error {
			older, err := find(cmd.Context(), r, args[0])
			if err != nil {
				return err
			}
			newer, err := find(cmd.Context(), r, args[1])
			if err != nil {
				return err
			}
			changes, err := definition.Diff(older, newer)
			if err != nil {
				return err
			}
			return show(cmd, r.format, changes, func(w io.Writer) {
				for _, c := range changes {
					_, _ = fmt.Fprintln(w, c)
				}
			})
		},
	}
}

// changeCommands are those that say which version of a definition starts sagas, if any.
func changeCommands(r *remote) []*cobra.Command {
	var reason string
	disable := changeCommand(r, "disable NAME", "Let a definition start no sagas for now; those that run go on", 1,
		func(ctx context.Context, c *client.Client, args []string) (string, error) {
			return args[0] + " starts no sagas until it is enabled", c.DisableDefinition(ctx, args[0], reason)
		})
	disable.Flags().StringVar(&reason, "reason", "", "why; shown to whoever tries to start one. Required")
	_ = disable.MarkFlagRequired("reason") // the flag is there
	enable := changeCommand(r, "enable NAME", "Let a disabled definition start sagas again", 1,
		func(ctx context.Context, c *client.Client, args []string) (string, error) {
			return args[0] + " starts sagas", c.EnableDefinition(ctx, args[0])
		})
	promote := changeCommand(r, "promote NAME VERSION", "Make a stored version the latest; with an older one, roll back", 2,
		func(ctx context.Context, c *client.Client, args []string) (string, error) {
			return args[0] + " starts sagas of " + args[1], c.PromoteDefinition(ctx, args[0], args[1])
		})
	return []*cobra.Command{destructive(disable), enable, destructive(promote)}
}

func changeCommand(r *remote, use, short string, args int, do func(context.Context, *client.Client, []string) (string, error)) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(args),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			said, err := do(cmd.Context(), c, args)
			if err == nil {
				saidf(cmd, "%s", said)
			}
			return err
		},
	}
}
