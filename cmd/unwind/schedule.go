package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/saga/definition"
)

func (p *program) scheduleCommand() *cobra.Command {
	var r remote
	cmd := group("schedule", "Start sagas by the clock",
		scheduleApplyCommand(&r), scheduleCreateCommand(&r), scheduleListCommand(&r), scheduleShowCommand(&r),
		scheduleChangeCommand(&r, "pause NAME", "Let a schedule start nothing until it is resumed", (*client.Client).PauseSchedule),
		scheduleChangeCommand(&r, "resume NAME", "Let a paused schedule start sagas from now on", (*client.Client).ResumeSchedule),
		scheduleChangeCommand(&r, "trigger NAME", "Start a saga of a schedule now, whatever its policies say", triggered),
		destructive(scheduleChangeCommand(&r, "delete NAME", "End a schedule; sagas that it has started go on", (*client.Client).DeleteSchedule)))
	r.flags(cmd)
	return cmd
}

func scheduleApplyCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "apply FILE…", Short: "Store schedules of files, YAML or JSON", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			applied := []client.Schedule{}
			for _, path := range args {
				data, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				one, err := applySchedule(cmd, r, path, data)
				if err != nil {
					return err
				}
				applied = append(applied, one)
			}
			return show(cmd, r.format, applied, scheduleTable(applied).write)
		},
	}
}

// applySchedule checks a schedule here, which knows its lines, and sends it.
func applySchedule(cmd *cobra.Command, r *remote, path string, data []byte) (client.Schedule, error) {
	if _, err := definition.LoadSchedule(path, data); err != nil {
		saidf(cmd, "%s", err)
		return client.Schedule{}, silentError{}
	}
	c, err := r.client()
	if err != nil {
		return client.Schedule{}, err
	}
	return c.ApplySchedule(cmd.Context(), path, data)
}

func scheduleCreateCommand(r *remote) *cobra.Command {
	var s definition.Schedule
	var input string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Store a schedule without a file", Args: cobra.ExactArgs(1),
		Example: "  unwind schedule create nightlyReport --definition report --cron '30 2 * * *' --zone Europe/Berlin --input '{\"day\": \"${fire.date}\"}'",
		RunE: func(cmd *cobra.Command, args []string) error {
			s.Unwind, s.Schedule, s.Input = definition.Version1, args[0], []byte(input)
			data, err := s.Canonical()
			if err != nil {
				return usagef("the input is not JSON: %w", err)
			}
			one, err := applySchedule(cmd, r, "", data)
			if err != nil {
				return err
			}
			return show(cmd, r.format, one, func(w io.Writer) { writeSchedule(w, one) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&s.Saga, "definition", "", "the definition whose sagas are started. Required")
	flags.StringVar(&s.Version, "version", "", "the version to pin, such as r12; default the latest of each time")
	flags.StringVar(&s.Cron, "cron", "", "minute, hour, day, month, weekday, or a name such as @daily. Required")
	flags.StringVar(&s.Zone, "zone", "", "the time zone, such as Europe/Berlin; default UTC")
	flags.StringVar(&s.Overlap, "overlap", "", "while a saga of before is under way: skip, allow, queue or replace; default skip")
	flags.StringVar(&s.CatchUp, "catch-up", "", "of the times that nobody was there for: none, last or all; default last")
	flags.IntVar(&s.AtMost, "at-most", 0, "how many times --catch-up all catches up on, at most 100, which is the default")
	flags.StringVar(&input, "input", "{}", "the sagas' input, JSON; ${fire.at} and ${fire.date} are replaced")
	_, _ = cmd.MarkFlagRequired("definition"), cmd.MarkFlagRequired("cron") // the flags are there
	return cmd
}

func scheduleListCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List schedules by name", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			all := []client.Schedule{}
			for after := ""; ; {
				page, err := c.Schedules(cmd.Context(), after)
				if err != nil {
					return err
				}
				all = append(all, page.Schedules...)
				if after = page.Next; after == "" {
					break
				}
			}
			return show(cmd, r.format, all, scheduleTable(all).write)
		},
	}
}

