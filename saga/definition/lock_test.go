package definition_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

func TestLocks(t *testing.T) {
	t.Parallel()
	text := "unwind: v1\nsaga: pay\nlock: [\"account ${input.from}\", \"account ${input.to}\"]\nlockTimeout: 1d\nsteps:\n  - {step: a, command: x/y, noCompensation: no}\n"
	f, err := definition.Load("pay.yaml", []byte(text), definition.Options{})
	require.NoError(t, err)
	require.Equal(t, 24*time.Hour, f.Definition.LockTimeout)
	require.Len(t, f.Definition.Locks, 2)
	requireEval(t, `"account 7"`, f.Definition.Locks[0], scope{input: `{"from":7,"to":8}`})
	again, err := definition.Load("x", f.Canonical, definition.Options{})
	require.NoError(t, err)
	require.Equal(t, f.Hash, again.Hash)
	one, err := definition.Load("pay.yaml", []byte("unwind: v1\nsaga: pay\nlock: ${input.from}\nsteps:\n  - {step: a, command: x/y, noCompensation: no}\n"), definition.Options{})
	require.NoError(t, err)
	require.Len(t, one.Definition.Locks, 1)
	for _, canonical := range [][]byte{[]byte(text), f.Canonical, one.Canonical} {
		require.NoError(t, compiled(t, definition.Schema()).Validate(fromYAML(t, canonical)))
	}
}

func TestFaultsOfLocks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ lock, want string }{
		{"lock: 7", "w.yaml:3: lock: want a text, found the number 7; put it in quotes"},
		{"lock: [7]", "w.yaml:3: lock[0]: want a text, found the number 7"},
		{`lock: "${steps.a.output.id}"`, "w.yaml:3: lock[0]: ${steps.a.output.id}: no step is over before the saga begins; read the input alone"},
		{"lock: [" + strings.Repeat("a, ", saga.MaxLocks) + "a]", "w.yaml:3: lock: 11 keys; write at most 10"},
		{"lockTimeout: 1h", "w.yaml:3: lockTimeout: there is no lock to wait for; write lock: or remove lockTimeout"},
		{"lock: a\nlockTimeout: soon", `w.yaml:4: lockTimeout: "soon" is not a duration`},
		{"lock: a\nlockTimeout: 400d", "w.yaml:4: lockTimeout: 9600h0m0s is out of range; write 1ms to 365 days"},
		{"lokc: a", "w.yaml:3: lokc: unknown option of a definition; did you mean lock?"},
	} {
		_, err := definition.Load("w.yaml", []byte("unwind: v1\nsaga: w\n"+tt.lock+"\nsteps:\n  - {step: a, command: x/y, noCompensation: no}\n"), definition.Options{})
		require.ErrorIs(t, err, saga.ErrInvalidDefinition, tt.lock)
		require.True(t, strings.HasPrefix(err.Error(), tt.want), "%s\nwant %s\ngot  %s", tt.lock, tt.want, err)
	}
}
