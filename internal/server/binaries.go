package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sort"
	"strconv"
	"strings"
)

// ErrNoPostgres says that no PostgreSQL server binaries are installed.
var ErrNoPostgres = errors.New("no PostgreSQL server binaries found: install them " +
	"(apt-get install postgresql, dnf install postgresql-server, brew install postgresql) or put their folder on the PATH")

// binaryFolders are the usual places of server binaries besides the PATH;
// distributions keep initdb and postgres off it.
var binaryFolders = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/usr/lib/postgresql*/bin",
	"/usr/libexec/postgresql*",
	"/opt/homebrew/opt/postgresql*/bin",
	"/usr/local/opt/postgresql*/bin",
	"/usr/local/pgsql/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
	`C:\Program Files\PostgreSQL\*\bin`,
}

// versionPattern finds the major version in "postgres (PostgreSQL) 15.18 (Debian …)".
var versionPattern = regexp.MustCompile(`\) (\d+)`)

// FindPostgres returns the folder with the installed server binaries: first
// the one that pg_config names, then the PATH's, then the newest of the usual
// places. If there is none, the error is ErrNoPostgres.
func FindPostgres(ctx context.Context) (string, error) {
	for _, dir := range postgresCandidates(ctx) {
		if hasBinaries(dir) {
			return dir, nil
		}
	}
	return "", ErrNoPostgres
}

// postgresCandidates lists the folders that may hold server binaries, best first.
func postgresCandidates(ctx context.Context) []string {
	var dirs []string
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		if target, err := filepath.EvalSymlinks(path); err == nil {
			path = target
		}
		dirs = append(dirs, filepath.Dir(path))
	}
	for _, pattern := range binaryFolders {
		found, _ := filepath.Glob(pattern) // fails only for a bad pattern
		sort.Slice(found, func(i, j int) bool { return folderVersion(found[i]) > folderVersion(found[j]) })
		dirs = append(dirs, found...)
	}
	return dirs
}

// hasBinaries reports whether dir holds the programs that this package runs.
func hasBinaries(dir string) bool {
	for _, name := range []string{"initdb", "postgres", "pg_ctl"} {
		if info, err := os.Stat(program(dir, name)); err != nil || info.IsDir() {
			return false
		}
	}
	return true
}

// program returns the path of one of the programs in dir.
func program(dir, name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(dir, name)
}

// folderVersion returns the greatest number in a path, 0 if it has none.
func folderVersion(path string) int {
	best := 0
	for _, field := range strings.FieldsFunc(path, func(r rune) bool { return r < '0' || r > '9' }) {
		if n, err := strconv.Atoi(field); err == nil {
			best = max(best, n)
		}
	}
	return best
}

// majorVersion asks the binaries in dir for their major version.
func majorVersion(ctx context.Context, dir string) (string, error) {
	out, err := exec.CommandContext(ctx, program(dir, "postgres"), "-V").Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", dir, err)
	}
	found := versionPattern.FindSubmatch(out)
	if found == nil {
		return "", fmt.Errorf("read the version of %s: %q is not understood", dir, out)
	}
	return string(found[1]), nil
}
