package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestGuides follows the migration guides: every command of theirs that needs no server is
// run, from the folder in which a reader would run it.
func TestGuides(t *testing.T) {
	t.Chdir("../..")
	guides, err := filepath.Glob("docs/migrate/*.md")
	require.NoError(t, err)
	require.Len(t, guides, 5)
	command := regexp.MustCompile("(?m)^ +unwind ((?:def|participant) .*)$")
	for _, guide := range append(guides, "docs/peers.md") {
		text, err := os.ReadFile(guide)
		require.NoError(t, err)
		for _, match := range command.FindAllStringSubmatch(string(text), -1) {
			code, out, errs := unwind(t.Context(), nil, words(match[1])...)
			require.Equal(t, exitOK, code, "%s: unwind %s\n%s%s", guide, match[1], out, errs)
		}
	}
}

// words splits a command line at its spaces, those within quotes aside.
func words(line string) []string {
	list := regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(line, -1)
	for i := range list {
		list[i] = strings.Trim(list[i], `"`)
	}
	return list
}
