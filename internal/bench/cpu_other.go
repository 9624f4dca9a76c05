//go:build !linux

package bench

import "time"

// cpuTime is known on Linux only.
func cpuTime(int) (used time.Duration, ok bool) { return 0, false }
