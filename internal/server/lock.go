package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// ErrInUse says that another process holds a folder's lock.
var ErrInUse = errors.New("folder is in use by another process")

// lockPoll is the wait between two attempts to get a lock that is taken.
const lockPoll = 100 * time.Millisecond

// Lock is an exclusive lock on a file. It ends with the process that holds it,
// so a crash leaves nothing to clean up.
type Lock struct {
	file *os.File
}

// TryLock locks the file at path, creating it and its folder where missing.
// If another holder has it, the error is ErrInUse.
func TryLock(path string) (*Lock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("create the folder of lock %s: %w", path, err)
	}
	file, err := lockFile(path)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return &Lock{file: file}, nil
}

// WaitLock is TryLock that waits for the other holder until ctx ends.
func WaitLock(ctx context.Context, path string) (*Lock, error) {
	for {
		lock, err := TryLock(path)
		if !errors.Is(err, ErrInUse) {
			return lock, err
		}
		if waitErr := pause(ctx, lockPoll); waitErr != nil {
			return nil, errors.Join(err, waitErr)
		}
	}
}

// Unlock gives the lock back. The file stays: removing it would let two
// processes hold locks on two files of the same name.
func (l *Lock) Unlock() {
	if l != nil && l.file != nil {
		_ = l.file.Close()
		l.file = nil
	}
}

// pause waits for d, or returns ctx's error if ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
