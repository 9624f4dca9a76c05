package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
)

func TestTheKeysOfTheCommandLine(t *testing.T) {
	t.Parallel()
	env := []string{"UNWIND_DATABASE_URL=" + testserver.Postgres(t)}
	run := func(want int, args ...string) string {
		t.Helper()
		code, out, errs := unwind(t.Context(), env, args...)
		require.Equal(t, want, code, "%v: %s%s", args, out, errs)
		if want == exitOK {
			require.Empty(t, errs)
		}
		return out + errs
	}
	run(exitOK, "migrate", "up")
	key := run(exitOK, "apikey", "create", "--name", "ci", "--role", "viewer", "--role", "shop=operator", "--namespace", "shop,travel", "--expires", "90d")
	require.Regexp(t, `^unwind_[a-z2-7]{8}_[a-z2-7]{52}\n$`, key, "the key alone, for scripts")
	id := strings.Split(key, "_")[1]
	list := run(exitOK, "apikey", "list")
	require.Contains(t, list, id)
	require.Contains(t, list, "shop=operator,travel=viewer")
	require.Contains(t, list, "valid")
	require.NotContains(t, list, strings.TrimSpace(strings.Split(key, "_")[2]))
	run(exitOK, "apikey", "revoke", id)
	require.Contains(t, run(exitOK, "apikey", "list", "-o", "json"), `"state": "revoked"`)
	require.Contains(t, run(exitFailed, "apikey", "revoke", "aaaaaaaa"), "no API key with this id")
}

func TestParseLife(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{"": 0, "90d": 90 * 24, "12h": 12, "1d": 24} {
		life, err := parseLife(text)
		require.NoError(t, err, text)
		require.InDelta(t, want, life.Hours(), 0, text)
	}
	for _, text := range []string{"d", "-1d", "0", "0d", "90", "1.5d", "99999d", "-3h", "1d2h"} {
		_, err := parseLife(text)
		require.ErrorContains(t, err, "90d", text)
	}
}
