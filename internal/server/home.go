package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// noteFile says, in a server's Dir, where its data is when it cannot be there.
const noteFile = "postgres-data-is-in"

// homePrefix starts the name of a data folder outside of Dir.
const homePrefix = "unwind-pg-"

// errNoHome says that the server's user can enter no folder for its data.
var errNoHome = errors.New("the server's user can enter no folder for it, or not run its binaries")

// home returns the folder for the server's data: dir, or, if the account
// cannot enter that (a parent such as /root is closed to it), a private folder
// of the system's temporary folder whose name follows from dir, so that the
// next start finds it again.
func home(ctx context.Context, dir, binDir string, user *account) (string, error) {
	if user == nil || canEnter(ctx, dir, binDir, user) {
		return dir, nil
	}
	name := homeName(dir)
	for _, parent := range []string{os.TempDir(), "/tmp", "/var/tmp"} {
		path := filepath.Join(parent, name)
		if !canEnter(ctx, parent, binDir, user) {
			continue
		}
		if err := os.Mkdir(path, 0o700); err == nil {
			err = user.give(path)
			if err != nil {
				return "", err
			}
		}
		if !user.owns(path) {
			return "", fmt.Errorf("%s exists and is not a private folder of user %s: remove it", path, user.name)
		}
		return path, note(dir, path)
	}
	return "", fmt.Errorf("place the data of %s: %w (user %s, binaries %s)", dir, errNoHome, user.name, binDir)
}

// homeName is the name of dir's data folder outside of it.
func homeName(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return homePrefix + hex.EncodeToString(sum[:8])
}

// note leaves in dir a file that says where the data is.
func note(dir, path string) error {
	if err := os.WriteFile(filepath.Join(dir, noteFile), []byte(path+"\n"), 0o644); err != nil {
		return fmt.Errorf("note where the data is: %w", err)
	}
	return nil
}

// canEnter reports whether the account can enter dir and run the binaries,
// found out by doing both.
func canEnter(ctx context.Context, dir, binDir string, user *account) bool {
	cmd := exec.CommandContext(ctx, program(binDir, "initdb"), "--version")
	user.apply(cmd)
	cmd.Dir = dir
	return cmd.Run() == nil
}

// RemovePostgres deletes all that StartPostgres keeps for dir, also what lies
// outside of it. The server must not run. A dir that does not exist is no error.
func RemovePostgres(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("remove the data of %s: %w", dir, err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, noteFile)); err == nil {
		outside := strings.TrimSpace(string(text))
		if filepath.Base(outside) == homeName(dir) { // never delete what a stray note names
			if err := os.RemoveAll(outside); err != nil {
				return fmt.Errorf("remove the data of %s: %w", dir, err)
			}
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove %s: %w", dir, err)
	}
	return nil
}
