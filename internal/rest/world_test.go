package rest_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/batch"
	"github.com/unwindhq/unwind/internal/intake"
	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/internal/rest"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/definition"
)

// claim has steps that wait.
const claim = `unwind: v1
saga: claim
steps:
  - {step: paid, await: {signal: paid, schema: {type: object, required: [ref]}}}
  - {step: sign, approval: {by: [group:desk], escalate: {after: 1h, to: [user:ann]}}}
  - {step: glance, approval: {}}
`

const trip = `unwind: v1
saga: bookTrip
input:
  schema: {type: object, required: [cents], properties: {cents: {type: integer}}}
steps:
  - {step: reserve, command: flights/reserve, compensation: release}
  - {step: charge, kind: pivot, command: payments/charge}
`

var at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is an engine, a reader and a registry in memory.
type world struct {
	mu       sync.Mutex
	sagas    map[saga.ID]coordinator.Row
	order    []saga.ID
	keys     map[string]saga.ID
	events   []saga.Event
	requests []coordinator.StartRequest
	verbs    []coordinator.Verb
	batches  []batch.Request
	kinds    []batch.Kind // what the sagas of a batch are
	files    map[string]*definition.File
	changed  chan struct{}
	fail     error // of Start, Do and Get
	notReady error
	unasked  error // of Query
	missing  []string
	closed   error       // the definition is disabled
	filter   rest.Filter // the last with attributes
}

func newWorld(t *testing.T) *world {
	t.Helper()
	file, err := definition.Load("trip.yaml", []byte(trip), definition.Options{})
	require.NoError(t, err)
	claims, err := definition.Load("claim.yaml", []byte(claim), definition.Options{})
	require.NoError(t, err)
	return &world{
		sagas: map[saga.ID]coordinator.Row{}, keys: map[string]saga.ID{}, changed: make(chan struct{}, 1),
		files: map[string]*definition.File{"bookTrip r1": file, "claim r1": claims},
	}
}

// serve returns a server of the world.
func (w *world) serve(t *testing.T, change ...func(*rest.Config)) (*httptest.Server, *rest.Server) {
	t.Helper()
	starts, err := intake.New(intake.Config{Engine: w, Registry: library{w}, Topics: topics{w}})
	require.NoError(t, err)
	config := rest.Config{Engine: w, Reader: w, Registry: library{w}, Starts: starts, Fleet: three(), PollEvery: time.Hour, Version: "test"}
	for _, c := range change {
		c(&config)
	}
	config.Away = func(err error) bool { return errors.Is(err, errAway) }
	s, err := rest.New(config)
	require.NoError(t, err)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server, s
}

// id returns the n-th saga's id.
func id(n int) saga.ID {
	return saga.ID{0x01, 0x90, 0xa1, 0xb2, 0xc3, 0xd4, 0x7e, 0x5f, 0x8a, 0x9b, 0, 0, 0, 0, 0, byte(n)}
}

// add puts a saga into the world.
func (w *world) add(change ...func(*saga.State)) saga.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := saga.State{
		ID: id(len(w.sagas) + 1), Definition: "bookTrip", Version: "r1", Status: saga.Running, Started: at, Last: at,
		Steps: []saga.StepState{{Phase: saga.Doing, Epoch: 1, Attempt: 1, Due: at.Add(30 * time.Second)}, {}},
	}
	for _, c := range change {
		c(&s)
	}
	w.sagas[s.ID] = coordinator.Row{Namespace: "default", State: s}
	w.order = append(w.order, s.ID)
	return s.ID
}

// set changes a saga and tells whoever watches.
func (w *world) set(id saga.ID, change func(*saga.State)) {
	w.mu.Lock()
	row := w.sagas[id]
	row.State.Steps = slices.Clone(row.State.Steps)
	change(&row.State)
	w.sagas[id] = row
	w.mu.Unlock()
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

func (w *world) Start(_ context.Context, req coordinator.StartRequest) (coordinator.StartResult, error) {
	w.mu.Lock()
	w.requests = append(w.requests, req)
	known, ok := w.keys[req.Key]
	err := w.fail
	w.mu.Unlock()
	if err != nil || ok {
		return coordinator.StartResult{ID: known}, err
	}
	started := w.add()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sagas[started] = coordinator.Row{Namespace: req.Namespace, State: w.sagas[started].State}
	if req.Key != "" {
		w.keys[req.Key] = started
	}
	return coordinator.StartResult{ID: started, New: true}, nil
}

func (w *world) Do(_ context.Context, v coordinator.Verb) (coordinator.VerbResult, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.verbs = append(w.verbs, v)
	state := w.sagas[v.Saga].State
	state.Status, state.Cause = saga.Compensating, v.Reason
	return coordinator.VerbResult{State: state, Changed: true}, w.fail
}

func (w *world) Query(ctx context.Context, row coordinator.Row, name string, history func(context.Context) (saga.History, error)) (json.RawMessage, error) {
	h, err := history(ctx)
	if err = cmp.Or(w.unasked, err); err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, `{"name":%q,"of":%q,"events":%d}`, name, row.State.Definition, len(h)), nil
}

