package dev

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadFolder(t *testing.T) {
	t.Parallel()
	dir := newFolder(t)
	write(t, dir, "compose.yaml", "services:\n  saga: {image: x}\n")
	write(t, dir, "notes.txt", "saga: no")
	write(t, dir, "list.json", `[1]`)
	write(t, dir, "nightly.yaml", "unwind: v1\nschedule: nightly\nsaga: small\ncron: '@daily'\n")
	write(t, dir, "nightly.json", `{"unwind":"v1","schedule":"nightly","saga":"small","cron":"@daily"}`)
	write(t, dir, "small.test.yaml", "unwind: v1\ndefinition: small.yaml\nscenes: []\n")
	write(t, dir, "small.json", `{"unwind":"v1","saga":"small","steps":[{"step":"a","kind":"pivot","command":"payments/charge"}]}`)
	folder, err := ReadFolder(dir)
	require.NoError(t, err)
	require.Empty(t, folder.Faults)
	require.Len(t, folder.Definitions, 2)
	require.Equal(t, []string{"flights", "payments"}, folder.Participants())
	require.Equal(t, []string{"flights/release", "flights/reserve", "payments/charge"}, folder.Commands())
}

func TestReadFolderKeepsTheGoodAndNamesTheBad(t *testing.T) {
	t.Parallel()
	dir := newFolder(t)
	write(t, dir, "bad.yaml", "unwind: v1\nsaga: bad\nsteps:\n  - step: a\n    command: flights/reserv\n    compensation: release\n")
	write(t, dir, "contracts/worse.yaml", "participant: worse\ncommands: 7\n")
	folder, err := ReadFolder(dir)
	require.NoError(t, err)
	require.Len(t, folder.Definitions, 1)
	require.Len(t, folder.Contracts, 2)
	text := folder.Faults.Error()
	require.Contains(t, text, `bad.yaml:5: steps[0].command: flights has no command "reserv"; did you mean reserve?`)
	require.Contains(t, text, "worse.yaml:2")
}

func TestReadFolderFaults(t *testing.T) {
	t.Parallel()
	_, err := ReadFolder(t.TempDir() + "/none")
	require.Error(t, err)
	dir := t.TempDir()
	for i := range maxFiles + 1 {
		write(t, dir, "f"+strconv.Itoa(i)+".json", "{}")
	}
	_, err = ReadFolder(dir)
	require.ErrorIs(t, err, ErrTooManyFiles)
}

func TestFingerprintChangesWithTheFiles(t *testing.T) {
	t.Parallel()
	dir := newFolder(t)
	before := fingerprint(dir)
	require.Equal(t, before, fingerprint(dir))
	write(t, dir, "contracts/payments.yaml", paymentsYAML+"\n")
	after := fingerprint(dir)
	require.NotEqual(t, before, after)
	write(t, dir, "notes.txt", "")
	require.Equal(t, after, fingerprint(dir))
}

func TestChildrenAreAppliedFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, child := range map[string]string{"a": "c", "b": "a", "c": "d", "d": "nobody"} {
		text := "unwind: v1\nsaga: " + name + "\nsteps:\n  - {step: s, child: " + child + "}\n"
		write(t, dir, name+".yaml", text)
	}
	folder, err := ReadFolder(dir)
	require.NoError(t, err)
	var names []string
	for _, d := range folder.Definitions {
		names = append(names, d.File.Definition.Name)
	}
	require.Equal(t, []string{"d", "c", "a", "b"}, names)
}
