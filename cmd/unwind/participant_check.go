package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/sagatest/contract"
)

// checked is what participant check was asked for.
type checked struct {
	s                                              stores
	format, input, refused, undo, offer, namespace string
	timeout                                        time.Duration
}

func participantCheckCommand() *cobra.Command {
	var c checked
	cmd := &cobra.Command{
		Use: "check PARTICIPANT/COMMAND", Short: "Hold a participant that runs, in any language, to the wire contract", Args: cobra.ExactArgs(1),
		Long: "Hold a participant that runs, in any language, to the wire contract: send it the commands that a coordinator may send,\n" +
			"over Kafka, and judge its replies. Duplicates, undo before do, older epochs, refusals, items of a list, and what cannot be read.\n" +
			"It really does what it is asked, for sagas that do not exist; answers go to a topic of their own.\n" +
			"The exit code is 1 if a rule is broken; each finding names its rule in docs/wire-contract.md.",
		Example: "  unwind participant check payments/charge --undo refund --input '{\"card\": \"gold\", \"cents\": 100}' --refused '{\"card\": \"empty\", \"cents\": 100}'",
		RunE: func(cmd *cobra.Command, args []string) error {
			results, err := c.run(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			err = show(cmd, c.format, results, func(w io.Writer) { writeChecked(w, results) })
			if err == nil && len(contract.Broken(results)) > 0 {
				err = silentError{}
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&c.input, "input", "{}", "an input that succeeds, JSON; @FILE reads it from a file")
	flags.StringVar(&c.refused, "refused", "", "an input that is rejected, JSON or @FILE; without it refusals are not looked at")
	flags.StringVar(&c.undo, "undo", "", "the command's compensation; default what --contract says; without one nothing is undone")
	flags.StringVar(&c.offer, "contract", "", "the participant's contract: inputs are held to it, and it knows the compensation")
	flags.StringVar(&c.namespace, "in", "default", "the namespace that stands in the commands")
	flags.DurationVar(&c.timeout, "timeout", 10*time.Second, "how long one answer is waited for")
	formatFlag(cmd, &c.format)
	c.s.kafka(flags)
	return cmd
}

func (c *checked) run(ctx context.Context, what string) ([]contract.Result, error) {
	cfg := contract.Config{Undo: c.undo, Namespace: c.namespace, Prefix: c.s.prefix, Timeout: c.timeout}
	var err error
	if cfg.Participant, cfg.Command, err = addressed(what, &c.s, c.timeout); err != nil {
		return nil, err
	}
	if cfg.Input, err = payloadOf(c.input); err == nil && c.refused != "" {
		cfg.Refused, err = payloadOf(c.refused)
	}
	if err == nil && c.offer != "" {
		err = c.held(&cfg)
	}
	if err != nil {
		return nil, err
	}
	return contract.Over(ctx, kafka.Config{Brokers: c.s.brokers, Security: c.s.protection.security()}, cfg)
}

// held holds the inputs to the contract, which knows the compensation.
func (c *checked) held(cfg *contract.Config) error {
	offers, err := offered(c.offer, cfg.Participant, cfg.Command, cfg.Input)
	if err == nil && cfg.Refused != nil {
		_, err = offered(c.offer, cfg.Participant, cfg.Command, cfg.Refused)
	}
	if err == nil && cfg.Undo == "" {
		cfg.Undo = offers.Commands[cfg.Command].Compensation
	}
	return err
}

func writeChecked(w io.Writer, results []contract.Result) {
	broken := 0
	for _, r := range results {
		switch {
		case r.Skipped != "":
			_, _ = fmt.Fprintf(w, "skip  %s\n      %s\n", r.Rule, r.Skipped)
		case len(r.Findings) == 0:
			_, _ = fmt.Fprintf(w, "ok    %s\n", r.Rule)
		default:
			broken++
			_, _ = fmt.Fprintf(w, "FAIL  %s\n      the rule: %s\n", r.Rule, r.Says)
		}
		for _, f := range r.Findings {
			_, _ = fmt.Fprintf(w, "      %s: want %s, got %s\n", f.What, f.Want, harmless(f.Got))
		}
	}
	_, _ = fmt.Fprintf(w, "%d rules, %d broken\n", len(results), broken)
}
