package saga_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/unwindhq/unwind/saga"
)

// TestTraceIDsAreForEver: these were written down once and must never change.
func TestTraceIDsAreForEver(t *testing.T) {
	t.Parallel()
	id, err := saga.ParseID("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")
	require.NoError(t, err)
	do := saga.CommandID{Saga: id, Step: saga.StepRef{Name: "charge"}, Direction: saga.Do}
	undo := do
	undo.Direction = saga.Undo
	for want, got := range map[string]saga.TraceContext{
		"00-0190a1b2c3d47e5f8a9b0c1d2e3f4a5b-e3b7bd9b1ae603e5-00": saga.TraceRoot(id, 0),
		"00-9b782d71b8cfd48dc91249eadf4b87e1-67d7fece48bddeae-00": saga.TraceRoot(id, 7),
		"00-0190a1b2c3d47e5f8a9b0c1d2e3f4a5b-82d583a2c23b53ba-00": saga.TraceAttempt(do, 0, 1, 1),
		"00-0190a1b2c3d47e5f8a9b0c1d2e3f4a5b-d6c0f6a5f6f472a3-00": saga.TraceAttempt(do, 0, 2, 1),
		"00-0190a1b2c3d47e5f8a9b0c1d2e3f4a5b-4f58b80a19dede43-00": saga.TraceAttempt(undo, 0, 1, 2),
		"00-0190a1b2c3d47e5f8a9b0c1d2e3f4a5b-bed6e836ff705f3a-00": saga.TraceWait(undo, 0, 5),
	} {
		require.Equal(t, want, got.String())
	}
	require.InDelta(t, 0.283024221823656, saga.TraceShare(id), 1e-12)
}

func TestTraceParent(t *testing.T) {
	t.Parallel()
	good := "00-0190a1b2c3d47e5f8a9b0c1d2e3f4a5b-00f067aa0ba902b7-01"
	c, err := saga.ParseTraceParent(good)
	require.NoError(t, err)
	require.True(t, c.Sampled)
	require.Equal(t, good, c.String())
	require.Equal(t, saga.Header{Key: "traceparent", Value: []byte(good)}, c.Header())
	for name, text := range map[string]string{
		"later version": "01" + good[2:] + "-more", "unknown flags": good[:53] + "ff",
	} {
		_, err := saga.ParseTraceParent(text)
		require.NoError(t, err, name)
	}
	for name, text := range map[string]string{
		"empty": "", "short": good[:54], "longer than its version": good + "-more", "later, without a dash": "01" + good[2:] + "more",
		"version ff": "ff" + good[2:], "upper case": strings.ToUpper(good), "no hexadecimal": "00-" + strings.Repeat("g", 32) + good[35:],
		"no trace": "00-" + strings.Repeat("0", 32) + good[35:], "no span": good[:36] + strings.Repeat("0", 16) + "-01",
		"too long": "01" + good[2:] + "-" + strings.Repeat("x", 300),
	} {
		_, err := saga.ParseTraceParent(text)
		require.ErrorIs(t, err, saga.ErrTraceParent, name)
	}
}

// FuzzParseTraceParent: what is read is written and read again the same.
func FuzzParseTraceParent(f *testing.F) {
	f.Add("00-0190a1b2c3d47e5f8a9b0c1d2e3f4a5b-00f067aa0ba902b7-01")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := saga.ParseTraceParent(text)
		if err != nil {
			require.Zero(t, c)
			return
		}
		again, err := saga.ParseTraceParent(c.String())
		require.NoError(t, err)
		require.Equal(t, c, again)
	})
}

// TestTraceShareIsEven: although the first bits of an id's second half are fixed.
func TestTraceShareIsEven(t *testing.T) {
	t.Parallel()
	below := 0
	const all = 10_000
	for i := range all {
		id := saga.ID{0: 1, 6: 0x70, 8: 0x80, 14: byte(i >> 8), 15: byte(i)}
		share := saga.TraceShare(id)
		require.True(t, share >= 0 && share < 1)
		if share < 0.25 {
			below++
		}
	}
	require.InDelta(t, all/4, below, all/50)
}

// TestWindows: silence above an hour opens one, and so do 500 events.
func TestWindows(t *testing.T) {
	t.Parallel()
	m, err := saga.Compile(saga.Definition{Name: "trip", Version: "r1", Steps: []saga.Step{
		{Name: "pay", Participant: "payments", Command: "charge", Kind: saga.Pivot},
	}})
	require.NoError(t, err)
	s := saga.State{ID: storyID}
	at := storyStart
	decide := func(e saga.Event) {
		e.At = at
		s, _, err = m.Decide(s, nil, e)
		require.NoError(t, err)
	}
	fail := func() {
		decide(saga.Event{Kind: saga.Replied, Step: saga.StepRef{Name: "pay"}, Direction: saga.Do, Attempt: s.Steps[0].Attempt, Epoch: 1, Outcome: saga.Failed})
		at = s.Steps[0].Due
		decide(saga.Event{Kind: saga.Woke})
	}
	decide(saga.Event{Kind: saga.Started, Extra: &saga.EventExtra{Definition: "trip", Version: "r1", Level: saga.Level}})
	at = at.Add(saga.WindowIdle)
	fail()
	require.Zero(t, s.Window, "an hour is not above an hour")
	at = s.Last.Add(saga.WindowIdle + time.Microsecond)
	fail()
	require.EqualValues(t, 4, s.Window)
	for s.Seq < 4+saga.WindowEvents-1 {
		require.EqualValues(t, 4, s.Window)
		fail()
	}
	require.EqualValues(t, 503, s.Seq)
	fail()
	require.EqualValues(t, 504, s.Window)
}

// TestWindowsAreReplayed: as part of the state, like everything else.
func TestWindowsAreReplayed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		def := drawDefinition(t)
		m, err := saga.Compile(def)
		require.NoError(t, err)
		s, history := saga.State{ID: storyID}, saga.History{}
		for range rapid.IntRange(1, 20).Draw(t, "events") {
			e := drawEvent(t, def, s)
			if rapid.IntRange(0, 3).Draw(t, "silence") == 0 {
				e.At = e.At.Add(2 * saga.WindowIdle)
			}
			next, effects, err := m.Decide(s, history, e)
			if err != nil || next.Seq == s.Seq {
				continue
			}
			history = append(history, e.Stored(&next, effects))
			s = next
		}
		replayed, err := m.Replay(storyID, history)
		require.NoError(t, err)
		require.Equal(t, s, replayed)
	})
}
