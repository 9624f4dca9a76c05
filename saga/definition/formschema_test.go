package definition_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga/definition"
)

// examples lists files of the examples.
func examples(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "examples", "*", pattern))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

// shown returns the YAML blocks of a document that have a word.
func shown(t *testing.T, document, word string) [][]byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", document))
	require.NoError(t, err)
	var blocks [][]byte
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(data), -1) {
		if strings.Contains(block[1], word) {
			blocks = append(blocks, []byte(block[1]))
		}
	}
	require.NotEmpty(t, blocks)
	return blocks
}

// TestScriptSchema: it takes every script of ours, and refuses for its form what LoadScript
// refuses.
func TestScriptSchema(t *testing.T) {
	t.Parallel()
	s := compiled(t, definition.ScriptSchema())
	for _, name := range examples(t, "*.test.yaml") {
		require.NoError(t, s.Validate(read(t, name)), name)
	}
	for _, block := range shown(t, "def-test.md", "scenes:") {
		require.NoError(t, s.Validate(fromYAML(t, block)))
	}
	for name, event := range map[string]string{
		"nothing happens": "{at: 1s}", "two things": "{cancel: a, pause: b}", "two moments": `{cancel: a, at: 1s, when: "a done"}`,
		"no step": "{skip: }", "no refusal": "{cancel: a, refused: never}", "unknown": "{cancle: a}",
	} {
		script := "unwind: v1\ndefinition: o.yaml\nscenes:\n  - scene: s\n    events: [" + event + "]\n    expect: {status: completed}\n"
		refused(t, name, s.Validate(fromYAML(t, []byte(script))), script, definition.LoadScript)
	}
	for name, line := range map[string]string{
		"no scene's name": "  - {expect: {}}", "no expectation": "  - {scene: s}", "unknown phase": "  - {scene: s, expect: {steps: {a: don}}}",
		"unknown status": "  - {scene: s, expect: {status: over}}", "no command": "  - {scene: s, expect: {commands: [doo a]}}",
		"two steps": "  - {scene: s, expect: {commands: [{do: a, undo: a}]}}", "no answer": "  - {scene: s, answers: {a: maybe}, expect: {}}",
		"no duration": "  - {scene: s, until: soon, expect: {}}", "no time": "  - {scene: s, expect: {took: {least: 1s}}}",
	} {
		script := "unwind: v1\ndefinition: o.yaml\nscenes:\n" + line + "\n"
		refused(t, name, s.Validate(fromYAML(t, []byte(script))), script, definition.LoadScript)
	}
}

// TestScheduleSchema: the same of schedules.
func TestScheduleSchema(t *testing.T) {
	t.Parallel()
	s := compiled(t, definition.ScheduleSchema())
	for _, block := range shown(t, "schedules.md", "schedule:") {
		require.NoError(t, s.Validate(fromYAML(t, block)))
		loaded, err := definition.LoadSchedule("s.yaml", block)
		require.NoError(t, err)
		canonical, err := loaded.Canonical()
		require.NoError(t, err)
		require.NoError(t, s.Validate(fromYAML(t, canonical)))
	}
	whole := map[string]string{"unwind": "v1", "schedule": "nightly", "saga": "report", "cron": `"30 2 * * *"`}
	for name, change := range map[string][2]string{
		"version of the format": {"unwind", "v2"}, "name": {"schedule", "Nightly"}, "cron": {"cron", `"30 2"`}, "overlap": {"overlap", "never"},
		"catch up": {"catchUp", "some"}, "at most alone": {"atMost", "3"}, "unknown": {"every", "1h"},
	} {
		lines := maps.Clone(whole)
		lines[change[0]] = change[1]
		schedule := ""
		for _, key := range slices.Sorted(maps.Keys(lines)) {
			schedule += key + ": " + lines[key] + "\n"
		}
		refused(t, name, s.Validate(fromYAML(t, []byte(schedule))), schedule, definition.LoadSchedule)
	}
}

// refused asks for a refusal of the schema and of the program.
func refused[T any](t *testing.T, name string, err error, text string, load func(string, []byte) (T, error)) {
	t.Helper()
	require.Error(t, err, "the schema, of %s:\n%s", name, text)
	_, err = load("x.yaml", []byte(text))
	require.Error(t, err, "the program, of %s:\n%s", name, text)
}
