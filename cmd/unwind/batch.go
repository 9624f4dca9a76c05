package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/client"
)

func (p *program) batchCommand() *cobra.Command {
	var r remote
	cmd := group("batch", "Ask many sagas for the same, on the server",
		batchCreateCommand(&r), batchListCommand(&r), batchShowCommand(&r),
		batchChangeCommand(&r, "run ID", "Let a batch ask its sagas, also one that was paused", (*client.Client).RunBatch),
		batchChangeCommand(&r, "approve ID", "Let a large batch run that somebody else has made", (*client.Client).ApproveBatch),
		batchChangeCommand(&r, "pause ID", "Let a batch ask nobody until it is run again", (*client.Client).PauseBatch),
		batchChangeCommand(&r, "stop ID", "End a batch: what is left is not asked", (*client.Client).StopBatch))
	cmd.Long = "Ask many sagas for the same, on the server.\n" +
		"create freezes which ones and shows them; run asks them, at a rate, and goes on when a coordinator dies."
	r.flags(cmd)
	return cmd
}

func batchCreateCommand(r *remote) *cobra.Command {
	var b client.BatchRequest
	var more batchParameters
	cmd := &cobra.Command{
		Use: "create VERB", Short: "Freeze which sagas a verb is for, and show them; nothing is asked yet", Args: cobra.ExactArgs(1),
		Long: "Freeze which sagas a verb is for, and show them. VERB is one of those of unwind saga: cancel, pause, resume, retry, skip, resolve,\n" +
			"edit, reset, signal, approve, refuse, assign, acknowledge, snooze, describe, annotate, restart or terminate.",
		Example: "  unwind batch create retry --definition bookTrip --attention --reason 'the hotel is back'\n" +
			"  unwind batch run 7 --watch",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			b.Verb = args[0]
			if err := more.read(&b); err != nil {
				return err
			}
			made, err := c.CreateBatch(cmd.Context(), b)
			if err != nil {
				return err
			}
			return show(cmd, r.format, made, func(w io.Writer) { writeBatch(w, made) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&b.Step, "step", "", "the step that it is about")
	more.flags(flags, &b)
	flags.StringVar(&b.Reason, "reason", "", "why; kept in each history. Required")
	flags.IntVar(&b.Rate, "rate", 50, "how many sagas are asked a second, 1 to 1000")
	flags.StringVar(&b.Filter.Definition, "definition", "", "only sagas of this definition")
	flags.StringVar(&b.Filter.Status, "status", "", "running, compensating, completed, compensated or abandoned")
	flags.BoolVar(&b.Filter.Paused, "paused", false, "only sagas that are paused")
	flags.StringVar(&b.Filter.Waiting, "waiting", "", "only sagas that wait for this: approval, breaker (or a hold), child, lock, operator, reply, signal, timer or update")
	flags.BoolVar(&b.Filter.Attention, "attention", false, "only sagas that need attention")
	flags.StringVar(&b.Filter.Key, "key", "", "only the sagas of this business key; order-* is every one that begins so")
	flags.StringVar(&b.Filter.Subject, "subject", "", "only the sagas that hold this one's data; c-* is every one that begins so")
	flags.StringArrayVar(&b.Filter.Attributes, "attribute", nil, "only sagas with this attribute, NAME=VALUE; a VALUE that ends with * is every text that begins so")
	_ = cmd.MarkFlagRequired("reason") // the flag is there
	return cmd
}

func batchListCommand(r *remote) *cobra.Command {
	var before int64
	cmd := &cobra.Command{
		Use: "list", Short: "List batches, the newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			page, err := c.Batches(cmd.Context(), before)
			if err != nil {
				return err
			}
			t := table{head: []string{"ID", "VERB", "STATE", "SAGAS", "DONE", "UNCHANGED", "REFUSED", "MADE", "BY", "REASON"}}
			for _, b := range page.Batches {
				t.add(b.ID, b.Verb, b.State, b.Total, b.Done, b.Unchanged, b.Refused, stamp(&b.CreatedAt), b.Actor, b.Reason)
			}
			return show(cmd, r.format, page, t.write)
		},
	}
	cmd.Flags().Int64Var(&before, "before", 0, "go on where the page before ended")
	return cmd
}

func batchShowCommand(r *remote) *cobra.Command {
	var outcome string
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show a batch, and with --outcome the sagas that have fared so", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, id, err := r.batch(args[0])
			if err != nil {
				return err
			}
			if outcome != "" {
				return showItems(cmd, r, c, id, outcome)
			}
			b, err := c.Batch(cmd.Context(), id)
			if err != nil {
				return err
			}
			return show(cmd, r.format, b, func(w io.Writer) { writeBatch(w, b) })
		},
	}
	cmd.Flags().StringVar(&outcome, "outcome", "", "done, unchanged or refused: list these sagas")
	return cmd
}

