package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/client"
)

func (p *program) dlqCommand() *cobra.Command {
	var r remote
	cmd := group("dlq", "Look at dead letters and decide about them",
		dlqListCommand(&r), dlqGroupsCommand(&r), dlqShowCommand(&r), dlqRedriveCommand(&r), dlqDiscardCommand(&r))
	r.flags(cmd)
	return cmd
}

// choosing hangs the flags of a filter into a command.
func choosing(cmd *cobra.Command, f *client.DeadLetterFilter) {
	flags := cmd.Flags()
	flags.StringVar(&f.Topic, "topic", "", "only those of this topic")
	flags.StringVar(&f.Class, "class", "", "only those of this class, such as undecodable")
	flags.StringVar(&f.Fingerprint, "fingerprint", "", "only those of this group")
	flags.StringVar(&f.Saga, "saga", "", "only those that name this saga")
}

// anyStatus is the word for no filter by status.
const anyStatus = "all"

// listing hangs the flags of a list into a command: those of its filter, the
// status, which is open unless told otherwise, and the limit.
func listing(cmd *cobra.Command, f *client.DeadLetterFilter) *cobra.Command {
	choosing(cmd, f)
	cmd.Flags().StringVar(&f.Status, "status", "open", "open, redriven, discarded or all")
	cmd.Flags().IntVar(&f.Limit, "limit", 50, "how many, 1 to 200")
	return cmd
}

// showLetters asks the server about the dead letters that f chooses, and shows its
// answer.
func showLetters[T any](
	r *remote, f *client.DeadLetterFilter,
	ask func(*client.Client, context.Context, client.DeadLetterFilter) (T, error), write func(io.Writer, T),
) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		c, err := r.client()
		if err != nil {
			return err
		}
		if f.Status == anyStatus {
			f.Status = ""
		}
		answer, err := ask(c, cmd.Context(), *f)
		if err != nil {
			return err
		}
		return show(cmd, r.format, answer, func(w io.Writer) { write(w, answer) })
	}
}

func dlqListCommand(r *remote) *cobra.Command {
	var f client.DeadLetterFilter
	cmd := &cobra.Command{
		Use: "list", Short: "List dead letters, the newest first", Args: cobra.NoArgs,
		RunE: showLetters(r, &f, (*client.Client).DeadLetters, writeLetters),
	}
	cmd.Flags().Int64Var(&f.After, "after", 0, "the next of the page before")
	return listing(cmd, &f)
}

// reasonWidth is how much of a reason a table shows, in characters.
const reasonWidth = 60

// oneLine is text on one line of a table.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > reasonWidth {
		return string(runes[:reasonWidth-1]) + "…"
	}
	return text
}

func writeLetters(w io.Writer, page client.DeadLetters) {
	list := table{head: []string{"ID", "AT", "STATUS", "CLASS", "TOPIC", "PLACE", "SAGA", "REASON"}}
	for _, l := range page.DeadLetters {
		list.add(l.ID, l.At.Format(time.RFC3339), l.Status, l.Class, l.Topic, place(l), l.Saga, oneLine(l.Reason))
	}
	list.write(w)
	if page.Next > 0 {
		_, _ = fmt.Fprintf(w, "more: --after %d\n", page.Next)
	}
}

// place says where a record lies.
func place(l client.DeadLetter) string {
	if l.Partition < 0 {
		return "never sent"
	}
	return fmt.Sprintf("%d@%d", l.Partition, l.Offset)
}

func dlqGroupsCommand(r *remote) *cobra.Command {
	var f client.DeadLetterFilter
	cmd := &cobra.Command{
		Use: "groups", Short: "Group dead letters by what is wrong with them", Args: cobra.NoArgs,
		RunE: showLetters(r, &f, (*client.Client).DeadLetterGroups, writeGroups),
	}
	return listing(cmd, &f)
}

func writeGroups(w io.Writer, groups client.DeadLetterGroups) {
	list := table{head: []string{"FINGERPRINT", "COUNT", "SAGAS", "CLASS", "TOPIC", "FIRST", "LAST", "EXAMPLE", "REASON"}}
	for _, g := range groups.Groups {
		list.add(g.Fingerprint, g.Count, g.Sagas, g.Class, g.Topic, g.First.Format(time.RFC3339), g.Last.Format(time.RFC3339), g.Example, oneLine(g.Reason))
	}
	list.write(w)
}

// letterIDs reads the arguments of a command.
func letterIDs(args []string) ([]int64, error) {
	ids := make([]int64, len(args))
	for i, arg := range args {
		id, err := strconv.ParseInt(arg, 10, 64)
		if err != nil || id < 1 {
			return nil, usagef("%q: want the number of a dead letter", arg)
		}
		ids[i] = id
	}
	return ids, nil
}

func dlqShowCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a dead letter, its record and what redriving it would do", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := letterIDs(args)
			if err != nil {
				return err
			}
			c, err := r.client()
			if err != nil {
				return err
			}
			l, err := c.DeadLetter(cmd.Context(), ids[0])
			if err != nil {
				return err
			}
			return show(cmd, r.format, l, func(w io.Writer) { writeLetter(w, l) })
		},
	}
}

