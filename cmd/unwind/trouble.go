package main

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/client"
)

// troubleCommands say who looks after a saga, and what can wait.
func troubleCommands(r *remote) []*cobra.Command {
	return []*cobra.Command{assignCommand(r), acknowledgeCommand(r), snoozeCommand(r), describeCommand(r)}
}

func assignCommand(r *remote) *cobra.Command {
	assign := func(c *client.Client, ctx context.Context, id string, how client.Verb) (client.Saga, error) {
		if how.To, how.Step = how.Step, ""; how.To == "nobody" {
			how.To = ""
		}
		return c.Assign(ctx, id, how)
	}
	cmd := verbCommand(r, "assign ID WHO", "Say who looks after what a saga needs attention for: user:NAME, group:NAME or nobody", assign)
	cmd.Args = cobra.ExactArgs(2)
	return cmd
}

// ofAttention adds the flags that choose reasons for attention.
func ofAttention(cmd *cobra.Command, how *client.Verb) *cobra.Command {
	cmd.Flags().StringVar(&how.Attention, "attention", "", "only this reason for attention, such as compensation-failed; default every one")
	cmd.Flags().StringVar(&how.Step, "step", "", "only that of this step")
	return cmd
}

func acknowledgeCommand(r *remote) *cobra.Command {
	var which client.Verb
	acknowledge := func(c *client.Client, ctx context.Context, id string, how client.Verb) (client.Saga, error) {
		how.Attention, how.Step = which.Attention, which.Step
		return c.Acknowledge(ctx, id, how)
	}
	return ofAttention(verbCommand(r, "acknowledge ID", "Say that what a saga needs attention for is known", acknowledge), &which)
}

func snoozeCommand(r *remote) *cobra.Command {
	var which client.Verb
	var until string
	var wait time.Duration
	snooze := func(c *client.Client, ctx context.Context, id string, how client.Verb) (client.Saga, error) {
		at, err := moment(until, wait)
		if err != nil {
			return client.Saga{}, err
		}
		how.Attention, how.Step, how.Until = which.Attention, which.Step, &at
		return c.Snooze(ctx, id, how)
	}
	cmd := ofAttention(verbCommand(r, "snooze ID", "Put off what a saga needs attention for; it comes back by itself", snooze), &which)
	cmd.Flags().StringVar(&until, "until", "", "when it comes back, at most 90 days ahead")
	cmd.Flags().DurationVar(&wait, "for", 0, "for how long, such as 4h")
	return cmd
}

func describeCommand(r *remote) *cobra.Command {
	var values map[string]json.RawMessage
	describe := func(c *client.Client, ctx context.Context, id string, how client.Verb) (client.Saga, error) {
		how.Step, how.Attributes = "", values
		return c.Describe(ctx, id, how)
	}
	cmd := verbCommand(r, "describe ID NAME=VALUE...", "Set attributes that a saga is found by, also when it has ended; null takes one away", describe)
	cmd.Args = cobra.MinimumNArgs(2)
	cmd.PreRunE = func(_ *cobra.Command, args []string) (err error) {
		values, err = attributesOf(args[1:])
		return err
	}
	return cmd
}

// attributesOf reads NAME=VALUE: what is no JSON is a text.
func attributesOf(words []string) (map[string]json.RawMessage, error) {
	values := map[string]json.RawMessage{}
	for _, word := range words {
		name, text, ok := strings.Cut(word, "=")
		if !ok {
			return nil, usagef("%q is not NAME=VALUE", word)
		}
		value := json.RawMessage(text)
		if !json.Valid(value) {
			var err error
			if value, err = json.Marshal(text); err != nil {
				return nil, err
			}
		}
		values[name] = value
	}
	return values, nil
}
