package dev

import (
	"fmt"
	"sync"
	"time"
)

// Mode is how a stub misbehaves.
type Mode string

// The modes of a Fault.
const (
	Off       Mode = "off"       // Off: as it should be.
	Reject    Mode = "reject"    // Reject: a business no.
	Fail      Mode = "fail"      // Fail: a technical error.
	Timeout   Mode = "timeout"   // Timeout: no answer.
	Late      Mode = "late"      // Late: the answer comes after Fault.Delay.
	Duplicate Mode = "duplicate" // Duplicate: the answer comes twice.
)

// Fault says how a command misbehaves.
type Fault struct {
	Command string        `json:"command"`         // Command is participant/command; an undo goes by its compensation's name.
	Mode    Mode          `json:"mode"`            // Mode is how.
	Delay   time.Duration `json:"delay,omitempty"` // Delay is for Late, in nanoseconds; above zero.
}

// Validate returns the fault's own fault.
func (f Fault) Validate() error {
	switch f.Mode {
	case Off, Reject, Fail, Timeout, Duplicate:
		return nil
	case Late:
		if f.Delay <= 0 {
			return fmt.Errorf("late by %v: want a time above zero, such as 30s", f.Delay)
		}
		return nil
	}
	return fmt.Errorf("mode %q: want off, reject, fail, timeout, late or duplicate", f.Mode)
}

// Faults are the faults that are set. The zero value is ready and has none.
type Faults struct {
	mu  sync.Mutex
	set map[string]Fault
}

// Set sets a fault; Off ends it.
func (f *Faults) Set(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.set == nil {
		f.set = map[string]Fault{}
	}
	if fault.Mode == Off {
		delete(f.set, fault.Command)
		return
	}
	f.set[fault.Command] = fault
}

// Of returns the fault of a command; one whose Mode is Off if there is none.
func (f *Faults) Of(command string) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fault, ok := f.set[command]; ok {
		return fault
	}
	return Fault{Command: command, Mode: Off}
}
