package main

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/internal/config"
)

const configAbout = `Look at the settings before a program begins with them.

Settings come from flags, UNWIND_… variables and the YAML file of --config, in this order. check and
show look at those of a command, unwind serve if none is named, with the flags that follow it:

  unwind config check --config unwind.yaml
  unwind config show serve --writers 4`

func (p *program) configCommand() *cobra.Command {
	cmd := group("config", "Check and show the settings", p.configCheckCommand(), p.configShowCommand(), configTemplateCommand())
	cmd.Long = configAbout
	return cmd
}

// trial is a command line that gets its settings, but does not run.
type trial struct {
	p       *program
	cmd     *cobra.Command
	sources config.Sources
	file    *config.File
	err     error // every fault of a value
}

// try reads the settings of a command line in a tree of its own.
func (p *program) try(from *cobra.Command, args []string) (*trial, error) {
	if len(args) == 0 {
		args = []string{"serve"}
	}
	t := &trial{p: &program{out: io.Discard, errs: io.Discard, in: strings.NewReader(""), getenv: p.getenv, environ: p.environ}}
	root := t.p.rootCommand()
	cmd, rest, err := root.Find(args)
	if err != nil || cmd == root {
		return nil, usagef("there is no command %q", strings.Join(args, " "))
	}
	if path := from.Flag(configFlag); path.Changed {
		rest = append([]string{"--" + configFlag, path.Value.String()}, rest...)
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return nil, flagError(cmd, err)
	}
	t.cmd = cmd
	t.sources, t.file, t.err = t.p.load(cmd)
	t.p.sources = t.sources
	return t, nil
}

// faults are all there are: of the values one by one, of those of the file that
// are for other commands, of all values together, of the environment.
func (t *trial) faults() []*config.Fault {
	var elsewhere []error
	walk(t.cmd.Root(), func(other *cobra.Command) {
		if other != t.cmd {
			_, err := config.Load(other.LocalFlags(), t.file)
			elsewhere = append(elsewhere, err)
		}
	})
	found := config.Faults(errors.Join(t.err, errors.Join(elsewhere...)))
	if check := t.p.checks[t.cmd]; check != nil {
		found = append(found, others(config.Faults(check()), found)...)
	}
	return unique(append(found, t.p.strangers(t.cmd.Root())...))
}

// others are the faults of settings that have none yet: a value that cannot be
// read is not too small as well.
func others(faults, known []*config.Fault) []*config.Fault {
	return slices.DeleteFunc(faults, func(f *config.Fault) bool {
		return f.Setting != "" && slices.ContainsFunc(known, func(k *config.Fault) bool { return k.Setting == f.Setting })
	})
}

// unique leaves out what was said already, as several commands may.
func unique(faults []*config.Fault) []*config.Fault {
	seen := map[string]bool{}
	kept := []*config.Fault{}
	for _, f := range faults {
		if !seen[f.Error()] {
			kept = append(kept, f)
		}
		seen[f.Error()] = true
	}
	return kept
}

func (p *program) configCheckCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "check [COMMAND [FLAG…]]", Short: "Find everything that is wrong with the settings; connects to nothing",
		Long: configAbout + "\n\ncheck prints every fault with where it was written; exit code 1 if there is one. A variable\n" +
			"that begins with UNWIND_ and is no setting's is a fault, too.",
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := p.try(cmd, args)
			if err != nil {
				return err
			}
			faults := t.faults()
			if err := show(cmd, format, faults, func(w io.Writer) { writeFaults(cmd, t, faults) }); err != nil {
				return err
			}
			if len(faults) > 0 {
				return silentError{}
			}
			return nil
		},
	}
	cmd.Flags().SetInterspersed(false) // the flags behind COMMAND are its own
	formatFlag(cmd, &format)
	return cmd
}

func writeFaults(cmd *cobra.Command, t *trial, faults []*config.Fault) {
	for _, f := range faults {
		saidf(cmd, "%s", f)
	}
	if len(faults) > 0 {
		return
	}
	entries := config.Entries(t.cmd.Flags(), t.sources)
	given := 0
	for _, e := range entries {
		if e.Source != config.Default {
			given++
		}
	}
	saidf(cmd, "the settings of %s are fine: %d given, %d as by default", t.cmd.CommandPath(), given, len(entries)-given)
}

func (p *program) configShowCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "show [COMMAND [FLAG…]]", Short: "Show each setting, its value and where it was written; secrets are masked",
		Long: configAbout,
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := p.try(cmd, args)
			if err != nil {
				return err
			}
			if err := showEntries(cmd, format, config.Entries(t.cmd.Flags(), t.sources)); err != nil {
				return err
			}
			if t.err != nil {
				return usageError{t.err}
			}
			return nil
		},
	}
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().StringVarP(&format, "output", "o", "table", "table, json or yaml, a file to begin with")
	return cmd
}

func showEntries(cmd *cobra.Command, format string, entries []config.Entry) error {
	if format == "yaml" {
		return config.YAML(cmd.OutOrStdout(), entries)
	}
	t := table{head: []string{"NAME", "VALUE", "SOURCE"}}
	for _, e := range entries {
		t.add(e.Name, e.Value, e.Source)
	}
	return show(cmd, format, entries, t.write)
}

func configTemplateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "template", Short: "Print a configuration file with every setting, its meaning and its default", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return config.Template(cmd.OutOrStdout(), schema(cmd.Root()))
		},
	}
}
