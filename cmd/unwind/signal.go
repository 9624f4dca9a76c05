package main

import (
	"context"
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/client"
)

// waitCommands are the commands that end the wait of a step.
func waitCommands(r *remote) []*cobra.Command {
	approve := verbCommand(r, "approve ID STEP", "Give an approval", (*client.Client).Approve)
	refuse := verbCommand(r, "refuse ID STEP", "Refuse an approval: the saga turns back", (*client.Client).Refuse)
	for _, cmd := range []*cobra.Command{approve, refuse} {
		cmd.Args = cobra.ExactArgs(2)
	}
	return []*cobra.Command{signalCommand(r), approve, destructive(refuse)}
}

func signalCommand(r *remote) *cobra.Command {
	var payload string
	signal := func(c *client.Client, ctx context.Context, id string, how client.Verb) (client.Saga, error) {
		if payload != "" && !json.Valid([]byte(payload)) {
			return client.Saga{}, usagef("--payload is not JSON")
		}
		how.Signal, how.Step, how.Payload = how.Step, "", json.RawMessage(payload)
		return c.Signal(ctx, id, how)
	}
	cmd := verbCommand(r, "signal ID SIGNAL", "Hand a signal to the step that awaits it, or will", signal)
	cmd.Args = cobra.ExactArgs(2)
	cmd.Flags().StringVar(&payload, "payload", "", "what the signal says, JSON")
	return cmd
}
