package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/client"
)

// breakerFlags are those of serve.
func breakerFlags(flags *pflag.FlagSet, c *breaker.Config) {
	flags.DurationVar(&c.Window, "breaker-window", 30*time.Second, "how far back outcomes are judged")
	flags.IntVar(&c.MinRequests, "breaker-min-requests", 20, "outcomes that the window must hold to be judged")
	flags.Float64Var(&c.Ratio, "breaker-ratio", 0.5, "the share of failures that opens a breaker")
	flags.IntVar(&c.Consecutive, "breaker-consecutive", 20, "failures in a row that open a breaker")
	flags.DurationVar(&c.OpenFor, "breaker-open-for", 10*time.Second, "how long an open breaker lets nobody pass")
	flags.IntVar(&c.Probes, "breaker-probes", 3, "commands let through half-open, all of which must succeed")
	flags.IntVar(&c.Ramp, "breaker-ramp", 20, "commands a second at first after a breaker has closed")
	flags.DurationVar(&c.RampDouble, "breaker-ramp-double", 5*time.Second, "how often that rate doubles")
	fromEnv(flags, "breaker-window", "breaker-min-requests", "breaker-ratio", "breaker-consecutive", "breaker-open-for", "breaker-probes", "breaker-ramp", "breaker-ramp-double")
}

func (p *program) breakerCommand() *cobra.Command {
	var r remote
	cmd := group("breaker", "See which participants are in trouble", breakerListCommand(&r), breakerShowCommand(&r))
	r.flags(cmd)
	return cmd
}

func breakerListCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the breakers of all participants", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			all, err := c.Breakers(cmd.Context())
			if err != nil {
				return err
			}
			return show(cmd, r.format, all.Breakers, func(w io.Writer) { writeBreakers(w, all.Breakers) })
		},
	}
}

func breakerShowCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "show PARTICIPANT", Short: "Show a participant's breakers, process by process", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			found, err := c.Breaker(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return show(cmd, r.format, found.Breakers, func(w io.Writer) {
				writeBreakers(w, found.Breakers)
				_, _ = fmt.Fprintln(w)
				writeNodes(w, found.Breakers)
			})
		},
	}
}

func writeBreakers(w io.Writer, list []client.Breaker) {
	t := table{head: []string{"PARTICIPANT", "DIRECTION", "STATE", "SINCE", "HELD", "OLDEST", "RATE", "FAILURES", "NODES"}}
	for _, b := range list {
		t.add(b.Participant, b.Direction, b.State, stamp(&b.Since), b.Held, stamp(b.OldestHeld), rate(b.Rate), share(b.Failures, b.Requests), len(b.Nodes))
	}
	t.write(w)
}

func writeNodes(w io.Writer, list []client.Breaker) {
	t := table{head: []string{"NODE", "DIRECTION", "STATE", "SINCE", "HELD", "OLDEST", "RATE", "FAILURES", "IN FLIGHT"}}
	for _, b := range list {
		for _, n := range b.Nodes {
			t.add(n.Node, b.Direction, n.State, stamp(&n.Since), n.Held, stamp(n.OldestHeld), rate(n.Rate), share(n.Failures, n.Requests), n.InFlight)
		}
	}
	t.write(w)
}

// rate is a limit for people; a dash for none.
func rate(limit int) string {
	if limit == 0 {
		return "-"
	}
	return fmt.Sprintf("%d/s", limit)
}

// share is how many of all, a dash of none.
func share(some, all int) string {
	if all == 0 {
		return "-"
	}
	return fmt.Sprintf("%d of %d", some, all)
}
