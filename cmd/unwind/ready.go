package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

// readyTime bounds the question, so that a probe ends by itself.
const readyTime = 5 * time.Second

// readyCommand is for probes in images that have no shell.
func readyCommand() *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use: "ready", Short: "Ask a coordinator whether sagas can be started there; exit code 1 if not", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), readyTime)
			defer cancel()
			if err := c.Ready(ctx); err != nil {
				return err
			}
			saidf(cmd, "ready")
			return nil
		},
	}
	r.flags(cmd)
	return cmd
}
