package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/examples/travel"
	"github.com/unwindhq/unwind/internal/dev"
)

// The participants' pace and patience in the demo.
const (
	demoPace    = "slow:200ms" // so that there is something to see
	demoSession = "2s"         // so that a killed program's commands come back soon; the embedded broker allows it
	joinTime    = 30 * time.Second
	leaveTime   = 10 * time.Second
)

// demoParticipantCommand is how the demo starts its participants: programs of
// their own, in this binary. They end with their standard input, so that none
// outlives the demo, however that ends.
func demoParticipantCommand() *cobra.Command {
	return &cobra.Command{
		Use: "participant NAME", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			in := cmd.InOrStdin()
			go func() { // ends with the process, as reading cannot be interrupted
				_, _ = io.Copy(io.Discard, in)
				cancel()
			}()
			if travel.Program(ctx, args[0], os.Getenv, cmd.OutOrStdout(), cmd.ErrOrStderr()) != 0 {
				return silentError{}
			}
			return nil
		},
	}
}

// crew are the participants' processes.
type crew struct {
	self, dir string
	env       []string
	members   map[string]*member
}

func (d *demo) newCrew(world *dev.World) *crew {
	env := append(os.Environ(),
		"UNWIND_DATABASE_URL="+world.DatabaseURL(), "UNWIND_KAFKA_BROKERS="+strings.Join(world.Brokers(), ","),
		"UNWIND_TOPIC_PREFIX=", "TRAVEL_FAULT="+demoPace)
	if len(d.world.Brokers) == 0 {
		env = append(env, "TRAVEL_SESSION="+demoSession)
	}
	return &crew{self: d.self, dir: d.world.Dir, env: env, members: map[string]*member{}}
}

// start starts all participants and waits until they take commands.
func (c *crew) start(ctx context.Context) error {
	for _, name := range travel.Participants() {
		if err := c.launch(name); err != nil {
			return err
		}
	}
	for _, name := range travel.Participants() {
		if err := c.members[name].await(ctx); err != nil {
			return err
		}
	}
	return nil
}

// launch starts one participant.
func (c *crew) launch(name string) error {
	log, err := os.OpenFile(filepath.Join(c.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", name, err)
	}
	m := &member{name: name, log: log, ready: make(chan struct{}), ended: make(chan struct{})}
	m.cmd = exec.Command(c.self, "demo", "participant", name)
	m.cmd.Env, m.cmd.Stdout, m.cmd.Stderr = c.env, m, log
	if m.stdin, err = m.cmd.StdinPipe(); err != nil {
		return errors.Join(fmt.Errorf("start %s: %w", name, err), log.Close())
	}
	if err := m.cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("start %s: %w", name, err), log.Close())
	}
	go func() {
		defer close(m.ended)
		_ = m.cmd.Wait() // how it ended is in its log
		_ = log.Close()
	}()
	c.members[name] = m
	return nil
}

// stop ends all participants in order and waits for them.
func (c *crew) stop() error {
	var faults []error
	for _, m := range c.members {
		_ = m.stdin.Close() // tells it to end
	}
	deadline := time.After(leaveTime)
	for _, name := range slices.Sorted(maps.Keys(c.members)) {
		m := c.members[name]
		select {
		case <-m.ended:
		case <-deadline:
			faults = append(faults, fmt.Errorf("%s did not end and was killed; see %s", name, m.log.Name()))
			m.kill()
		}
	}
	return errors.Join(faults...)
}

// member is one participant's process.
type member struct {
	name  string
	cmd   *exec.Cmd
	stdin io.Closer
	log   *os.File
	seen  bool
	ready chan struct{}
	ended chan struct{}
}

// Write takes the process's output: into its log, looking for the line that says
// that it is ready. Only exec's own goroutine calls it.
func (m *member) Write(b []byte) (int, error) {
	if !m.seen && bytes.Contains(b, []byte(" ready\n")) {
		m.seen = true
		close(m.ready)
	}
	return m.log.Write(b)
}

// await waits until the participant takes commands.
func (m *member) await(ctx context.Context) error {
	select {
	case <-m.ready:
		return nil
	case <-m.ended:
		tail, _ := os.ReadFile(m.log.Name()) // the error stands without it
		return fmt.Errorf("participant %s ended at its start: %s", m.name, tail[max(0, len(tail)-1000):])
	case <-time.After(joinTime):
		return fmt.Errorf("participant %s is not ready after %v; see %s", m.name, joinTime, m.log.Name())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// kill ends the process without a word (kill -9) and waits for its end.
func (m *member) kill() {
	_ = m.cmd.Process.Kill() // it may have ended
	<-m.ended
}

func (m *member) pid() int { return m.cmd.Process.Pid }
