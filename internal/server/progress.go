package server

import (
	"fmt"
	"io"
	"time"
)

// ProgressInterval is the time between two lines of Progress.
const ProgressInterval = 10 * time.Second

// Progress runs work and meanwhile writes to w, at the start and every
// interval, that it goes on. A nil w writes nothing.
func Progress(w io.Writer, what string, interval time.Duration, work func() error) error {
	if w == nil {
		return work()
	}
	_, _ = fmt.Fprintf(w, "%s …\n", what) // a console that is gone must not fail the work
	started := time.Now()
	done := make(chan error, 1)
	go func() { done <- work() }()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ticker.C:
			_, _ = fmt.Fprintf(w, "%s … (%s so far)\n", what, time.Since(started).Round(time.Second))
		}
	}
}
