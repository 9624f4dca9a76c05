package server

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// detach gives the child a process group of its own, so that Ctrl-C reaches
// this process only.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// guard does nothing: there is no shell to rely on. The next start in the same
// folder ends what a crash left behind.
func guard(int, string) (func(), error) { return func() {}, nil }

// terminate ends a process: Windows has no request to end that a console
// program of another group hears.
func terminate(process *os.Process) error { return process.Kill() }

// commandLine returns the image name of a process, "" if there is none.
func commandLine(pid int) string {
	out, err := exec.Command("tasklist", "/FI", "PID eq "+strconv.Itoa(pid), "/NH", "/FO", "CSV").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// children finds none: Postgres' children end with their postmaster.
func children(int) []int { return nil }

func killChildren([]int) {}