func scheduleTable(all []client.Schedule) *table {
	t := &table{head: []string{"NAME", "STARTS", "CRON", "ZONE", "OVERLAP", "CATCH UP", "NEXT"}}
	for _, s := range all {
		next := stamp(s.NextAt)
		if s.Paused {
			next = "paused"
		}
		t.add(s.Name, s.Definition, s.Cron, zoneOf(s), s.Overlap, s.CatchUp, next)
	}
	return t
}

func zoneOf(s client.Schedule) string {
	if s.Zone == "" {
		return "UTC"
	}
	return s.Zone
}

func scheduleShowCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show a schedule, its next times and its last sagas", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			found, err := c.Schedule(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return show(cmd, r.format, found, func(w io.Writer) { writeSchedule(w, found) })
		},
	}
}

func scheduleChangeCommand(r *remote, use, short string, do func(*client.Client, context.Context, string, string) (client.Schedule, error)) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			changed, err := do(c, cmd.Context(), args[0], reason)
			if err != nil {
				return err
			}
			return show(cmd, r.format, changed, func(w io.Writer) { writeSchedule(w, changed) })
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; kept with the schedule")
	return cmd
}

// triggerPatience is how long trigger stays to hear which saga it has started.
const triggerPatience = 10 * time.Second

// triggered triggers a schedule and stays until its saga is started or refused.
func triggered(c *client.Client, ctx context.Context, name, reason string) (client.Schedule, error) { //nolint:revive // the order of a method's expression
	s, err := c.TriggerSchedule(ctx, name, reason)
	if err != nil || len(s.Fires) == 0 {
		return s, err
	}
	at := s.Fires[0].At
	for end := time.Now().Add(triggerPatience); time.Now().Before(end) && waits(s.Fires, at); {
		if err = pause(ctx, 200*time.Millisecond); err == nil {
			s, err = c.Schedule(ctx, name)
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

func waits(fires []client.Fire, at time.Time) bool {
	for _, f := range fires {
		if f.At.Equal(at) {
			return f.Outcome == "due"
		}
	}
	return false
}

func writeSchedule(w io.Writer, s client.Schedule) {
	version := s.Version
	if version == "" {
		version = "(the latest)"
	}
	_, _ = fmt.Fprintf(w, "%s  starts %s %s at %q in %s\n", s.Name, s.Definition, version, s.Cron, zoneOf(s))
	bound := ""
	if s.AtMost > 0 {
		bound = " (at most " + strconv.Itoa(s.AtMost) + ")"
	}
	_, _ = fmt.Fprintf(w, "overlap %s, catch up %s%s, input %s\n", s.Overlap, s.CatchUp, bound, s.Input)
	if s.Paused {
		_, _ = fmt.Fprintf(w, "paused: %s\n", s.PauseReason)
	}
	writeTimes(w, s)
	fires := table{head: []string{"TIME", "OUTCOME", "SAGA", "BY", "DETAIL"}}
	for _, f := range s.Fires {
		fires.add(stamp(&f.At), f.Outcome, f.Saga, f.Actor, f.Detail)
	}
	fires.write(w)
	changes := table{head: []string{"CHANGED", "WHAT", "BY", "DETAIL"}}
	for _, c := range s.Changes {
		changes.add(stamp(&c.At), c.Change, c.Actor, c.Detail)
	}
	changes.write(w)
}

// writeTimes shows the next times, in the schedule's zone too if this machine knows it.
func writeTimes(w io.Writer, s client.Schedule) {
	zone, err := time.LoadLocation(s.Zone)
	for _, at := range s.Times {
		local := ""
		if err == nil && s.Zone != "" {
			local = "  " + at.In(zone).Format("Mon 2006-01-02 15:04 MST")
		}
		_, _ = fmt.Fprintf(w, "  next %s%s\n", stamp(&at), local)
	}
}
