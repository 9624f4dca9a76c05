package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
)

// asOwner, set to a folder, makes the test binary start PostgreSQL there,
// print its port and wait to be killed.
const asOwner = "SERVER_TEST_AS_OWNER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asOwner); dir != "" {
		own(dir)
	}
	os.Exit(m.Run())
}

func own(dir string) {
	postgres, err := StartPostgres(context.Background(), PostgresConfig{Dir: dir, Settings: quick})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(postgres.port)
	_, _ = io.Copy(io.Discard, os.Stdin) // ends when the test does
	os.Exit(0)
}

// installed skips a test that wants what this machine does not have, loudly.
// In CI the test goes on and fails. (testserver has the same for all other
// packages; it imports this one.)
func installed(t *testing.T, err error) {
	t.Helper()
	missing := errors.Is(err, ErrNoPostgres) || errors.Is(err, ErrNoJava) || errors.Is(err, ErrNoMaven)
	if missing && os.Getenv("CI") != "true" {
		_, _ = fmt.Fprintf(os.Stderr, "NOT RUN: %s: %v\n", t.Name(), err)
		t.Skip("NOT RUN:", err)
	}
}
