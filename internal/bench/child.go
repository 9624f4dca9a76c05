package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"time"
)

const (
	// startTime bounds the start of a process.
	startTime = 2 * time.Minute
	// endTime bounds its orderly end; then it is killed.
	endTime = 20 * time.Second
)

// child is a started process.
type child struct {
	role  string
	cmd   *exec.Cmd
	in    io.WriteCloser
	notes chan note // closed when the process has nothing more to say
}

// startChild starts a process and waits until it is ready.
func startChild(ctx context.Context, program []string, role string, s setup) (c *child, ready note, err error) {
	c = &child{role: role, notes: make(chan note, 16)}
	args := slices.Concat(program[1:], []string{role})
	c.cmd = exec.Command(program[0], args...) // ended by its standard input, not by a context
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, ready, fmt.Errorf("start %s: %w", role, err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, ready, fmt.Errorf("start %s: %w", role, err)
	}
	if err = c.cmd.Start(); err != nil {
		return nil, ready, fmt.Errorf("start %s: %w", role, err)
	}
	go c.listen(out)
	if err = c.tell(s); err == nil {
		limited, cancel := context.WithTimeout(ctx, startTime)
		defer cancel()
		ready, err = c.hear(limited, noteReady)
	}
	if err != nil {
		return nil, ready, errors.Join(err, c.stop())
	}
	return c, ready, nil
}

// listen passes notes on until the process ends.
func (c *child) listen(out io.Reader) {
	defer close(c.notes)
	lines := json.NewDecoder(bufio.NewReader(out))
	for {
		var n note
		if lines.Decode(&n) != nil {
			return
		}
		c.notes <- n
	}
}

func (c *child) tell(line any) error {
	if err := json.NewEncoder(c.in).Encode(line); err != nil {
		return fmt.Errorf("tell %s what to do: %w", c.role, err)
	}
	return nil
}

// hear waits for one event.
func (c *child) hear(ctx context.Context, event string) (note, error) {
	select {
	case n, ok := <-c.notes:
		switch {
		case !ok:
			return note{}, fmt.Errorf("%s has ended; its last words are above", c.role)
		case n.Error != "":
			return n, fmt.Errorf("%s: %s", c.role, n.Error)
		case n.Event != event:
			return n, fmt.Errorf("%s says %q, not %q", c.role, n.Event, event)
		}
		return n, nil
	case <-ctx.Done():
		return note{}, fmt.Errorf("wait until %s says %q: %w", c.role, event, ctx.Err())
	}
}

// stop ends the process and waits for it.
func (c *child) stop() error {
	_ = c.in.Close() // it may have ended
	kill := time.AfterFunc(endTime, func() { _ = c.cmd.Process.Kill() })
	defer kill.Stop()
	for range c.notes { // until it has said all
	}
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w", c.role, err)
	}
	return nil
}
