package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/examples/travel"
	"github.com/unwindhq/unwind/internal/dev"
	"github.com/unwindhq/unwind/internal/embedded"
)

// demoTime bounds a demo; the first download of Postgres comes on top.
const demoTime = 2 * time.Minute

const aboutDemo = `Run the travel example: twenty trips, each a flight, a hotel and a charge with three
participants that are programs of their own. Most trips complete. Some are refused,
most of them at the third step, and what was done before is undone in reverse. In the
middle of it the hotels' program is killed (kill -9) and started again.

At the end the participants' own tables are compared with how each saga ended.
Exit code 0: all is as it must be. With -o json the last line is a summary, and the
show goes to standard error.`

// demo is one run of the demo.
type demo struct {
	world  dev.WorldConfig
	format string
	out    io.Writer // the show
	result io.Writer // the summary, with -o json
	self   string    // this binary
	begun  time.Time
}

func demoCommand() *cobra.Command {
	d := &demo{}
	cmd := &cobra.Command{
		Use: "demo", Short: "Run twenty sagas, kill a participant, check the outcome", Long: aboutDemo, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return d.command(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&d.world.Dir, "dir", filepath.Join(embedded.DefaultDir, "demo"), "the folder of the demo's state, emptied at its start")
	flags.StringVar(&d.world.DatabaseURL, "database-url", "", "use this Postgres instead of an own one")
	flags.StringSliceVar(&d.world.Brokers, "kafka-brokers", nil, "use this Kafka instead of an own one")
	formatFlag(cmd, &d.format)
	fromEnv(flags, "kafka-brokers")
	password(flags, "database-url")
	cmd.AddCommand(demoParticipantCommand())
	return cmd
}

// command runs the demo and reports.
func (d *demo) command(cmd *cobra.Command) error {
	d.out, d.result = cmd.OutOrStdout(), cmd.OutOrStdout()
	switch d.format {
	case "table":
		d.result = io.Discard
	case "json":
		d.out = cmd.ErrOrStderr()
	default:
		return usagef("-o %q: write table or json", d.format)
	}
	var err error
	if d.self, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program, to start the participants: %w", err)
	}
	d.begun = time.Now()
	sum, err := d.run(cmd.Context())
	sum.Seconds = float64(time.Since(d.begun).Milliseconds()) / 1000
	if err != nil {
		sum.OK, sum.Faults = false, append(sum.Faults, err.Error())
	}
	data, encodeErr := json.Marshal(sum)
	if encodeErr != nil {
		return encodeErr
	}
	_, _ = fmt.Fprintf(d.result, "%s\n", data)
	switch {
	case err != nil:
		return err
	case !sum.OK:
		return silentError{}
	}
	return nil
}

// summary is what -o json prints.
type summary struct {
	Sagas       int      `json:"sagas"`
	Completed   int      `json:"completed"`
	Compensated int      `json:"compensated"`
	Hit         int      `json:"hit"`     // sagas that waited for the killed participant
	Checked     bool     `json:"checked"` // the participants' tables were compared
	Seconds     float64  `json:"seconds"`
	OK          bool     `json:"ok"`
	Faults      []string `json:"faults,omitempty"`
}

// run has the whole demo: the world, the participants, the trips, the audit.
func (d *demo) run(ctx context.Context) (sum summary, err error) {
	_, _ = fmt.Fprintf(d.out, "unwind demo: 20 trips, each a saga over flights, hotels and payments\n")
	if err := d.reset(); err != nil {
		return sum, err
	}
	d.world.NoSync, d.world.Progress = true, d.out
	world, err := dev.Open(ctx, d.world)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	if err := world.CreateTopics(ctx, travel.Participants()...); err != nil {
		return sum, err
	}
	playing, stop := context.WithTimeoutCause(ctx, demoTime, fmt.Errorf("the demo is not over after %v", demoTime))
	defer stop()
	group, playing := errgroup.WithContext(playing)
	group.Go(func() error { return world.Run(playing) })
	group.Go(func() error {
		defer stop() // the show is over: the coordinator may go home
		var playErr error
		sum, playErr = d.play(playing, world)
		return playErr
	})
	if err := group.Wait(); err != nil {
		return sum, ended(ctx, playing, err)
	}
	return sum, nil
}

// ended says why a demo ended early.
func ended(ctx, playing context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if cause := context.Cause(playing); errors.Is(err, context.DeadlineExceeded) && cause != nil {
		return cause
	}
	return err
}

// reset empties the folder of the own servers.
func (d *demo) reset() error {
	if err := embedded.Reset(d.world.Dir); err != nil {
		return err
	}
	return os.MkdirAll(d.world.Dir, 0o755)
}

// play starts the participants, runs the trips and audits them.
func (d *demo) play(ctx context.Context, world *dev.World) (sum summary, err error) {
	crew := d.newCrew(world)
	defer func() { err = errors.Join(err, crew.stop()) }()
	if err := crew.start(ctx); err != nil {
		return sum, err
	}
	select {
	case <-world.Ready():
	case <-ctx.Done():
		return sum, ctx.Err()
	}
	c, err := client.New(client.Config{URL: world.URL()})
	if err != nil {
		return sum, err
	}
	definition, err := travel.Files().ReadFile("travel.yaml")
	if err != nil {
		return sum, err
	}
	if _, err := c.ApplyDefinition(ctx, "travel.yaml", definition); err != nil {
		return sum, fmt.Errorf("apply travel.yaml: %w", err)
	}
	_, _ = fmt.Fprintf(d.out, "ready after %.1f s: three participants, each a process; the API at %s\n\n", time.Since(d.begun).Seconds(), world.URL())
	b := newBoard(trips(), time.Now())
	tour := &tour{client: c, crew: crew, board: b, screen: newScreen(d.out)}
	if err := tour.run(ctx); err != nil {
		return sum, err
	}
	faults, err := travel.Audit(ctx, world.DatabaseURL(), b.ended())
	if err != nil {
		return sum, err
	}
	sum = b.summary(faults)
	b.verdict(d.out, sum)
	return sum, nil
}
