// Package failpoint lets a test stop a process at one exact place, so that each
// gap between a commit, a publish and an acknowledgement is hit for sure and not
// by luck, or lose the answer to what was done. Unarmed, a failpoint costs one
// atomic load.
package failpoint

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
)

// The places that can be armed.
const (
	BeforeCommit = "before-commit" // BeforeCommit: a batch is decided and not yet committed.
	AfterCommit  = "after-commit"  // AfterCommit: a batch is committed, nothing is handed over or answered.
	BeforeSend   = "before-send"   // BeforeSend: rows are about to be published.
	AfterSend    = "after-send"    // AfterSend: rows are acknowledged by the broker and not yet marked.
	BeforeAck    = "before-ack"    // BeforeAck: read offsets are about to be stored.
	AfterAck     = "after-ack"     // AfterAck: read offsets are stored.
)

// The places where an answer can be lost.
const (
	LoseCommit = "lose-commit" // LoseCommit: a commit was executed and is reported as failed.
	LoseSend   = "lose-send"   // LoseSend: a row was sent and is reported as not sent.
)

// ErrLost is what Lose reports instead of the answer.
var ErrLost = errors.New("failpoint: executed, and the answer lost")

// ExitCode is that of a process stopped by a failpoint, as if by SIGKILL.
const ExitCode = 137

type arming struct {
	name  string
	count int64
	left  atomic.Int64
}

var armed atomic.Pointer[arming]

// Arm makes the n-th Hit of a name end the process without any clean-up, or each
// n-th Lose of a name lose its answer. text is name or name:n; empty disarms.
func Arm(text string) error {
	if text == "" {
		armed.Store(nil)
		return nil
	}
	name, count, counted := strings.Cut(text, ":")
	n := 1
	if counted {
		var err error
		if n, err = strconv.Atoi(count); err != nil || n < 1 {
			return fmt.Errorf("failpoint %q: want name or name:n with n of at least 1", text)
		}
	}
	a := &arming{name: name, count: int64(n)}
	a.left.Store(int64(n))
	armed.Store(a)
	return nil
}

// Hit ends the process here if name is armed and its count is used up.
func Hit(name string) {
	a := armed.Load()
	if a != nil && a.name == name && a.left.Add(-1) == 0 {
		os.Exit(ExitCode)
	}
}

// Lose returns err, the outcome of what was just done, or ErrLost instead of nil
// at each n-th pass if name is armed; it says so on standard error, for those who
// count.
func Lose(name string, err error) error {
	a := armed.Load()
	if err != nil || a == nil || a.name != name || a.left.Add(-1)%a.count != 0 {
		return err
	}
	_, _ = fmt.Fprintln(os.Stderr, ErrLost, name)
	return ErrLost
}
