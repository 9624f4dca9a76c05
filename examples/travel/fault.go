package travel

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/unwindhq/unwind/saga/participant"
)

// Mode is how a command misbehaves.
type Mode string

// The modes. Undos can be switched, too: their command is the compensation.
const (
	Off    Mode = "off"    // Off: as it should be.
	Slow   Mode = "slow"   // Slow: the work begins after Fault.Delay.
	Silent Mode = "silent" // Silent: nothing is done and nothing answered.
	Lost   Mode = "lost"   // Lost: the work is done and the answer vanishes.
	Fail   Mode = "fail"   // Fail: a technical error; nothing is done.
	Reject Mode = "reject" // Reject: a business no; nothing is done.
)

// Fault is one row of a participant's switch.
type Fault struct {
	Command string        // Command is the command that misbehaves; empty or * is every one without a row of its own.
	Mode    Mode          // Mode is how.
	Delay   time.Duration // Delay is for Slow, in whole milliseconds.
}

// ParseFaults reads faults as the environment variable TRAVEL_FAULT has them,
// separated by commas: silent, slow:2s, reserve=fail, *=off.
func ParseFaults(text string) ([]Fault, error) {
	var faults []Fault
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		f, err := parseFault(part)
		if err != nil {
			return nil, fmt.Errorf("fault %q: %w", part, err)
		}
		faults = append(faults, f)
	}
	return faults, nil
}

func parseFault(text string) (Fault, error) {
	f := Fault{Command: "*"}
	if command, rest, ok := strings.Cut(text, "="); ok {
		f.Command, text = command, rest
	}
	mode, delay, timed := strings.Cut(text, ":")
	f.Mode = Mode(mode)
	switch f.Mode {
	case Slow:
		var err error
		if f.Delay, err = time.ParseDuration(delay); err != nil || f.Delay < 0 {
			return f, errors.New("want a time, such as slow:2s")
		}
		return f, nil
	case Off, Silent, Lost, Fail, Reject:
		if timed {
			return f, errors.New("only slow takes a time")
		}
		return f, nil
	}
	return f, errors.New("want off, slow:TIME, silent, lost, fail or reject, with COMMAND= before it for one command")
}

// Executor runs a statement: a pgx connection, pool or transaction.
type Executor interface {
	// Exec is pgx's.
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Switch sets a fault of a participant, which heeds it from its next command on.
// Off ends it; Off for * ends all.
func Switch(ctx context.Context, db Executor, name string, f Fault) error {
	if f.Command == "" {
		f.Command = "*"
	}
	var err error
	if f.Mode == Off {
		_, err = db.Exec(ctx, in(name, clearSwitch), f.Command)
	} else {
		_, err = db.Exec(ctx, in(name, setSwitch), f.Command, string(f.Mode), f.Delay.Milliseconds())
	}
	if err != nil {
		return fmt.Errorf("switch %s/%s to %s: %w", name, f.Command, f.Mode, err)
	}
	return nil
}

// in fills the schema in.
func in(schema, sql string) string { return strings.ReplaceAll(sql, "{schema}", schema) }

var (
	errFail   = errors.New("switched to fail")
	errSilent = errors.New("switched to silent") // nobody hears it: the answer is swallowed
)

// obey does what the switch says of a command. An error ends the command.
func obey(ctx context.Context, tx pgx.Tx, name, command string) error {
	var mode Mode
	var delay int
	err := tx.QueryRow(ctx, in(name, readSwitch), command).Scan(&mode, &delay)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("read the switch: %w", err)
	}
	switch mode {
	case Slow:
		return sleep(ctx, time.Duration(delay)*time.Millisecond)
	case Silent:
		return errSilent
	case Fail:
		return errFail
	case Reject:
		return participant.Reject("switched to reject")
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
