package main

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/internal/bench"
)

const benchAbout = `Measure the real path of a saga: a closed loop of sagas of three steps (flight,
hotel and a charge that may be refused; 200 bytes in and out), with a coordinator and participants
that do nothing as processes of their own. The same run measures what Postgres can do at most with
the same rows; compare the ratio to that limit, not the numbers, between machines.

It makes a schema and topics of its own and deletes them at the end. Without addresses it starts
servers of its own, which say little about real ones.`

func benchCommand() *cobra.Command {
	var c bench.Config
	var format string
	var protection brokerFlags
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure how fast sagas run", Long: benchAbout, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.Security = protection.security()
			return runBench(cmd, c, format)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&c.DatabaseURL, "database-url", "", "Postgres, such as postgres://user@host/db; default: an own server")
	flags.StringSliceVar(&c.Brokers, "kafka-brokers", nil, "Kafka's addresses, host:port,host:port; default: an own broker")
	flags.IntVar(&c.InFlight, "in-flight", 64, "sagas under way at any time")
	flags.DurationVar(&c.Duration, "duration", 20*time.Second, "how long is measured")
	flags.DurationVar(&c.Warmup, "warmup", 3*time.Second, "how long the load runs before that")
	flags.IntVar(&c.RejectPercent, "reject-percent", 0, "how many of 100 sagas are refused at the third step")
	flags.BoolVar(&c.Guard, "guard", false, "participants with a guard and an outbox in schemas of their own, as services have them")
	flags.BoolVar(&c.Local, "local", false, "steps in the coordinator's process, on Postgres alone: no Kafka and no participants; with --guard each in a transaction")
	flags.BoolVar(&c.Code, "code", false, "measure the saga as a Go function as well, in turn with the declared one")
	flags.StringVar(&c.Via, "via", bench.ViaDirect, "direct calls the coordinator in its process, rest speaks REST to it")
	flags.DurationVar(&c.LimitTime, "limit-duration", 5*time.Second, "how long the limit of Postgres is measured; negative: not at all")
	flags.StringVar(&c.CPUProfile, "cpuprofile", "", "write a CPU profile of the coordinator to this file")
	flags.StringVarP(&format, "output", "o", "table", "table or json")
	fromEnv(flags, "kafka-brokers")
	password(flags, "database-url")
	protection.register(flags)
	cmd.AddCommand(benchRole(bench.RoleCoordinator), benchRole(bench.RoleParticipants))
	return cmd
}

// benchRole is what bench starts this program again for.
func benchRole(role string) *cobra.Command {
	return &cobra.Command{
		Use: role, Short: "A process of unwind bench, which starts it by itself", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := newLogger(cmd.ErrOrStderr(), slog.LevelWarn)
			return bench.Serve(cmd.Context(), role, cmd.InOrStdin(), cmd.OutOrStdout(), log)
		},
	}
}

func runBench(cmd *cobra.Command, c bench.Config, format string) error {
	if format != "table" && format != "json" {
		return usagef("-o %q: write table or json", format)
	}
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program, to start it again: %w", err)
	}
	c.Program = []string{exe, cmd.Name()}
	c.Progress, c.Log = cmd.ErrOrStderr(), newLogger(cmd.ErrOrStderr(), slog.LevelWarn)
	if err := c.Validate(); err != nil {
		return usageError{err}
	}
	result, err := bench.Run(cmd.Context(), c)
	if err != nil {
		return err
	}
	if format == "json" {
		return result.JSON(cmd.OutOrStdout())
	}
	return result.Table(cmd.OutOrStdout())
}
