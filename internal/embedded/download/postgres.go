// Package download fetches PostgreSQL's server binaries for machines that have
// none installed, by way of the embedded-postgres module.
package download

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"

	"github.com/unwindhq/unwind/internal/server"
)

const (
	// postgresVersion is the release that is downloaded.
	postgresVersion = embeddedpostgres.V18
	// progressInterval is the time between two lines of progress.
	progressInterval = 3 * time.Second
	// rootCache is root's cache: unlike root's home, the server's user can enter it.
	rootCache = "/var/cache/unwind"
)

// Postgres downloads the server's binaries, once per machine, and returns the
// folder of its programs. Other processes that want the same wait for it. A nil
// progress is told nothing, else it receives a line every few seconds.
func Postgres(ctx context.Context, progress io.Writer) (string, error) {
	return fetch(ctx, cache(), progress)
}

// cache returns the folder for downloaded binaries.
func cache() string {
	name := "postgres-" + string(postgresVersion)
	if os.Geteuid() == 0 {
		return filepath.Join(rootCache, name)
	}
	return server.CacheDir(name)
}

// fetch is Postgres with the folder to download into.
func fetch(ctx context.Context, cache string, progress io.Writer) (string, error) {
	unpacked := filepath.Join(cache, "unpacked")
	if exists(unpacked) {
		return filepath.Join(unpacked, "bin"), nil
	}
	lock, err := server.WaitLock(ctx, filepath.Join(cache, "lock"))
	if err != nil {
		return "", err
	}
	defer lock.Unlock()
	if exists(unpacked) { // the one we waited for has done it
		return filepath.Join(unpacked, "bin"), nil
	}
	what := fmt.Sprintf("downloading PostgreSQL %s into %s (once, about 15 MB)", postgresVersion, cache)
	err = server.Progress(progress, what, progressInterval, func() error { return install(ctx, cache, unpacked) })
	if err != nil {
		return "", err
	}
	return filepath.Join(unpacked, "bin"), nil
}

// install downloads into a working folder, which becomes visible as unpacked
// only when complete. The download itself cannot be interrupted: when ctx ends,
// it returns and the download ends with this process.
func install(ctx context.Context, cache, unpacked string) error {
	work, err := os.MkdirTemp(cache, "download-")
	if err != nil {
		return fmt.Errorf("create a folder for the download: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }() // costs only space if it fails
	done := make(chan error, 1)
	go func() { done <- unpack(work) }()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-done:
		if err != nil {
			return err
		}
	}
	binaries := filepath.Join(work, "binaries")
	if err := os.Chmod(binaries, 0o755); err != nil {
		return err
	}
	return os.Rename(binaries, unpacked)
}

// unpack makes the module fetch and unpack the binaries to work/binaries.
// The module has no call for that alone: its Start does it first, then runs
// initdb (which refuses root and writes where package server decides) and the
// server. A data folder that is a version file and nothing else makes it skip
// initdb and fail to start the server; that failure is how a complete
// unpacking shows.
func unpack(work string) error {
	path := func(name string) string { return filepath.Join(work, name) }
	if err := os.MkdirAll(path("data"), 0o700); err != nil {
		return err
	}
	major, _, _ := strings.Cut(string(postgresVersion), ".")
	if err := os.WriteFile(filepath.Join(path("data"), "PG_VERSION"), []byte(major+"\n"), 0o600); err != nil {
		return err
	}
	port, err := server.FreePort(1)
	if err != nil {
		return err
	}
	module := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().Version(postgresVersion).
		Port(uint32(port)).CachePath(path("archive")).RuntimePath(path("runtime")).
		DataPath(path("data")).BinariesPath(path("binaries")).Logger(io.Discard))
	err = module.Start()
	if err == nil { // a later release of the module that copes with such a folder
		return module.Stop()
	}
	if !strings.Contains(err.Error(), "could not start postgres") {
		return fmt.Errorf("download PostgreSQL %s: %w", postgresVersion, err)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
