package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// stage is one part of the process that runs until it is told to end.
type stage struct {
	name string
	run  func(ctx context.Context) error
}

// running is a stage that was started.
type running struct {
	stage
	stop  context.CancelFunc
	ended chan error
}

// runStages starts the stages in order, and ends them in reverse order, one
// after the other, when ctx ends or one of them fails.
func runStages(ctx context.Context, stages []stage) error {
	failed := make(chan struct{}, len(stages))
	started := make([]running, 0, len(stages))
	for _, s := range stages {
		own, stop := context.WithCancel(context.WithoutCancel(ctx))
		r := running{stage: s, stop: stop, ended: make(chan error, 1)}
		go func() {
			r.ended <- r.run(own)
			failed <- struct{}{}
		}()
		started = append(started, r)
	}
	select {
	case <-ctx.Done():
	case <-failed:
	}
	var faults []error
	for _, s := range slices.Backward(started) {
		s.stop()
		if err := <-s.ended; err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	return errors.Join(faults...)
}
