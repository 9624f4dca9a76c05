// Package failpoint lets a test stop a process at one exact place, so that each
// gap between a commit, a publish and an acknowledgement is hit for sure and not
// by luck. Unarmed, a failpoint costs one atomic load.
package failpoint

import (
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
)

// ExitCode is that of a process stopped by a failpoint, as if by SIGKILL.
const ExitCode = 137

type arming struct {
	name string
	left atomic.Int64
}

var armed atomic.Pointer[arming]

// Arm makes the n-th Hit of a name end the process without any clean-up. text is
// name or name:n; empty disarms.
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
	a := &arming{name: name}
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
