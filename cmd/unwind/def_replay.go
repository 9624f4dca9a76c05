package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/internal/recording"
	"github.com/unwindhq/unwind/internal/replay"
)

const aboutReplay = `Decide the histories of a database again, with this program's engine, and say what would be
decided otherwise: before an upgrade. With --file the sagas of that definition's name are also
held to it, as if they had begun with it: before it is applied. The database is only read.

Sagas that are Go functions can be run again only by the program that has the functions. Put what
you are about to deploy behind --, with the command in it that calls node.ReplayMain:

  unwind def replay --since 24h -- ./booking replay

It is asked for the sagas of the same database, time, namespace and name, and what it finds is a
part of the result. Without a program such sagas are counted and named.

Exit code 1: something would be decided otherwise, or could not be looked at.`

// replaying are the flags of def replay.
type replaying struct {
	stores
	since   time.Duration
	file    string
	program []string // what is behind --
}

// replayed is what def replay prints as JSON.
type replayed struct {
	replay.Sum
	Found   []recording.Difference `json:"found"`             // of the program, too
	Program *recording.Report      `json:"program,omitempty"` // nil: none was asked
}

func replayCommand(r *remote) *cobra.Command {
	var p replaying
	cmd := &cobra.Command{
		Use: "replay [NAME] [-- PROGRAM ARG...]", Short: "Decide the histories of a database again and say what would be otherwise", Long: aboutReplay,
		Args: func(cmd *cobra.Command, args []string) error {
			own, _ := behindDash(cmd, args)
			return cobra.MaximumNArgs(1)(cmd, own)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := p.need(false); err != nil {
				return err
			}
			args, p.program = behindDash(cmd, args)
			d := replay.Declared{DatabaseURL: p.address(), Schema: p.schema, Namespace: r.namespace, Since: p.since}
			if len(args) > 0 {
				d.Definition = args[0]
			}
			if p.file != "" {
				file, err := load(p.file)
				if err != nil {
					return err
				}
				if d.File = file; len(args) > 0 && args[0] != file.Definition.Name {
					return usagef("%s is the definition %s, not %s", p.file, file.Definition.Name, args[0])
				}
			}
			return p.run(cmd, r.format, d)
		},
	}
	flags := cmd.Flags()
	p.postgres(flags)
	flags.DurationVar(&p.since, "since", 24*time.Hour, "only sagas with an event within that time; 0 is all")
	flags.StringVar(&p.file, "file", "", "a definition to come, to which the sagas of its name are held")
	return cmd
}

// behindDash splits a command line at its --.
func behindDash(cmd *cobra.Command, args []string) (own, program []string) {
	if at := cmd.ArgsLenAtDash(); at >= 0 {
		return args[:at], args[at:]
	}
	return args, nil
}

func (p *replaying) run(cmd *cobra.Command, format string, d replay.Declared) error {
	out := replayed{Found: []recording.Difference{}}
	d.Found = func(one recording.Difference) {
		out.Found = append(out.Found, one)
		if format != "json" {
			saidf(cmd, "%s", one)
		}
	}
	last := time.Now()
	d.Page = func(s replay.Sum) {
		if time.Since(last) > time.Second {
			last = time.Now()
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "%d sagas, %d differences …\n", s.Sagas, s.Differences)
		}
	}
	if err := p.look(cmd.Context(), cmd.ErrOrStderr(), d, &out); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	if err := show(cmd, format, out, func(w io.Writer) { p.summary(w, d.Definition, out) }); err != nil {
		return err
	}
	if len(out.Found) > 0 || len(out.Lacking) > 0 || d.Definition != "" && len(out.Code) > 0 {
		return silentError{}
	}
	return nil
}

// look runs the histories again, and has the program do so with those that are its own.
func (p *replaying) look(ctx context.Context, errs io.Writer, d replay.Declared, out *replayed) (err error) {
	if out.Sum, err = d.Run(ctx); err != nil || len(p.program) == 0 || len(out.Code) == 0 {
		return err
	}
	if out.Program, err = p.ask(ctx, errs, d); err != nil {
		return err
	}
	for _, one := range out.Program.Found {
		d.Found(one)
	}
	out.Program.Found = nil // they are told once
	for _, name := range out.Program.Definitions {
		delete(out.Code, name)
	}
	return nil
}

// summary says what it came to, and what it was not asked of.
func (p *replaying) summary(w io.Writer, name string, out replayed) {
	switch s := out.Sum; {
	case s.Differences > 0:
		_, _ = fmt.Fprintf(w, "%d of %d sagas (%d events) would be decided otherwise\n", s.Differences, s.Sagas, s.Events)
	case s.Sagas > 0 || len(s.Code) == 0 && out.Program == nil:
		_, _ = fmt.Fprintf(w, "%d sagas (%d events) would be decided as they were\n", s.Sagas, s.Events)
	}
	for _, version := range replay.Names(out.Lacking) {
		_, _ = fmt.Fprintf(w, "%d sagas of %s were left out: this program cannot read that version\n", out.Lacking[version], version)
	}
	if s := out.Program; s != nil && s.Differences > 0 {
		_, _ = fmt.Fprintf(w, "%d of %d sagas (%d events) of functions would not do in %s what they did\n", s.Differences, s.Sagas, s.Events, p.program[0])
	} else if s != nil {
		_, _ = fmt.Fprintf(w, "%d sagas (%d events) of functions do in %s what they did\n", s.Sagas, s.Events, p.program[0])
	}
	for _, code := range replay.Names(out.Code) {
		_, _ = fmt.Fprintf(w, "%d sagas of %s were left out: it is a Go function%s\n", out.Code[code], code, p.cure(name))
	}
}

// cure says how sagas that are functions are looked at.
func (p *replaying) cure(name string) string {
	if len(p.program) > 0 {
		return ", and " + p.program[0] + " does not have it"
	}
	line := []string{"unwind def replay"}
	if name != "" {
		line = append(line, name)
	}
	line = append(line, "--since", brief(p.since), "-- ./yourprogram replay")
	return "; ask the program that has it: " + strings.Join(line, " ")
}

// brief is a duration without the minutes and seconds that it does not have.
func brief(d time.Duration) string {
	text := d.String()
	for _, none := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, none) {
			text = text[:len(text)-2]
		}
	}
	return text
}
