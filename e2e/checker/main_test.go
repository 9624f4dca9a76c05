package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/e2e/checker/rules"
	"github.com/unwindhq/unwind/kafka"
)

// TestBlind: who cannot look says so, and does not say that all is well.
func TestBlind(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"--database-url is missing":         nil,
		`"x" is no flag`:                    {"x"},
		"write table or json":               {"--database-url", "u", "-o", "yaml"},
		"write it like flights=postgres://": {"--effects", "flights"},
		"connect":                           {"--database-url", "postgres://127.0.0.1:1/none"},
	} {
		var out, trouble strings.Builder
		require.Equal(t, blind, run(t.Context(), args, &out, &trouble), want)
		require.Contains(t, trouble.String(), want)
		require.Empty(t, out.String())
	}
}

// TestTell: what was found is the code's, and all that was looked at is counted.
func TestTell(t *testing.T) {
	t.Parallel()
	seen := rules.Run{Sagas: []rules.Saga{{ID: "s", Status: rules.Completed}}}
	var out strings.Builder
	n, err := tell(&out, "table", seen)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Contains(t, out.String(), "I8: saga s: its definition")
	require.Contains(t, out.String(), "1 findings in 1 sagas (1 completed, 0 compensated)")
	out.Reset()
	_, err = tell(&out, "json", rules.Run{})
	require.NoError(t, err)
	require.Contains(t, out.String(), `{"findings":[],"looked":{"sagas":0,`)
}

// TestStarts: a line that a kill has cut off was not acknowledged in full.
func TestStarts(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "started")
	require.NoError(t, os.WriteFile(path, []byte("{\"key\":\"k\",\"id\":\"a\"}\n{\"key\":\"l\",\"i"), 0o600))
	var seen rules.Run
	require.NoError(t, readStarts(path, &seen))
	require.Equal(t, []rules.Start{{Key: "k", ID: "a"}}, seen.Starts)
	require.NoError(t, os.WriteFile(path, []byte("no\n"), 0o600))
	require.ErrorContains(t, readStarts(path, &seen), "line 2")
}

// TestDefinition reads what saga/definition has written.
func TestDefinition(t *testing.T) {
	t.Parallel()
	canonical, err := os.ReadFile(filepath.Join("..", "..", "saga", "definition", "testdata", "bookTrip.canonical.json"))
	require.NoError(t, err)
	def, err := parseDefinition(canonical)
	require.NoError(t, err)
	require.Len(t, def.Steps, 4)
	require.Equal(t, rules.Step{
		Name: "reserveHotel", Participant: "hotels", Kind: rules.Compensable, After: []string{}, Conditional: true, Compensation: "release",
		Do:   rules.Policy{Timeout: 10 * time.Second, Backoff: 200 * time.Millisecond, Cap: 5 * time.Second, Attempts: 3},
		Undo: rules.Policy{Timeout: time.Minute, Backoff: time.Second, Cap: time.Minute, Attempts: 20},
	}, def.Steps[1])
	require.Equal(t, rules.Local, def.Steps[3].Participant)
}

// TestDigest: no value differs from an empty one, and order counts.
func TestDigest(t *testing.T) {
	t.Parallel()
	a, b := kafka.Header{Key: "a", Value: []byte("x")}, kafka.Header{Key: "b"}
	all := map[rules.Digest]bool{}
	for _, d := range []rules.Digest{
		digest(nil, nil, nil), digest([]byte{}, nil, nil), digest(nil, []byte{}, nil), digest(nil, nil, []kafka.Header{a, b}),
		digest(nil, nil, []kafka.Header{b, a}), digest(nil, nil, []kafka.Header{a, b, b}), digest(nil, nil, []kafka.Header{a, {Key: "b", Value: []byte{}}}),
	} {
		require.False(t, all[d])
		all[d] = true
	}
}
