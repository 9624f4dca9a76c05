package e2e

import (
	"os/exec"
	"syscall"
)

// dieWithParent kills the process when this one dies, so that a test that runs
// into its time limit leaves nothing behind.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
