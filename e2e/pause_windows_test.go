package e2e

import "errors"

var errPause = errors.New("a process cannot be paused here")

// pause fails: Windows has no such thing.
func (p *process) pause() error { return errPause }

func (p *process) resume() error { return errPause }

// terminate fails, too.
func (p *process) terminate() error { return errPause }
