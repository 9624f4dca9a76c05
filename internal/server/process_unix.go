//go:build unix

package server

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// guardScript ends the process $1 with the signal $2 when its standard input
// closes without a line: that is when the process that started it has died. A
// server that has not ended $3 seconds later (Kafka can hang when it is told to
// stop while it starts) is killed.
const guardScript = `read -r _ && exit 0
kill -s "$2" "$1" || exit 0
left=$3
while [ "$left" -gt 0 ]; do
	sleep 1
	kill -0 "$1" 2>/dev/null || exit 0
	left=$((left - 1))
done
kill -s KILL "$1"`

// guardPatience is how many seconds a server gets to end in good order.
const guardPatience = 10

// detach gives the child a session of its own, so that Ctrl-C at the terminal
// reaches this process only, which then stops the child in good order.
func detach(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setsid = true
}

// guard starts the guard of a process and returns the function that ends it.
func guard(pid int, signal string) (func(), error) {
	cmd := exec.Command("/bin/sh", "-c", guardScript, "guard", strconv.Itoa(pid), signal, strconv.Itoa(guardPatience))
	detach(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() {
		_, _ = stdin.Write([]byte("\n")) // fails only if the guard is gone already
		_ = stdin.Close()
		_ = cmd.Wait()
	}, nil
}

// terminate asks a process to end.
func terminate(process *os.Process) error { return process.Signal(syscall.SIGTERM) }

// commandLine returns the command line of a process, "" if there is none.
func commandLine(pid int) string {
	if text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline")); err == nil {
		return strings.ReplaceAll(string(text), "\x00", " ")
	}
	out, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// killChildren kills the children that a process has (or had: see children).
func killChildren(pids []int) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL) // fails only if it has ended already
	}
}

// children lists the processes started by pid, none if they cannot be listed.
func children(pid int) []int {
	if _, err := os.Stat("/proc/self/stat"); err == nil {
		return procChildren(pid)
	}
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=").Output()
	if err != nil {
		return nil
	}
	var found []int
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) == 2 && f[1] == strconv.Itoa(pid) {
			child, _ := strconv.Atoi(f[0])
			found = append(found, child)
		}
	}
	return found
}

// procChildren is children from the /proc file system, for systems without ps.
func procChildren(pid int) []int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	var found []int
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended since the listing
		}
		_, rest, _ := strings.Cut(string(text), ") ") // after the name: state, then the parent
		if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(pid) {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
			found = append(found, child)
		}
	}
	return found
}
