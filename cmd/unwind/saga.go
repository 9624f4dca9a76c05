package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/unwindhq/unwind/client"
)

func (p *program) sagaCommand() *cobra.Command {
	var r remote
	cmd := group("saga", "Start sagas and look after them",
		startCommand(&r), listCommand(&r), showCommand(&r), whyCommand(&r), historyCommand(&r))
	cmd.AddCommand(verbCommands(&r)...)
	cmd.AddCommand(troubleCommands(&r)...)
	cmd.AddCommand(waitCommands(&r)...)
	cmd.AddCommand(startManyCommand(&r), exportCommand(&r), queryCommand(&r), updateCommand(&r))
	r.flags(cmd)
	return cmd
}

// starting are the flags of saga start.
type starting struct {
	input, file, key, version, wait string
	timeout                         time.Duration
	after                           time.Duration
	at                              string
}

func startCommand(r *remote) *cobra.Command {
	var s starting
	cmd := &cobra.Command{
		Use: "start DEFINITION", Short: "Start a saga", Args: cobra.ExactArgs(1),
		Long: "Start a saga. With --wait end, exit code 1 also means that it ended without being\n" +
			"completed, and 3 that it stands still and needs a person.",
		RunE: func(cmd *cobra.Command, args []string) error {
			input, err := s.read(cmd.InOrStdin())
			if err != nil {
				return err
			}
			c, err := r.client()
			if err != nil {
				return err
			}
			begin, err := s.begin(time.Now())
			if err != nil {
				return err
			}
			started, _, err := c.Start(cmd.Context(), client.Start{Definition: args[0], Version: s.version, Key: s.key, Input: input, Begin: begin})
			if err != nil {
				return err
			}
			if s.wait != "" {
				if started, err = s.await(cmd.Context(), c, started.ID); err != nil {
					return err
				}
			}
			if err := show(cmd, r.format, started, func(w io.Writer) { writeTree(w, started) }); err != nil {
				return err
			}
			if s.wait == string(client.End) && started.Status != "completed" {
				if started.Stands() {
					_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "unwind: saga %s stands still and needs a person: unwind saga why %s\n", started.ID, started.ID)
					return silentError{exitStands}
				}
				return silentError{}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&s.input, "input", "", "the input, JSON; sent byte for byte")
	flags.StringVar(&s.file, "input-file", "", "the file that holds the input; - is standard input")
	flags.StringVar(&s.key, "key", "", "the idempotency key: the same key and input start only one saga")
	flags.StringVar(&s.version, "version", "", "the version to pin, such as r12; default the latest")
	flags.StringVar(&s.at, "at", "", "when its first steps begin, such as 2027-01-31T08:00:00Z; default at once")
	flags.DurationVar(&s.after, "in", 0, "the same, from now on")
	flags.StringVar(&s.wait, "wait", "", "pivot or end: return when the outcome is settled, or when the saga has ended or needs a person")
	flags.DurationVar(&s.timeout, "timeout", 5*time.Minute, "how long to wait at most")
	return cmd
}

// read finds the input and checks the flags.
func (s *starting) read(stdin io.Reader) (json.RawMessage, error) {
	if s.wait != "" && s.wait != string(client.End) && s.wait != string(client.Pivot) {
		return nil, usagef("--wait %q: write pivot or end", s.wait)
	}
	if s.input != "" && s.file != "" {
		return nil, usagef("give --input or --input-file, not both")
	}
	data, err := []byte(s.input), error(nil)
	switch s.file {
	case "":
	case "-":
		data, err = io.ReadAll(stdin)
	default:
		data, err = os.ReadFile(s.file)
	}
	if err != nil {
		return nil, fmt.Errorf("read the input: %w", err)
	}
	if len(data) == 0 {
		data = []byte("{}")
	}
	if !json.Valid(data) {
		return nil, usagef("the input is not JSON")
	}
	return data, nil
}

// begin is when the first steps begin; zero: at once.
func (s *starting) begin(now time.Time) (time.Time, error) {
	switch {
	case s.at != "" && s.after != 0:
		return time.Time{}, usagef("--at and --in say the same: keep one of them")
	case s.after != 0:
		return now.Add(s.after), nil
	case s.at == "":
		return time.Time{}, nil
	}
	begin, err := time.Parse(time.RFC3339, s.at)
	if err != nil {
		return time.Time{}, usagef("--at %q is no time: write one such as 2027-01-31T08:00:00Z", s.at)
	}
	return begin, nil
}

func (s *starting) await(ctx context.Context, c *client.Client, id string) (client.Saga, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	until := client.Until(s.wait)
	if until == client.End {
		until = client.Standstill
	}
	return c.Wait(ctx, id, until)
}

func listCommand(r *remote) *cobra.Command {
	var f client.Filter
	cmd := &cobra.Command{
		Use: "list", Short: "List sagas, the newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			page, err := c.List(cmd.Context(), f)
			if err != nil {
				return err
			}
			return show(cmd, r.format, page, func(w io.Writer) { writePage(w, page) })
		},
	}
	filterFlags(cmd.Flags(), &f)
	cmd.Flags().StringVar(&f.Parent, "parent", "", "only the children of this saga")
	cmd.Flags().StringVar(&f.Chain, "chain", "", "only the runs of the chain that this saga is the first of")
	cmd.Flags().IntVar(&f.Limit, "limit", 50, "the size of the page, 1 to 200")
	return cmd
}

