package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func queryCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "query ID NAME", Short: "Ask a saga that is a function for what it lets others see", Args: cobra.ExactArgs(2),
		Long: "Ask a saga that is a function for what it lets others see (code.Query), also when it has ended. It changes nothing.\nAsk a node that has the function; a name that it does not know answers with those that it has.",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			answer, err := c.Query(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			return show(cmd, r.format, answer, func(w io.Writer) {
				var pretty bytes.Buffer
				_ = json.Indent(&pretty, answer.Answer, "", "  ") // the server sent JSON
				_, _ = fmt.Fprintln(w, pretty.String())           // a Builder never fails
			})
		},
	}
}