// batch returns the client and the id that an argument names.
func (r *remote) batch(arg string) (*client.Client, int64, error) {
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || id < 1 {
		return nil, 0, usagef("%q is not the number of a batch; see unwind batch list", arg)
	}
	c, err := r.client()
	return c, id, err
}

func showItems(cmd *cobra.Command, r *remote, c *client.Client, id int64, outcome string) error {
	all := []client.BatchSaga{}
	for after := ""; ; {
		page, err := c.BatchSagas(cmd.Context(), id, after, outcome)
		if err != nil {
			return err
		}
		all = append(all, page.Sagas...)
		if after = page.Next; after == "" {
			break
		}
	}
	t := table{head: []string{"SAGA", "OUTCOME", "DETAIL"}}
	for _, s := range all {
		t.add(s.Saga, s.Outcome, s.Detail)
	}
	return show(cmd, r.format, all, t.write)
}

func batchChangeCommand(r *remote, use, short string, do func(*client.Client, context.Context, int64) (client.Batch, error)) *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, id, err := r.batch(args[0])
			if err != nil {
				return err
			}
			b, err := do(c, cmd.Context(), id)
			for err == nil && watch && b.State == "running" {
				_, _ = fmt.Fprintln(cmd.ErrOrStderr(), progress(b))
				if err = pause(cmd.Context(), time.Second); err == nil {
					b, err = c.Batch(cmd.Context(), id)
				}
			}
			if err != nil {
				return err
			}
			return show(cmd, r.format, b, func(w io.Writer) { writeBatch(w, b) })
		},
	}
	if strings.HasPrefix(use, "run") {
		cmd.Flags().BoolVar(&watch, "watch", false, "stay until it is done, and say how far it is")
		return destructive(cmd)
	}
	return cmd
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func progress(b client.Batch) string {
	return fmt.Sprintf("%d of %d asked: %d done, %d unchanged, %d refused", b.Done+b.Unchanged+b.Refused, b.Total, b.Done, b.Unchanged, b.Refused)
}

func writeBatch(w io.Writer, b client.Batch) {
	_, _ = fmt.Fprintf(w, "batch %d  %s %s %s\n", b.ID, b.State, strings.TrimSpace(b.Verb+" "+b.Step), b.Filter)
	_, _ = fmt.Fprintf(w, "made %s by %s: %s\n", stamp(&b.CreatedAt), b.Actor, b.Reason)
	_, _ = fmt.Fprintln(w, progress(b))
	switch {
	case b.ApprovedBy != "":
		_, _ = fmt.Fprintf(w, "approved %s by %s\n", stamp(b.ApprovedAt), b.ApprovedBy)
	case b.NeedsApproval:
		_, _ = fmt.Fprintf(w, "somebody else than %s has to approve it: unwind batch approve %d\n", b.Actor, b.ID)
	}
	if b.State == "frozen" {
		for _, id := range b.Sagas {
			_, _ = fmt.Fprintln(w, "  "+id)
		}
		if b.Total > len(b.Sagas) {
			_, _ = fmt.Fprintf(w, "  … and %d more\n", b.Total-len(b.Sagas))
		}
		_, _ = fmt.Fprintf(w, "nothing was asked yet: unwind batch run %d\n", b.ID)
	}
}
