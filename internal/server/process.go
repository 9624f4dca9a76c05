package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// errStopped says that a server ended before it was ready.
var errStopped = errors.New("the server stopped while starting")

// logLimit is the size above which a server's log file starts anew.
const logLimit = 16 << 20

// logTail is how much of a server's log an error message quotes.
const logTail = 2 << 10

// readyPoll is the wait between two looks whether a server is ready.
const readyPoll = 20 * time.Millisecond

// process is a running child with a guard that ends it if this process dies.
type process struct {
	cmd     *exec.Cmd
	release func()
	done    chan struct{}
}

// startProcess starts cmd detached from this process's terminal, its output
// appended to the file logPath. endSignal is what the guard sends.
func startProcess(cmd *exec.Cmd, logPath, endSignal string) (*process, error) {
	log, err := openLog(logPath)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	cmd.Stdout, cmd.Stderr = log, log
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // how it ended is in its log; that it ended is what matters here
	}()
	if p.release, err = guard(cmd.Process.Pid, endSignal); err != nil {
		p.kill()
		return nil, fmt.Errorf("guard %s: %w", cmd.Path, err)
	}
	return p, nil
}

// openLog opens a log for appending, anew if it has grown above logLimit.
func openLog(path string) (*os.File, error) {
	flags := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if info, err := os.Stat(path); err == nil && info.Size() > logLimit {
		flags |= os.O_TRUNC
	}
	file, err := os.OpenFile(path, flags, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the server's log: %w", err)
	}
	return file, nil
}

// running reports whether the process has not ended; false for nil.
func (p *process) running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// wait blocks until the process has ended and sends its guard home.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.done:
		p.unguard()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// kill ends the process at once, without a chance to clean up.
func (p *process) kill() {
	if p == nil {
		return
	}
	p.unguard()
	_ = p.cmd.Process.Kill() // fails only if it has ended already
	<-p.done
}

func (p *process) unguard() {
	if p.release != nil {
		p.release()
		p.release = nil
	}
}

// awaitReady polls ready until it is true. If the process ends or ctx does, the
// error quotes the end of the log.
func (p *process) awaitReady(ctx context.Context, logPath string, ready func() bool) error {
	for !ready() {
		err := pause(ctx, readyPoll)
		if !p.running() {
			err = errStopped
		}
		if err != nil {
			return fmt.Errorf("%w; the end of %s:\n%s", err, logPath, tail(logPath))
		}
	}
	return nil
}

// tail returns the last logTail bytes of a file, empty if it cannot be read.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	if len(text) > logTail {
		text = text[len(text)-logTail:]
	}
	return strings.TrimSpace(string(text))
}
