package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/client"
)

func whyCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "why ID", Short: "Say why a saga is where it is, and what would move it on", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			why, err := c.Why(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return show(cmd, r.format, why, func(w io.Writer) { writeWhy(w, why) })
		},
	}
}

// writeWhy writes each reason, and below it what would move the saga on.
func writeWhy(w io.Writer, why client.Reasons) {
	for _, reason := range why.Reasons {
		_, _ = fmt.Fprintln(w, reason.Why)
		if reason.Moves != "" {
			_, _ = fmt.Fprintln(w, "  → "+reason.Moves)
		}
	}
}
