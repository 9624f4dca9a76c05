package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

func (p *program) defCommand() *cobra.Command {
	var r remote
	cmd := group("def", "Write and apply definitions", validateCommand(), applyCommand(&r), defListCommand(&r), defShowCommand(&r), schemaCommand(),
		graphCommand(&r), diffCommand(&r), scriptCommand(&r), replayCommand(&r))
	cmd.AddCommand(changeCommands(&r)...)
	r.flags(cmd)
	return cmd
}

// load reads a definition file; schemas beside it are read, too.
func load(path string) (*definition.File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := definition.Load(path, data, definition.Options{Dir: os.DirFS(filepath.Dir(path))})
	if err != nil {
		return nil, err
	}
	if _, err := saga.Compile(file.Definition); err != nil {
		return nil, err
	}
	return file, nil
}

func validateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "validate FILE…", Short: "Check definition files; needs no server", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			bad := false
			for _, path := range args {
				file, err := load(path)
				switch {
				case errors.Is(err, saga.ErrInvalidDefinition):
					bad = true
					saidf(cmd, "%s", err)
				case err != nil:
					return err
				default:
					saidf(cmd, "%s: %s is fine: %d steps", path, file.Definition.Name, len(file.Definition.Steps))
				}
			}
			if bad {
				return silentError{}
			}
			return nil
		},
	}
}

// schemas are the JSON Schemas of the kinds of files.
var schemas = map[string]func() []byte{
	"definition": definition.Schema, "contract": definition.ContractSchema, "script": definition.ScriptSchema, "schedule": definition.ScheduleSchema,
}

func schemaCommand() *cobra.Command {
	kinds := slices.Sorted(maps.Keys(schemas))
	return &cobra.Command{
		Use: "schema [" + strings.Join(kinds, "|") + "]", Short: "Print the JSON Schema of a kind of files, for editors; needs no server",
		Long: "Print the JSON Schema of a kind of files, for editors: definitions (the default), participants'\ncontracts, scripts of unwind def test, schedules. It needs no server.",
		Args: cobra.MaximumNArgs(1), ValidArgs: kinds,
		RunE: func(cmd *cobra.Command, args []string) error {
			schema := definition.Schema
			if len(args) > 0 {
				if schema = schemas[args[0]]; schema == nil {
					return usagef("%q is no kind of files: write %s", args[0], strings.Join(kinds, ", "))
				}
			}
			_, err := cmd.OutOrStdout().Write(schema())
			return err
		},
	}
}

func applyCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "apply FILE…", Short: "Store definitions and make them the latest", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			applied := []client.Applied{}
			for _, path := range args {
				file, err := load(path)
				if errors.Is(err, saga.ErrInvalidDefinition) {
					saidf(cmd, "%s", err)
					return silentError{}
				}
				if err != nil {
					return err
				}
				one, err := c.ApplyDefinition(cmd.Context(), path, file.Canonical)
				if err != nil {
					return fmt.Errorf("apply %s: %w", path, err)
				}
				applied = append(applied, one)
			}
			return show(cmd, r.format, applied, func(w io.Writer) { writeApplied(w, applied) })
		},
	}
}

func writeApplied(w io.Writer, applied []client.Applied) {
	for _, a := range applied {
		news := "unchanged"
		if a.Created {
			news = "new"
		}
		_, _ = fmt.Fprintf(w, "%s %s (%s)\n", a.Name, a.Version, news)
	}
}

func defListCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List definitions with their latest versions", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			all := []client.Definition{}
			for after := ""; ; {
				page, err := c.Definitions(cmd.Context(), after)
				if err != nil {
					return err
				}
				all = append(all, page.Definitions...)
				if after = page.Next; after == "" {
					break
				}
			}
			t := table{head: []string{"NAME", "VERSION", "APPLIED", "HASH", "DISABLED"}}
			for _, d := range all {
				t.add(d.Name, d.Version, stamp(d.AppliedAt), d.Hash[:min(12, len(d.Hash))], d.Disabled)
			}
			return show(cmd, r.format, all, t.write)
		},
	}
}

func defShowCommand(r *remote) *cobra.Command {
	var version string
	cmd := &cobra.Command{
		Use: "show NAME", Short: "Show a definition with every default", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			found, err := c.Definition(cmd.Context(), args[0], version)
			if err != nil {
				return err
			}
			return show(cmd, r.format, found, func(w io.Writer) {
				var pretty bytes.Buffer
				_ = json.Indent(&pretty, found.Canonical, "", "  ") // the server sent JSON
				_, _ = fmt.Fprintf(w, "%s %s %s\nretention %s: ended sagas are kept %s\n%s\n",
					found.Name, found.Version, found.Hash, found.Retention, keptFor(found.KeptFor), pretty.Bytes())
			})
		},
	}
	cmd.Flags().StringVar(&version, "version", "", "the version, such as r12; default the latest")
	return cmd
}

// keptFor says for how long, in words.
func keptFor(age string) string {
	if age == "" {
		return "for ever"
	}
	return "for " + age + " at least"
}

// stamp is a time for people; a dash for none.
func stamp(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}
