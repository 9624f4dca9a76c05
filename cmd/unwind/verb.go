package main

import (
	"context"
	"encoding/json"
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
	skip := explained(verbCommand(r, "skip ID STEP", "Let a step be over without its command, or keep its effect if it is being undone", (*client.Client).Skip))
	skip.Args = cobra.ExactArgs(2)
	annotate := verbCommand(r, "annotate ID", "Write a sentence into a saga's history, also when it has ended", (*client.Client).Annotate)
	_ = annotate.MarkFlagRequired("reason") // the flag is there
	terminate := verbCommand(r, "terminate ID", "End a saga as it is: nothing is undone, and what is left alive is listed", (*client.Client).Terminate)
	return []*cobra.Command{
		destructive(verbCommand(r, "cancel ID", "Turn a saga back, if its pivot was not sent", (*client.Client).Cancel)),
		verbCommand(r, "pause ID", "Let a saga send nothing until it is resumed", (*client.Client).Pause),
		verbCommand(r, "resume ID", "Let a paused saga go on", (*client.Client).Resume),
		annotate, restartCommand(r), retry, destructive(skip), destructive(resolveCommand(r)), destructive(editCommand(r)), destructive(resetCommand(r)), destructive(explained(terminate)),
	}
}

func restartCommand(r *remote) *cobra.Command {
	cmd := verbCommand(r, "restart ID", "Start a new saga with the input of one that has ended", (*client.Client).Restart)
	_ = cmd.Flags().MarkHidden("reason") // the new saga has a history of its own
	return cmd
}

func resolveCommand(r *remote) *cobra.Command {
	var output string
	resolve := func(c *client.Client, ctx context.Context, id string, how client.Verb) (client.Saga, error) {
		if !json.Valid([]byte(output)) {
			return client.Saga{}, usagef("--output is not JSON")
		}
		how.Output = json.RawMessage(output)
		return c.Resolve(ctx, id, how)
	}
	cmd := explained(verbCommand(r, "resolve ID STEP", "Let a step be done with a given output, when its participant cannot say so", resolve))
	cmd.Args = cobra.ExactArgs(2)
	cmd.Flags().StringVar(&output, "output", "{}", "the step's output, JSON")
	return cmd
}

func editCommand(r *remote) *cobra.Command {
	var input string
	edit := func(c *client.Client, ctx context.Context, id string, how client.Verb) (client.Saga, error) {
		if !json.Valid([]byte(input)) {
			return client.Saga{}, usagef("--input is not JSON")
		}
		how.Input = json.RawMessage(input)
		return c.Edit(ctx, id, how)
	}
	cmd := explained(verbCommand(r, "edit ID STEP", "Give a step another input and send it anew; also a compensation that keeps failing", edit))
	cmd.Args = cobra.ExactArgs(2)
	cmd.Flags().StringVar(&input, "input", "", "what the step is sent with from now on, JSON. Required")
	_ = cmd.MarkFlagRequired("input") // the flag is there
	return cmd
}

func resetCommand(r *remote) *cobra.Command {
	cmd := explained(verbCommand(r, "reset ID STEP", "Undo a step and what comes after it, then let them begin anew", (*client.Client).Reset))
	cmd.Args = cobra.ExactArgs(2)
	return cmd
}

// explained wants a reason: what the command does can not be seen from the saga.
func explained(cmd *cobra.Command) *cobra.Command {
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if !cmd.Flags().Changed("reason") {
			return usagef("%s may leave an effect that no saga knows of: say why with --reason", cmd.Name())
		}
		return nil
	}
	return cmd
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
