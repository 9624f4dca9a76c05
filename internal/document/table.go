// Package document holds tables in documents to what the program says, for tests.
package document

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Table holds the part of the file at path between "<!-- name -->" and the next
// "<!-- end -->", each on a line of its own, to want. With update it writes want
// there instead.
func Table(tb testing.TB, path, name, want string, update bool) {
	tb.Helper()
	const end = "<!-- end -->"
	begin := "<!-- " + name + " -->\n"
	text, err := os.ReadFile(path)
	require.NoError(tb, err)
	head, rest, ok := strings.Cut(string(text), begin)
	require.True(tb, ok, "%s has no %s", path, begin)
	table, tail, ok := strings.Cut(rest, end)
	require.True(tb, ok, "%s has no %s", path, end)
	if update {
		require.NoError(tb, os.WriteFile(path, []byte(head+begin+want+end+tail), 0o644))
		return
	}
	require.Equal(tb, want, table, "%s: run this test with -update", path)
}
