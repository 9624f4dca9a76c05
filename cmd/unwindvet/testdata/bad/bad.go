// Package bad has a saga function that reads the clock, written with the real
// package code.
package bad

import (
	"time"

	"github.com/unwindhq/unwind/saga/code"
)

// Late is refused.
func Late(c *code.Context, in time.Time) (bool, error) {
	return time.Now().After(in), nil
}
