//go:build unix

package e2e

import "syscall"

// pause stops the process in its tracks; resume lets it go on.
func (p *process) pause() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

func (p *process) resume() error { return p.cmd.Process.Signal(syscall.SIGCONT) }

// terminate asks the process to end in good order.
func (p *process) terminate() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
