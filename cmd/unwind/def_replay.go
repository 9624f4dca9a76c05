package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/internal/recording"
	"github.com/unwindhq/unwind/internal/replay"
)

const aboutReplay = `Decide the histories of a database again, with this program's engine, and say what would be
decided otherwise: before an upgrade. With --file the sagas of that definition's name are also
held to it, as if they had begun with it: before it is applied. The database is only read.

Exit code 1: something would be decided otherwise, or cannot be read. Sagas that are Go functions
are counted and left to their own program.`

// replaying are the flags of def replay.
type replaying struct {
	stores
	since time.Duration
	file  string
}

// replayed is what def replay prints as JSON.
type replayed struct {
	replay.Sum
	Found []recording.Difference `json:"found"`
}

func replayCommand(r *remote) *cobra.Command {
	var p replaying
	cmd := &cobra.Command{
		Use: "replay [NAME]", Short: "Decide the histories of a database again and say what would be otherwise", Long: aboutReplay,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := p.need(false); err != nil {
				return err
			}
			d := replay.Declared{DatabaseURL: p.database, Schema: p.schema, Namespace: r.namespace, Since: p.since}
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
	var err error
	if out.Sum, err = d.Run(cmd.Context()); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	if err := show(cmd, format, out, func(w io.Writer) { p.summary(w, out.Sum) }); err != nil {
		return err
	}
	if out.Differences > 0 || len(out.Lacking) > 0 {
		return silentError{}
	}
	return nil
}

// summary says what it came to, and what it was not asked of.
func (p *replaying) summary(w io.Writer, s replay.Sum) {
	if s.Differences > 0 {
		_, _ = fmt.Fprintf(w, "%d of %d sagas (%d events) would be decided otherwise\n", s.Differences, s.Sagas, s.Events)
	} else {
		_, _ = fmt.Fprintf(w, "%d sagas (%d events) would be decided as they were\n", s.Sagas, s.Events)
	}
	for _, version := range replay.Names(s.Lacking) {
		_, _ = fmt.Fprintf(w, "%d sagas of %s were left out: this program cannot read that version\n", s.Lacking[version], version)
	}
	for _, name := range replay.Names(s.Code) {
		_, _ = fmt.Fprintf(w, "%d sagas of %s are a Go function: ask the program that has it, yourprogram replay -definition %s -since %s\n", s.Code[name], name, name, p.since)
	}
}
