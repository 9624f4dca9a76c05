package dev

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/embedded"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// screen is an output that can be read while it is written.
type screen struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// runningDev is a session that runs until stop.
type runningDev struct {
	t       *testing.T
	dir     string
	out     *screen
	client  *client.Client
	session *Session
	seen    chan client.Saga
	stop    func()
}

func startDev(t *testing.T, dir string, cfg Config) *runningDev {
	t.Helper()
	d := &runningDev{t: t, dir: dir, out: &screen{}, seen: make(chan client.Saga, 1000)}
	cfg.World.Dir, cfg.World.Listen, cfg.World.NoSync, cfg.Out = dir, "127.0.0.1:0", true, d.out
	started := make(chan *Session, 1)
	cfg.Started = func(s *Session) { started <- s }
	cfg.OnSaga = func(s client.Saga) { d.seen <- s }
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, cfg) }()
	d.stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	t.Cleanup(d.stop)
	select {
	case d.session = <-started:
	case err := <-ended:
		t.Fatalf("dev ended: %v\n%s", err, d.out)
	case <-time.After(patience):
		t.Fatal("dev did not start\n" + d.out.String())
	}
	var err error
	d.client, err = client.New(client.Config{URL: d.session.URL()})
	require.NoError(t, err)
	return d
}

// end starts a trip and waits for its end.
func (d *runningDev) end() client.Saga {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	started, _, err := d.client.Start(ctx, client.Start{Definition: "trip", Input: []byte(`{"days":2}`)})
	require.NoError(d.t, err)
	found, err := d.client.Wait(ctx, started.ID, client.End)
	require.NoError(d.t, err)
	return found
}

func (d *runningDev) says(text string) {
	d.t.Helper()
	require.Eventually(d.t, func() bool { return strings.Contains(d.out.String(), text) }, patience, 10*time.Millisecond, text)
}

// shows waits until OnSaga was called with the end of a saga.
func (d *runningDev) shows(id string) {
	d.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case s := <-d.seen:
			if s.ID == id && s.Ended() && len(s.Steps) == 2 {
				return
			}
		case <-deadline:
			d.t.Fatal("the end of the saga was not shown")
		}
	}
}

// wipe deletes what own servers leave behind outside of a test's folder.
func wipe(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), ".unwind")
	t.Cleanup(func() { require.NoError(t, embedded.Reset(dir)) })
	return dir
}

func TestDevPlays(t *testing.T) {
	t.Parallel()
	dir, definitions := wipe(t), newFolder(t)
	d := startDev(t, dir, Config{Definitions: definitions})
	require.Equal(t, []string{"flights", "payments"}, d.session.Stubs())
	require.Equal(t, "payments/charge", d.session.Broken())
	require.Equal(t, `{"days":2}`, d.session.Applied()[0].Input)
	first := d.end()
	require.Equal(t, "completed", first.Status)
	d.shows(first.ID)

	require.NoError(t, Break(t.Context(), dir, Fault{Command: "payments/charge", Mode: Reject}))
	turned := d.end()
	require.Equal(t, "compensated", turned.Status)
	require.Equal(t, "undone", turned.Steps[0].Phase)
	require.ErrorContains(t, Break(t.Context(), dir, Fault{Command: "payments/charg", Mode: Reject}), "there are flights/release, flights/reserve, payments/charge")
	require.NoError(t, Break(t.Context(), dir, Fault{Command: "payments/charge", Mode: Off}))
	for _, fault := range []Fault{{Mode: Duplicate}, {Mode: Late, Delay: time.Millisecond}} {
		fault.Command = "flights/reserve"
		require.NoError(t, Break(t.Context(), dir, fault))
		require.Equal(t, "completed", d.end().Status)
	}
	require.NoError(t, Break(t.Context(), dir, Fault{Command: "flights/reserve", Mode: Timeout}))
	require.NoError(t, Break(t.Context(), dir, Fault{Command: "flights/reserve", Mode: Off}))

	write(t, definitions, "trip.yaml", strings.Replace(tripYAML, "flights/reserve", "flights/reserv", 1))
	d.says(`trip.yaml:8: steps[0].command: flights has no command "reserv"; did you mean reserve?`)
	require.Equal(t, "completed", d.end().Status, "what was applied stays in use")
	write(t, definitions, "trip.yaml", strings.Replace(tripYAML, "saga: trip\n", "saga: trip\ntitle: Trip\n", 1))
	d.says("trip is now r2")
	second := d.end()
	require.Equal(t, "r2", second.Version)

	d.stop()
	require.NoFileExists(t, addressPath(dir))
	d = startDev(t, dir, Config{Definitions: definitions})
	kept, err := d.client.Get(t.Context(), second.ID)
	require.NoError(t, err, "the state survives a restart")
	require.Equal(t, "completed", kept.Status)
	require.Equal(t, "completed", d.end().Status)
	require.ErrorIs(t, Run(t.Context(), Config{World: WorldConfig{Dir: dir}, Reset: true}), embedded.ErrInUse)
}

func TestDevWithoutDefinitionsBringsAnExample(t *testing.T) {
	t.Parallel()
	dir := wipe(t)
	d := startDev(t, dir, Config{Example: os.DirFS(newFolder(t)), ExampleDir: "nowhere", NoStub: []string{"flights"}})
	require.Equal(t, filepath.Join(dir, "definitions"), d.session.Dir())
	require.Equal(t, []string{"payments"}, d.session.Stubs())
	require.ErrorContains(t, Break(t.Context(), dir, Fault{Command: "flights/reserve", Mode: Fail}), "--no-stub")
}