func (w *world) Update(ctx context.Context, v coordinator.Verb, event func(context.Context, int64) (saga.Event, error)) (coordinator.UpdateResult, error) {
	done, _ := w.Do(ctx, v)
	e, err := saga.Event{Seq: 2}, error(nil)
	if len(w.events) > 0 {
		e, err = event(ctx, 2)
	}
	if err = cmp.Or(w.unasked, err); err != nil {
		return coordinator.UpdateResult{}, err
	}
	return coordinator.UpdateResult{ID: "u", Seq: e.Seq, Answer: saga.UpdateAnswer{Output: v.Payload.Data}, State: done.State}, nil
}

func (w *world) Watch(saga.ID) (<-chan struct{}, func()) { return w.changed, func() {} }

func (w *world) Ready() error { return w.notReady }

func (w *world) Get(_ context.Context, id saga.ID) (coordinator.Row, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	row, ok := w.sagas[id]
	if !ok {
		return row, coordinator.ErrNotFound
	}
	return row, nil
}

func (w *world) List(_ context.Context, f rest.Filter) (page []coordinator.Row, next saga.ID, err error) {
	if len(f.Attributes) > 0 || f.Waiting != 0 {
		w.filter = f
	}
	for _, id := range slices.Backward(w.order) {
		row := w.sagas[id]
		if !f.After.IsZero() && id.String() >= f.After.String() || f.Status != 0 && row.State.Status != f.Status ||
			f.Attention && len(row.State.Attention) == 0 || !f.Parent.IsZero() && !childOf(row.State, f.Parent) || f.Definition != "" && f.Definition != row.State.Definition {
			continue
		}
		if len(page) == f.Limit {
			return page, page[f.Limit-1].State.ID, nil
		}
		page = append(page, row)
	}
	return page, saga.ID{}, nil
}

func (w *world) CountSnoozed(context.Context, rest.Filter) (int, error) { return 3, nil }

func (w *world) Locks(_ context.Context, id saga.ID) ([]coordinator.LockView, error) {
	if w.fail != nil {
		return nil, w.fail
	}
	return []coordinator.LockView{{Key: "a7", Granted: true, Holder: id}, {Key: "a8", Holder: saga.ID{7}, Ahead: 3}}, nil
}

func childOf(s saga.State, parent saga.ID) bool {
	f := s.Extras().Family
	return f != nil && f.Parent == parent
}

func (w *world) History(_ context.Context, _ saga.ID, after int64, limit int) ([]saga.Event, error) {
	events := w.events[min(int(after), len(w.events)):]
	return events[:min(limit, len(events))], nil
}

// library is the registry.
type library struct{ *world }

func (l library) List(context.Context, string, string, int) ([]registry.Entry, error) {
	return []registry.Entry{{Name: "bookTrip", Version: "r1", Hash: "abc", At: at}}, nil
}

func (l library) Apply(_ context.Context, _ string, file *definition.File) (string, bool, error) {
	for name, known := range l.files {
		if known.Hash == file.Hash {
			return strings.Fields(name)[1], false, nil
		}
	}
	l.files[file.Definition.Name+" r2"] = file
	return "r2", true, nil
}

func (l library) Latest(ctx context.Context, namespace, name string) (string, *definition.File, error) {
	file, err := l.Get(ctx, namespace, name, "r1")
	return "r1", file, err
}

func (l library) Open(context.Context, string, string) error { return l.closed }

func (l library) Disable(_ context.Context, _, _, reason, actor string) error {
	l.closed = &registry.DisabledError{Name: "bookTrip", Reason: reason + " by " + actor}
	return nil
}

func (l library) Enable(context.Context, string, string) error {
	l.closed = nil
	return nil
}

func (l library) Promote(ctx context.Context, namespace, name, version string) error {
	_, err := l.Get(ctx, namespace, name, version)
	return err
}

func (l library) Get(_ context.Context, _, name, version string) (*definition.File, error) {
	if file, ok := l.files[name+" "+version]; ok {
		return file, nil
	}
	if version != "r1" {
		return nil, &registry.UnknownError{Name: name, Version: version}
	}
	return nil, &registry.UnknownError{Name: name, Closest: "bookTrip"}
}

type topics struct{ *world }

func (t topics) Missing(context.Context, string, saga.Definition) ([]string, error) {
	return t.missing, nil
}

// call sends a request and returns the answer.
func call(t *testing.T, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(data)
}
