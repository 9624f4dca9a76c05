package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/client"
)

func updateCommand(r *remote) *cobra.Command {
	var how client.Verb
	var input string
	cmd := &cobra.Command{
		Use: "update ID NAME", Short: "Ask a saga that is a function to take an update, and show its answer", Args: cobra.ExactArgs(2),
		Long: "Ask a saga that is a function to take an update (code.Update), and show its answer once it is committed. The function may refuse it, which changes nothing.\nAsk a node that has the function; a name that it does not know answers with those that it has. The same --key again gets the same answer.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if !json.Valid([]byte(input)) {
				return usagef("--input is not JSON")
			}
			how.Input = json.RawMessage(input)
			c, err := r.client()
			if err != nil {
				return err
			}
			done, err := c.Update(cmd.Context(), args[0], args[1], how)
			if err != nil {
				return err
			}
			err = show(cmd, r.format, done, func(w io.Writer) {
				if done.Error != "" {
					return // which is told as an error
				}
				var pretty bytes.Buffer
				_ = json.Indent(&pretty, done.Output, "", "  ") // the server sent JSON
				_, _ = fmt.Fprintln(w, pretty.String())         // a Builder never fails
			})
			if err == nil && done.Error != "" {
				err = fmt.Errorf("the saga has taken update %s as event %d and answers: %s", done.Update, done.Seq, done.Error)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&input, "input", "null", "what the function is to take, JSON")
	cmd.Flags().StringVar(&how.Reason, "reason", "", "why; kept in the history")
	cmd.Flags().StringVar(&how.Key, "key", "", "the update's id: the same again gets the same answer; default a new one")
	return cmd
}
