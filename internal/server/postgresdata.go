package server

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// initdb creates the data folder where it is missing. It becomes visible under
// its name only when complete, so a crash half-way is repeated from the start.
func (p *Postgres) initdb(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(p.data, "PG_VERSION")); err == nil {
		return nil
	}
	fresh := p.data + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("clear a broken initdb: %w", err)
	}
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return fmt.Errorf("create the data folder: %w", err)
	}
	if err := p.user.give(fresh); err != nil {
		return err
	}
	args := []string{"-D", fresh, "-U", "postgres", "-E", "UTF8", "--locale=C"}
	entry, err := p.entry()
	if err != nil {
		return err
	}
	args = append(args, entry...)
	if p.cfg.Settings["fsync"] == "off" {
		args = append(args, "--no-sync")
	}
	if out, err := p.program(ctx, "initdb", args...); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	if err := p.secure(fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, p.data); err != nil {
		return fmt.Errorf("put the new data folder in place: %w", err)
	}
	return nil
}

// stopLeftover ends a server that a crashed process left running on this data.
// A pid file without such a server is removed: its number may by now be
// another program's, which must not be signalled.
func (p *Postgres) stopLeftover(ctx context.Context) error {
	lines := p.pidFile()
	if lines == nil {
		return nil
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(lines[0]))
	if !strings.Contains(commandLine(pid), "postgres") {
		if err := os.Remove(filepath.Join(p.data, "postmaster.pid")); err != nil {
			return fmt.Errorf("remove the pid file of a crashed server: %w", err)
		}
		return nil
	}
	if _, err := p.control(ctx, "status"); err != nil {
		return nil //nolint:nilerr // not running: the server clears the file itself
	}
	p.cfg.Log.Info("stopping a server that a crashed process left running", "dir", p.cfg.Dir, "pid", pid)
	if _, err := p.control(ctx, "stop", "-m", "fast", "-w", "-t", "20"); err == nil {
		return nil
	}
	if out, err := p.control(ctx, "stop", "-m", "immediate", "-w"); err != nil {
		return fmt.Errorf("stop the server that a crashed process left running (pid %d): %w: %s", pid, err, out)
	}
	return nil
}

// control runs pg_ctl on the data.
func (p *Postgres) control(ctx context.Context, args ...string) (string, error) {
	return p.program(ctx, "pg_ctl", append([]string{"-D", p.data}, args...)...)
}

// program runs one of the server's programs as the server's user and returns
// its output.
func (p *Postgres) program(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program(p.cfg.BinDir, name), args...)
	p.user.apply(cmd)
	cmd.Dir = filepath.Dir(p.data)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
