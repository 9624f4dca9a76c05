package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/contexts"
)

const contextAbout = `Keep the servers you work with under names, in a file of your own (UNWIND_CONTEXTS, else
unwind/contexts.yaml in your configuration folder). It holds no keys, only the files that do.

  unwind context add prod --url https://unwind.example --api-key-file ~/keys/prod --protected
  unwind context use prod
  unwind saga list                   # acts on prod
  unwind saga list --context dev     # acts on another one, once

Before something is destroyed in a protected context, its name is asked for; --confirm NAME answers.`

func (p *program) contextCommand() *cobra.Command {
	cmd := group("context", "Name the servers to act on", p.contextListCommand(), p.contextShowCommand(), p.contextUseCommand(),
		p.contextAddCommand(), p.contextRemoveCommand(), p.contextProtectCommand())
	cmd.Long = contextAbout
	return cmd
}

// update changes the file of contexts.
func (p *program) update(change func(*contexts.Contexts) error) error {
	path := p.contextsPath()
	if path == "" {
		return fmt.Errorf("there is no folder for the contexts: name a file with %s", contextsVariable)
	}
	return contexts.Update(path, change)
}

// shownContext is what list and show print.
type shownContext struct {
	Name    string `json:"name"`
	Current bool   `json:"current"`
	contexts.Context
}

func (p *program) contextListCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "list", Short: "List the contexts", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := contexts.Read(p.contextsPath())
			if err != nil {
				return err
			}
			list, t := []shownContext{}, table{head: []string{"", "NAME", "URL", "NAMESPACE", "PROTECTED"}}
			for _, name := range all.Names() {
				s := shownContext{name, name == all.Current, all.All[name]}
				list = append(list, s)
				t.add(map[bool]string{true: "*"}[s.Current], name, s.URL, dash(s.Namespace), map[bool]string{true: "yes", false: "no"}[s.Protected])
			}
			return show(cmd, format, list, t.write)
		},
	}
	formatFlag(cmd, &format)
	return cmd
}

func (p *program) contextShowCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "show [NAME]", Short: "Show a context; the current one if none is named", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := contexts.Read(p.contextsPath())
			if err != nil {
				return err
			}
			name := all.Current
			if len(args) > 0 {
				name = args[0]
			}
			if name == "" {
				return fmt.Errorf("no context is current: choose one with unwind context use NAME")
			}
			c, err := all.Get(name)
			if err != nil {
				return err
			}
			return show(cmd, format, shownContext{name, name == all.Current, c}, func(w io.Writer) { writeContext(w, name, c) })
		},
	}
	formatFlag(cmd, &format)
	return cmd
}

func writeContext(w io.Writer, name string, c contexts.Context) {
	t := table{head: []string{"name", name}}
	t.add("url", c.URL)
	t.add("api-key-file", dash(c.APIKeyFile))
	t.add("namespace", dash(c.Namespace))
	t.add("protected", c.Protected)
	t.write(w)
}

// dash stands for an empty cell.
func dash(text string) string { return cmp.Or(text, "-") }

func (p *program) contextUseCommand() *cobra.Command {
	return &cobra.Command{
		Use: "use NAME", Short: "Make a context the current one; - is none", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "-" {
				return p.update(func(all *contexts.Contexts) error { all.Current = ""; return nil })
			}
			err := p.update(func(all *contexts.Contexts) error {
				_, err := all.Get(args[0])
				all.Current = args[0]
				return err
			})
			if err == nil {
				saidf(cmd, "commands act on %s now", args[0])
			}
			return err
		},
	}
}

func (p *program) contextAddCommand() *cobra.Command {
	var c contexts.Context
	var replace bool
	cmd := &cobra.Command{
		Use: "add NAME --url URL", Short: "Add a context", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if c.URL == "" {
				return usagef("name the server: --url")
			}
			if err := (client.Config{URL: c.URL}).Validate(); err != nil {
				return usageError{err}
			}
			if c.APIKeyFile != "" {
				if c.APIKeyFile, err = filepath.Abs(c.APIKeyFile); err != nil {
					return fmt.Errorf("find the key's file: %w", err)
				}
			}
			return p.update(func(all *contexts.Contexts) error {
				if _, there := all.All[args[0]]; there && !replace {
					return fmt.Errorf("there is a context %s: --replace puts this one in its place", args[0])
				}
				all.All[args[0]] = c
				return nil
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&c.URL, "url", "", "the server's address")
	flags.StringVar(&c.APIKeyFile, "api-key-file", "", "the file that holds the key to show it")
	flags.StringVar(&c.Namespace, "namespace", "", "the namespace")
	flags.BoolVar(&c.Protected, "protected", false, "ask for the name before something is destroyed")
	flags.BoolVar(&replace, "replace", false, "replace a context of that name")
	return cmd
}

func (p *program) contextRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Forget a context", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return p.update(func(all *contexts.Contexts) error {
				_, err := all.Get(args[0])
				if delete(all.All, args[0]); all.Current == args[0] {
					all.Current = ""
				}
				return err
			})
		},
	}
}

func (p *program) contextProtectCommand() *cobra.Command {
	var off bool
	cmd := &cobra.Command{
		Use: "protect NAME", Short: "Ask for the name of a context before something is destroyed there", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return p.update(func(all *contexts.Contexts) error {
				c, err := all.Get(args[0])
				c.Protected = !off
				all.All[args[0]] = c
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&off, "off", false, "ask no longer")
	return cmd
}
