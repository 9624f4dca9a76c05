package dev

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

func TestBreakReachesTheRunningDev(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), ".unwind") // nothing has made it yet
	require.ErrorIs(t, Break(t.Context(), dir, Fault{Command: "a/b", Mode: Reject}), ErrNotRunning)
	var faults Faults
	c, err := openControl(dir, Address{URL: "http://x"}, func(f Fault) error {
		if f.Command == "a/unknown" {
			return errors.New("there is no command a/unknown")
		}
		faults.Set(f)
		return nil
	})
	require.NoError(t, err)
	info, err := os.Stat(addressPath(dir))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "the token is for its owner")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.run(ctx) }()

	late := Fault{Command: "a/b", Mode: Late, Delay: 30 * time.Second}
	require.NoError(t, Break(t.Context(), dir, late))
	require.Equal(t, late, faults.Of("a/b"))
	require.NoError(t, Break(t.Context(), dir, Fault{Command: "a/b", Mode: Off}))
	require.Equal(t, Off, faults.Of("a/b").Mode)
	require.EqualError(t, Break(t.Context(), dir, Fault{Command: "a/unknown", Mode: Fail}), "there is no command a/unknown")
	require.Error(t, Break(t.Context(), dir, Fault{Command: "a/b", Mode: Late}), "late wants a time")
	require.Error(t, Break(t.Context(), dir, Fault{Command: "a/b"}))

	res, err := http.Post(c.address.Control+"/break", "application/json", strings.NewReader(`{"command":"a/b","mode":"reject"}`))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusUnauthorized, res.StatusCode)
	require.Equal(t, Off, faults.Of("a/b").Mode)

	stop()
	require.NoError(t, <-ended)
	require.ErrorIs(t, Break(t.Context(), dir, late), ErrNotRunning)
}

func TestMemoryStandsForAGuard(t *testing.T) {
	t.Parallel()
	var m memory
	do := saga.Command{ID: saga.CommandID{Saga: saga.ID{1}, Step: saga.StepRef{Name: "a", Visit: 1}, Direction: saga.Do}, Epoch: 1}
	undo := do
	undo.ID.Direction, undo.Epoch = saga.Undo, 2
	_, refused := m.recall(do)
	require.False(t, refused)
	m.keep(do, saga.Rejected, "full")
	reason, refused := m.recall(do)
	require.True(t, refused, "a refusal is sticky")
	require.Equal(t, "full", reason)
	later := do
	later.Epoch = 2
	_, refused = m.recall(later)
	require.False(t, refused, "a re-opened step may be asked again")
	m.keep(undo, saga.Failed, "")
	_, refused = m.recall(later)
	require.False(t, refused, "a failed undo undid nothing")
	m.keep(undo, saga.Succeeded, "")
	_, refused = m.recall(undo)
	require.False(t, refused)
	reason, refused = m.recall(later)
	require.True(t, refused, "nothing is done after its undo")
	require.Equal(t, reasonUndone, reason)

	for i := range maxMemory {
		undo.ID.Saga = saga.ID{2, byte(i), byte(i >> 8)}
		m.keep(undo, saga.Succeeded, "")
	}
	require.Len(t, m.known, maxMemory)
	require.Len(t, m.order, maxMemory)
	_, refused = m.recall(later)
	require.False(t, refused, "the oldest is forgotten first")
}
