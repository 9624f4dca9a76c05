package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/client"
)

// holdKinds are what can be held.
var holdKinds = []struct{ use, kind, what string }{
	{"participant NAME", "participant", "the commands to a participant, in both directions"},
	{"definition NAME", "definition", "the commands of a definition's sagas"},
	{"namespace", "namespace", "the commands of a namespace's sagas (--namespace)"},
}

func (p *program) holdCommand() *cobra.Command {
	var r remote
	cmd := group("hold", "Let commands wait until they are released", holdListCommand(&r))
	for _, k := range holdKinds {
		var reason string
		one := destructive(holdChangeCommand(&r, k.use, "Hold "+k.what, k.kind, func(cmd *cobra.Command, c *client.Client, t client.HoldTarget) (client.Hold, error) {
			return c.Hold(cmd.Context(), t, reason)
		}))
		one.Flags().StringVar(&reason, "reason", "", "why; shown with every saga that waits for it. Required")
		_ = one.MarkFlagRequired("reason") // the flag is there
		cmd.AddCommand(one)
	}
	r.flags(cmd)
	return cmd
}

func (p *program) releaseCommand() *cobra.Command {
	var r remote
	cmd := group("release", "Let held commands go, at a rate")
	for _, k := range holdKinds {
		var reason, rate string
		one := destructive(holdChangeCommand(&r, k.use, "Release "+k.what, k.kind, func(cmd *cobra.Command, c *client.Client, t client.HoldTarget) (client.Hold, error) {
			perSecond, err := parseRate(rate)
			if err != nil {
				return client.Hold{}, err
			}
			return c.Release(cmd.Context(), t, perSecond, reason)
		}))
		one.Flags().StringVar(&reason, "reason", "", "why; kept")
		one.Flags().StringVar(&rate, "rate", "", "how many of those held may leave, such as 20/s, in all processes together; default as after a breaker")
		cmd.AddCommand(one)
	}
	r.flags(cmd)
	return cmd
}

// parseRate reads 20/s; empty is 0.
func parseRate(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	rate, err := strconv.Atoi(strings.TrimSuffix(text, "/s"))
	if err != nil || rate < 1 {
		return 0, usagef("--rate %q: write how many a second, such as 20/s", text)
	}
	return rate, nil
}

func holdChangeCommand(r *remote, use, short, kind string, do func(*cobra.Command, *client.Client, client.HoldTarget) (client.Hold, error)) *cobra.Command {
	args := cobra.ExactArgs(1)
	if kind == "namespace" {
		args = cobra.NoArgs
	}
	return &cobra.Command{
		Use: use, Short: short, Args: args,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			changed, err := do(cmd, c, client.HoldTarget{Kind: kind, Name: strings.Join(args, "")})
			if err != nil {
				return err
			}
			return show(cmd, r.format, changed, func(w io.Writer) { _, _ = fmt.Fprintln(w, holdLine(changed)) })
		},
	}
}

// holdLine says in a sentence how something stands.
func holdLine(h client.Hold) string {
	line := h.Kind + " " + h.Name
	switch {
	case h.Held:
		line += " is held"
	case h.Rate > 0:
		line += fmt.Sprintf(" was released at %d/s", h.Rate)
	default:
		line += " was released"
	}
	line += " by " + h.Actor + " " + stamp(&h.At)
	if h.Reason != "" {
		line += ": " + h.Reason
	}
	return line
}

func holdListCommand(r *remote) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "list", Short: "List what is held", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			list, err := c.HoldList(cmd.Context(), all)
			if err != nil {
				return err
			}
			return show(cmd, r.format, list.Holds, func(w io.Writer) { writeHolds(w, list.Holds) })
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also what was released, with the last changes of each")
	return cmd
}

func writeHolds(w io.Writer, holds []client.Hold) {
	t := table{head: []string{"KIND", "NAME", "STATE", "SINCE", "BY", "REASON"}}
	for _, h := range holds {
		changes := h.Changes
		if len(changes) == 0 {
			changes = []client.HoldChange{{Held: h.Held, Rate: h.Rate, Reason: h.Reason, Actor: h.Actor, At: h.At}}
		}
		for _, c := range changes {
			state := "held"
			if !c.Held {
				state = "released"
			}
			if c.Rate > 0 {
				state += fmt.Sprintf(" at %d/s", c.Rate)
			}
			t.add(h.Kind, h.Name, state, stamp(&c.At), c.Actor, c.Reason)
		}
	}
	t.write(w)
}
