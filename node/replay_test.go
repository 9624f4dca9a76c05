package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/recording"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/saga/sagapg"
	"github.com/unwindhq/unwind/sagatest"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

func step(name string) saga.Step {
	return saga.Step{Name: name, Participant: saga.Local, Command: "note", Compensation: "forget"}
}

// function makes a version of a saga of two steps and a signal between them.
func function(t *testing.T, version, first, second string) *saga.Code {
	t.Helper()
	made, err := code.Func(saga.Definition{Name: "bookTrip", Version: version}, func(c *code.Context, in int) (string, error) {
		token := code.SideEffect(c, "token", func() int { return 4711 })
		if _, err := code.Do[int](c, step(first), in); err != nil {
			return "", err
		}
		if _, err := code.Await[int](c, "go", time.Hour); err != nil {
			return "", err
		}
		if _, err := code.Do[int](c, step(second), token+int(c.Uint64()%10)); err != nil {
			return "", err
		}
		if in%2 == 1 {
			return "", errors.New("odd")
		}
		return "done", nil
	})
	require.NoError(t, err)
	return made
}

// run runs a node until the test ends or the function is called.
func run(t *testing.T, url string, codes ...*saga.Code) (c *client.Client, end func()) {
	t.Helper()
	note := func(_ context.Context, _ pgx.Tx, in int) (int, error) { return in, nil }
	n, err := New(Config{DatabaseURL: url, Migrate: true, Code: codes, Locals: []sagapg.LocalStep{sagapg.Local("note", note), sagapg.Local("forget", note)}})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	<-n.Ready()
	c, err = n.Client()
	require.NoError(t, err)
	return c, func() { stop(); require.NoError(t, <-ended) }
}

// story runs seven sagas: five come to their end, completed or compensated, two await
// their signal.
func story(t *testing.T) (url string, open []string) {
	t.Helper()
	url = testserver.Postgres(t)
	c, end := run(t, url, function(t, "r1", "flight", "hotel"))
	defer end()
	for i := range 7 {
		started, _, err := c.Start(t.Context(), client.Start{Definition: "bookTrip", Input: i})
		require.NoError(t, err)
		if i >= 5 {
			open = append(open, started.ID)
			continue
		}
		_, err = c.Signal(t.Context(), started.ID, client.Verb{Signal: "go", Payload: []byte("1")})
		require.NoError(t, err)
		_, err = c.Wait(t.Context(), started.ID, client.End)
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { // the first step is over: the function awaits
		for _, id := range open {
			if s, err := c.Get(t.Context(), id); err != nil || s.Steps[0].Phase != "done" {
				return false
			}
		}
		return true
	}, time.Minute, 10*time.Millisecond)
	return url, open
}

// TestReplayFindsWhatAProgramWouldDoElse: histories of sagas that have ended and of some
// that go on are run again with the functions of a program to come. What they would not
// do as they did is said exactly; nothing is written.
func TestReplayFindsWhatAProgramWouldDoElse(t *testing.T) {
	t.Parallel()
	url, open := story(t)
	look := func(codes ...*saga.Code) (found []string, sum ReplayedSoFar) {
		pages := 0
		r := Replay{
			DatabaseURL: url, Code: codes, Since: 24 * time.Hour, page: 2,
			Found: func(d Difference) { found = append(found, d.String()) }, Progress: func(ReplayedSoFar) { pages++ },
		}
		sum, err := r.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, 4, pages)
		require.Equal(t, len(found), sum.Differences)
		return found, sum
	}
	found, sum := look(function(t, "r1", "flight", "hotel"))
	require.Empty(t, found)
	require.Equal(t, 7, sum.Sagas)

	found, _ = look(function(t, "r1", "flight", "room"))
	require.Len(t, found, 5, "those that await their signal have not come to the change")
	require.Contains(t, found[0], ", bookTrip r1: event 3 was do:hotel local/note undo forget, the code now wants do:room local/note undo forget")
	found, _ = look(function(t, "r1", "train", "hotel"))
	require.Len(t, found, 7)
	require.Contains(t, found, "saga "+open[0]+", bookTrip r1: event 1 was do:flight local/note undo forget, the code now wants do:train local/note undo forget")

	found, _ = look(function(t, "r2", "train", "hotel"))
	require.Len(t, found, 2, "only those that go on need their version")
	require.Contains(t, found[0], "it goes on, and this program has no function of that version")
	found, _ = look(function(t, "r1", "flight", "hotel"), function(t, "r2", "train", "hotel"))
	require.Empty(t, found, "the old function is kept beside the new one")

	sum, err := Replay{DatabaseURL: url, Code: []*saga.Code{function(t, "r1", "flight", "hotel")}, Since: time.Nanosecond}.Run(t.Context())
	require.NoError(t, err)
	require.Zero(t, sum.Sagas)
}

