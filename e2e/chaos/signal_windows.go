package main

import (
	"errors"
	"os/exec"
)

var errSignal = errors.New("chaos needs signals that Windows does not have")

// pause fails.
func pause(*exec.Cmd) error { return errSignal }

func resume(*exec.Cmd) error { return errSignal }

func terminate(*exec.Cmd) error { return errSignal }
