package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/unwindhq/unwind/internal/failpoint"
)

// victim is one role; its processes come and go.
type victim struct {
	role  string
	start func(arm string) *exec.Cmd
	works func() bool // asked while a process runs
	log   string

	cmd   *exec.Cmd
	ended chan struct{}
	seen  int64        // of the log, by the process before
	alive atomic.Int64 // 1 while its process runs
}

// launch starts a process, armed with a failpoint if arm is not empty. Its output
// goes to the end of the role's log.
func (v *victim) launch(arm string) error {
	file, err := os.OpenFile(v.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", v.role, err)
	}
	if info, err := file.Stat(); err == nil {
		v.seen = info.Size()
	}
	v.cmd, v.ended = v.start(arm), make(chan struct{})
	v.cmd.Stdout, v.cmd.Stderr = file, file
	dieWithParent(v.cmd)
	if err := v.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", v.role, err)
	}
	v.alive.Store(1)
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait() // a killed process fails
		_ = file.Close()
		v.alive.Store(0)
		close(ended)
	}(v.cmd, v.ended)
	return nil
}

// kill ends the process as kill -9 does.
func (v *victim) kill() {
	if v.cmd == nil || v.cmd.Process == nil {
		return
	}
	_ = v.cmd.Process.Kill() // fails only if it has ended already
	<-v.ended
}

// end waits for the process's end and returns its exit code.
func (v *victim) end(limit time.Duration) (int, error) {
	select {
	case <-v.ended:
		return v.cmd.ProcessState.ExitCode(), nil
	case <-time.After(limit):
		return 0, fmt.Errorf("%s (pid %d) has not ended within %v", v.role, v.cmd.Process.Pid, limit)
	}
}

// said reports whether this process has printed a text.
func (v *victim) said(text string) bool {
	data, err := os.ReadFile(v.log)
	return err == nil && int64(len(data)) > v.seen && strings.Contains(string(data[v.seen:]), text)
}

// lost counts the answers that were lost in all of the role's processes.
func (v *victim) lost(place string) int {
	data, err := os.ReadFile(v.log)
	if err != nil {
		return 0
	}
	return strings.Count(string(data), failpoint.ErrLost.Error()+" "+place+"\n")
}

// victims makes the five roles.
func (w *world) makeVictims() {
	for i, role := range coordinators {
		w.victims = append(w.victims, &victim{
			role: role, log: filepath.Join(w.dir, role+".log"),
			start: func(arm string) *exec.Cmd { return w.coordinator(i, arm) },
			works: func() bool { return w.ready(i) },
		})
	}
	for _, role := range participants {
		v := &victim{role: role, log: filepath.Join(w.dir, role+".log")}
		v.start = func(arm string) *exec.Cmd { return w.participant(role, arm) }
		v.works = func() bool { return v.said(working) }
		w.victims = append(w.victims, v)
	}
}

// coordinator is the command of a coordinator.
func (w *world) coordinator(i int, arm string) *exec.Cmd {
	address := strings.TrimPrefix(w.urls[i], "http://")
	cmd := exec.Command(filepath.Join(w.dir, "unwind"), "serve", "--log", "warn", "--listen", address)
	if w.config.code {
		cmd = exec.Command(filepath.Join(w.dir, "codenode"))
	}
	cmd.Env = append(os.Environ(), append(w.env(), "UNWIND_METRICS_LISTEN=off", "UNWIND_LISTEN="+address, "UNWIND_FAILPOINT="+arm)...)
	return cmd
}

// participant is the command of a participant: this program in its other role.
func (w *world) participant(name, arm string) *exec.Cmd {
	return exec.Command(w.self, roleParticipant,
		"-name", name, "-database-url", w.databases[name], "-kafka-brokers", w.config.brokers, "-topic-prefix", w.prefix, "-failpoint", arm)
}
