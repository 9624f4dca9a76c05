//go:build !linux

package main

import "os/exec"

// dieWithParent is Linux's alone.
func dieWithParent(*exec.Cmd) {}
