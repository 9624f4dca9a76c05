package main

import (
	"os/exec"
	"syscall"
)

// dieWithParent kills the process when this one dies.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
