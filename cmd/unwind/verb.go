package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/client"
)

// verb is one thing that an operator asks of one saga.
type verb func(c *client.Client, ctx context.Context, id string, how client.Verb) (client.Saga, error)

// verbCommands are the commands that act on one saga.
func verbCommands(r *remote) []*cobra.Command {
	retry := verbCommand(r, "retry ID [STEP]", "Try again now what rests before its next attempt", (*client.Client).Retry)
	retry.Args = cobra.RangeArgs(1, 2)
	terminate := destructive(verbCommand(r, "terminate ID", "End a saga as it is: nothing is undone, and what is left alive is listed", (*client.Client).Terminate))
	terminate.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if !cmd.Flags().Changed("reason") {
			return usagef("terminate leaves effects alive: say why with --reason")
		}
		return nil
	}
	return []*cobra.Command{
		destructive(verbCommand(r, "cancel ID", "Turn a saga back, if its pivot was not sent", (*client.Client).Cancel)),
		verbCommand(r, "pause ID", "Let a saga send nothing until it is resumed", (*client.Client).Pause),
		verbCommand(r, "resume ID", "Let a paused saga go on", (*client.Client).Resume),
		retry, terminate,
	}
}

func verbCommand(r *remote, use, short string, do verb) *cobra.Command {
	var how client.Verb
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			if len(args) > 1 {
				how.Step = args[1]
			}
			after, err := do(c, cmd.Context(), args[0], how)
			if err != nil {
				return err
			}
			return show(cmd, r.format, after, func(w io.Writer) { writeTree(w, after) })
		},
	}
	cmd.Flags().StringVar(&how.Reason, "reason", "", "why; kept in the history")
	cmd.Flags().StringVar(&how.Key, "key", "", "an idempotency key")
	return cmd
}