// TestReplayMain is the command that a program mounts: from a database, recorded to a
// file, from that file, and in a test.
func TestReplayMain(t *testing.T) {
	t.Parallel()
	url, _ := story(t)
	file := filepath.Join(t.TempDir(), "histories.ndjson")
	same, other := function(t, "r1", "flight", "hotel"), function(t, "r1", "flight", "room")
	call := func(code *saga.Code, args ...string) (exit int, text string) {
		var out, trouble bytes.Buffer
		exit = ReplayMain(t.Context(), args, &out, &trouble, code)
		return exit, out.String() + trouble.String()
	}
	exit, text := call(same, "-database", url, "-since", "24h", "-record", file)
	require.Equal(t, 0, exit, text)
	require.Contains(t, text, "7 sagas (")
	for _, args := range [][]string{{"-database", url, "-definition", "bookTrip"}, {"-recorded", file}, {"-recorded", file, "-definition", "bookTrip"}} {
		exit, text = call(other, args...)
		require.Equal(t, 1, exit, text)
		require.Contains(t, text, "bookTrip r1: event 3 was do:hotel local/note undo forget, the code now wants do:room local/note undo forget\n")
		require.Contains(t, text, "5 of 7 sagas (")
	}
	exit, text = call(other, "-database", url, "-json")
	require.Equal(t, 1, exit, text)
	var report recording.Report
	require.NoError(t, json.Unmarshal([]byte(text), &report))
	require.Equal(t, []any{[]string{"bookTrip"}, 7, 5}, []any{report.Definitions, report.Sagas, report.Differences})
	require.Equal(t, "event 3 was do:hotel local/note undo forget, the code now wants do:room local/note undo forget", report.Found[4].Text)
	exit, text = call(same, "-recorded", file, "-definition", "bookTrip", "-json")
	require.Equal(t, 0, exit, text)
	require.Contains(t, text, `{"definitions":["bookTrip"],"sagas":7,`)
	for _, args := range [][]string{{"-database", url, "-definition", "bookTrop"}, {"-since", "a day"}, {"more"}, {"-recorded", file + "x"}, {"-recorded", file, "-definition", "bookTrop"}, {"-database", "postgres://127.0.0.1:1/none"}} {
		exit, text = call(same, args...)
		require.Equal(t, 2, exit, text)
	}
	sagatest.Replayed(t, os.DirFS(filepath.Dir(file)), "histories.ndjson", same)
}

// TestANodeLeavesNothingBehind: neither goroutines nor coroutines of functions that
// wait.
func TestANodeLeavesNothingBehind(t *testing.T) {
	url := testserver.Postgres(t)
	before := goleak.IgnoreCurrent()
	c, end := run(t, url, function(t, "r1", "flight", "hotel"))
	for i := range 20 {
		_, _, err := c.Start(t.Context(), client.Start{Definition: "bookTrip", Input: i})
		require.NoError(t, err)
	}
	end()
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}