func writeLetter(w io.Writer, l client.DeadLetter) {
	lines := table{}
	line := func(name, value string) {
		if value != "" {
			lines.add(name, value)
		}
	}
	line("dead letter", strconv.FormatInt(l.ID, 10)+", "+l.Status)
	line("topic", l.Topic+" "+place(l))
	line("given up", l.At.Format(time.RFC3339)+" by "+l.Origin)
	line("class", l.Class)
	line("reason", strings.ReplaceAll(l.Reason, "\n", "; "))
	line("saga", strings.TrimSpace(l.Saga+" "+l.Command))
	line("decided by", l.Actor)
	line("because", l.Note)
	line("still to be sent", l.Unsent)
	line("trouble", l.Trouble)
	line("redriving", l.Effect)
	line("key", bytesText(l.Key))
	for _, h := range l.Headers {
		line("header", bytesText(&h.Name)+": "+bytesText(h.Value))
	}
	line("value", bytesText(l.Value))
	lines.head, lines.rows = lines.rows[0], lines.rows[1:]
	lines.write(w)
}

// bytesText shows bytes on one line.
func bytesText(b *client.Bytes) string {
	switch {
	case b == nil:
		return "(none)"
	case len(b.Base64) == 0:
		return "(empty)"
	case b.JSON != nil && !bytes.ContainsAny(b.Base64, "\n\r\t"): // as it was written
		return string(b.Base64)
	case b.JSON != nil:
		return string(b.JSON)
	case b.Text != "":
		return strconv.Quote(b.Text)
	}
	return fmt.Sprintf("%q", b.Base64)
}

// redriving are the flags of dlq redrive.
type redriving struct {
	filter client.DeadLetterFilter
	how    client.Redrive
	yes    bool
}

func dlqRedriveCommand(r *remote) *cobra.Command {
	var d redriving
	cmd := &cobra.Command{
		Use: "redrive [ID...]", Short: "Send records to their topics again",
		Long: `Send records to their topics again: those of the ids, or the oldest open ones that
--saga, --fingerprint, --class and --topic choose. Without --yes it only says what
would happen. By a filter it takes one at first, the canary; --limit takes more.
--saga takes all of the saga's, in order.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			results, err := d.run(cmd, c, args)
			if err != nil {
				return err
			}
			if err := show(cmd, r.format, results, func(w io.Writer) { d.write(w, results) }); err != nil {
				return err
			}
			for _, result := range results.Results {
				if result.Refused {
					return silentError{}
				}
			}
			return nil
		},
	}
	choosing(cmd, &d.filter)
	flags := cmd.Flags()
	flags.IntVar(&d.filter.Limit, "limit", 1, "how many a filter takes, 1 to 200; with --saga 200")
	flags.StringVar(&d.how.Reason, "reason", "", "why; kept with the dead letter")
	flags.BoolVar(&d.how.Force, "force", false, "although its order, its status or the number of its redrives speak against it")
	flags.BoolVar(&d.yes, "yes", false, "do it, instead of saying what would happen")
	return destructive(cmd)
}

// run redrives, or asks what that would do.
func (d *redriving) run(cmd *cobra.Command, c *client.Client, args []string) (results client.Redrives, err error) {
	d.how.DryRun = !d.yes
	ids, err := letterIDs(args)
	if err != nil {
		return results, err
	}
	f := d.filter
	if f.Saga != "" && !cmd.Flags().Changed("limit") {
		f.Limit = 200 // a saga's belong together
	}
	chosen := f.Topic+f.Class+f.Fingerprint+f.Saga != ""
	if chosen == (len(ids) > 0) {
		return results, usagef("name dead letters by their ids, or choose them by --saga, --fingerprint, --class or --topic")
	}
	if chosen {
		return c.RedriveDeadLetters(cmd.Context(), f, d.how)
	}
	for _, id := range ids {
		result, err := c.RedriveDeadLetter(cmd.Context(), id, d.how)
		if client.CodeOf(err) == client.Refused {
			result, err = client.Redriven{ID: id, Effect: err.Error(), Refused: true}, nil
		}
		if err != nil {
			return results, err
		}
		results.Results = append(results.Results, result)
	}
	return results, nil
}

func (d *redriving) write(w io.Writer, results client.Redrives) {
	list := table{head: []string{"ID", "REDRIVE", "EFFECT"}}
	for _, result := range results.Results {
		done := "yes"
		switch {
		case result.Forcible:
			done = "refused; --force would"
		case result.Refused:
			done = "refused"
		case !d.yes:
			done = "would"
		}
		list.add(result.ID, done, strings.ReplaceAll(result.Effect, "\n", "; "))
	}
	list.write(w)
	if !d.yes {
		_, _ = fmt.Fprintln(w, "nothing was redriven: add --yes")
	}
}

func dlqDiscardCommand(r *remote) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "discard ID...", Short: "Say that nobody has a use for dead letters; they stay readable", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := letterIDs(args)
			if err != nil {
				return err
			}
			if reason == "" {
				return usagef("--reason is missing: say why nobody has a use for it")
			}
			c, err := r.client()
			if err != nil {
				return err
			}
			var page client.DeadLetters
			for _, id := range ids {
				l, err := c.DiscardDeadLetter(cmd.Context(), id, reason)
				if err != nil {
					return err
				}
				page.DeadLetters = append(page.DeadLetters, l)
			}
			return show(cmd, r.format, page, func(w io.Writer) { writeLetters(w, page) })
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; kept with the dead letter")
	return destructive(cmd)
}