// filterFlags are those that choose sagas.
func filterFlags(flags *pflag.FlagSet, f *client.Filter) {
	flags.StringVar(&f.Definition, "definition", "", "only sagas of this definition")
	flags.StringVar(&f.Status, "status", "", "running, compensating, completed, compensated or abandoned")
	flags.StringVar(&f.Key, "key", "", "only the sagas of this business key; order-* is every one that begins so")
	flags.StringVar(&f.Subject, "subject", "", "only the sagas that hold this one's data; c-* is every one that begins so")
	flags.StringArrayVar(&f.Attributes, "attribute", nil, "only sagas with this attribute, NAME=VALUE; a VALUE that ends with * is every text that begins so")
	flags.BoolVar(&f.Paused, "paused", false, "only sagas that are paused")
	flags.StringVar(&f.Waiting, "waiting", "", "only sagas that wait for this: approval, breaker, child, hold, lock, operator, reply, signal, timer or update")
	flags.BoolVar(&f.Attention, "attention", false, "only sagas that need attention which was not put off")
	flags.BoolVar(&f.Snoozed, "snoozed", false, "only sagas that need attention which was put off")
	flags.StringVar(&f.Assigned, "assigned", "", "only sagas that are looked after by user:NAME or group:NAME; group:* is every group")
	flags.StringVar(&f.Cursor, "cursor", "", "go on where the page before ended")
}

func writePage(w io.Writer, page client.Page) {
	t := table{head: []string{"ID", "DEFINITION", "KEY", "STATUS", "WAITING FOR", "CHANGED", "ATTENTION", "TITLE"}}
	for _, s := range page.Sagas {
		var attention []string
		for _, a := range s.Attention {
			attention = append(attention, a.Reason)
		}
		t.add(s.ID, s.Definition+" "+s.Version, s.Key, s.Status, strings.Join(s.WaitingFor, ","), stamp(s.ChangedAt), strings.Join(attention, ","), s.Title)
	}
	t.write(w)
	if page.Snoozed > 0 {
		_, _ = fmt.Fprintf(w, "and %d put off: --snoozed\n", page.Snoozed)
	}
	if page.Next != "" {
		_, _ = fmt.Fprintf(w, "more: --cursor %s\n", page.Next)
	}
}

func showCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a saga and its steps", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			found, err := c.Get(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return show(cmd, r.format, found, func(w io.Writer) { writeTree(w, found) })
		},
	}
}

func historyCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "history ID", Short: "Show what happened to a saga", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			all, err := wholeHistory(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			return show(cmd, r.format, all, func(w io.Writer) { writeTimeline(w, all) })
		},
	}
}
