//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// pause stops a process in its tracks; resume lets it go on.
func pause(cmd *exec.Cmd) error { return cmd.Process.Signal(syscall.SIGSTOP) }

func resume(cmd *exec.Cmd) error { return cmd.Process.Signal(syscall.SIGCONT) }

// terminate asks a process to end in good order.
func terminate(cmd *exec.Cmd) error { return cmd.Process.Signal(syscall.SIGTERM) }
