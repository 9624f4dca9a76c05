package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
)

// booking builds the program of examples/booking. With change, its function is another.
func booking(t *testing.T, change ...string) string {
	t.Helper()
	const source = "../../examples/booking/saga.go"
	dir := t.TempDir()
	text, err := os.ReadFile(source)
	require.NoError(t, err)
	changed := strings.NewReplacer(change...).Replace(string(text))
	require.Equal(t, len(change) == 0, changed == string(text), "the function is not what the test changes")
	file, overlay := filepath.Join(dir, "saga.go"), filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(file, []byte(changed), 0o600))
	original, err := filepath.Abs(source)
	require.NoError(t, err)
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{original: file}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, list, 0o600))
	binary := filepath.Join(dir, "booking")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-overlay", overlay, "-o", binary, "../../examples/booking").CombinedOutput()
	require.NoError(t, err, string(out))
	return binary
}

// TestReplayAsksTheProgram: the sagas of a database are functions. unwind def replay says
// so and what to do; with the program that is to be deployed behind -- it says which of
// them would not do what they did: those that the change of two steps is in.
func TestReplayAsksTheProgram(t *testing.T) {
	t.Parallel()
	url, old := testserver.Postgres(t), booking(t)
	out, err := exec.CommandContext(t.Context(), old, "-database", url, "-trips", "8").CombinedOutput()
	require.NoError(t, err, string(out))
	look := func(args ...string) (int, string) {
		code, out, errs := unwind(t.Context(), []string{"UNWIND_DATABASE_URL=" + url}, append([]string{"def", "replay"}, args...)...)
		return code, out + errs
	}

	code, said := look("--since", "24h")
	require.Equal(t, 0, code, said)
	require.Equal(t, "8 sagas of bookTrip were left out: it is a Go function; ask the program that has it: unwind def replay --since 24h -- ./yourprogram replay\n", said)
	code, said = look("bookTrip")
	require.Equal(t, 1, code, "nothing was looked at")
	require.Contains(t, said, "unwind def replay bookTrip --since 24h -- ./yourprogram replay\n")

	code, said = look("--since", "90m", "--", old, "replay")
	require.Equal(t, 0, code, said)
	require.Regexp(t, `^8 sagas \(\d+ events\) of functions do in .*/booking what they did\n$`, said)
	code, said = look("--since", "1ns", "--", old, "replay")
	require.Equal(t, 0, code, said)
	require.Equal(t, "0 sagas (0 events) would be decided as they were\n", said)

	// The flight is asked for before the hotel.
	swapped := booking(t,
		"room := code.Start[Ticket](c, hotel,", "room := code.Start[Ticket](c, flight,", "seat, err := code.Do[Ticket](c, flight,", "seat, err := code.Do[Ticket](c, hotel,")
	code, said = look("--", swapped, "replay")
	require.Equal(t, 1, code, said)
	require.Contains(t, said, ", bookTrip r1: event 1 was do:hotel local/reserve undo giveBack, the code now wants do:flight local/reserve undo giveBack\n")
	require.Regexp(t, `8 of 8 sagas \(\d+ events\) of functions would not do in .*/booking what they did\n$`, said)

	code, said = look("bookTrip", "-o", "json", "--", swapped, "replay")
	require.Equal(t, 1, code, said)
	var got replayed
	require.NoError(t, json.Unmarshal([]byte(said), &got))
	require.Len(t, got.Found, 8)
	require.Equal(t, []string{"bookTrip"}, got.Program.Definitions)
	require.Equal(t, 8, got.Program.Differences)
	require.Empty(t, got.Code)

	// What the program does not have is left out and named; one that does not look is no
	// reason to be content.
	for name, test := range map[string]struct {
		line []string
		code int
		said string
	}{
		"another program": {[]string{"sh", "-c", `echo "a log line"; echo '{"definitions":["order"]}'`}, 0, "8 sagas of bookTrip were left out: it is a Go function, and sh does not have it\n"},
		"no replay":       {[]string{"echo", "hello"}, 1, `echo hello does not say what its sagas would do: the last line of its output is "hello -json -schema unwind `},
		"cannot look":     {[]string{old, "replay", "-no"}, 1, "replay -no could not look at its sagas: exit status 2"},
		"not there":       {[]string{old + "s"}, 1, "no such file"},
	} {
		code, said := look(append([]string{"--"}, test.line...)...)
		require.Equal(t, test.code, code, name)
		require.Contains(t, said, test.said, name)
	}
	code, said = look("a", "b", "--", "c")
	require.Equal(t, 2, code)
	require.Contains(t, said, "write unwind def replay [NAME] [-- PROGRAM ARG...]")
}

func TestBrief(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{24 * time.Hour: "24h", 90 * time.Minute: "1h30m", 5 * time.Minute: "5m", time.Hour + time.Second: "1h0m1s", 0: "0s"} {
		require.Equal(t, want, brief(d))
	}
}
