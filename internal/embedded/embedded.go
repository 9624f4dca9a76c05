package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/unwindhq/unwind/internal/server"
)

// DefaultDir is the folder of the state unless a config names another.
const DefaultDir = ".unwind"

// ErrInUse says that another process runs on the folder.
var ErrInUse = server.ErrInUse

// inUse explains ErrInUse to the one who started a second process on dir;
// other errors pass as they are.
func inUse(dir string, err error) error {
	if errors.Is(err, server.ErrInUse) {
		return fmt.Errorf("%w: another unwind dev or demo runs on %s: stop it, or use another folder", err, dir)
	}
	return err
}

// Reset deletes the state of both servers in dir (empty: DefaultDir), and dir
// itself if nothing else is in it. Nothing may run there: ErrInUse. Databases
// and brokers that were given by their address are not touched.
func Reset(dir string) error {
	dir = orDefaultDir(dir)
	for _, lock := range []string{postgresLock(dir), kafkaLock(dir)} {
		if err := free(lock); err != nil {
			return fmt.Errorf("reset: %w", inUse(dir, err))
		}
	}
	if err := errors.Join(server.RemovePostgres(postgresDir(dir)), os.RemoveAll(kafkaDir(dir))); err != nil {
		return fmt.Errorf("reset %s: %w", dir, err)
	}
	_ = os.Remove(dir) // fails, as it should, if others keep files in it
	return nil
}

// free returns an error if somebody holds the lock; a lock that was never
// taken is not created.
func free(path string) error {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	lock, err := server.TryLock(path)
	lock.Unlock()
	return err
}

func orDefaultDir(dir string) string {
	if dir == "" {
		return DefaultDir
	}
	return dir
}

func orDiscard(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}

func postgresDir(dir string) string  { return filepath.Join(dir, "postgres") }
func postgresLock(dir string) string { return filepath.Join(postgresDir(dir), "postgres.lock") }
func kafkaDir(dir string) string     { return filepath.Join(dir, "kafka") }
func kafkaLock(dir string) string    { return filepath.Join(kafkaDir(dir), "kafka.lock") }
