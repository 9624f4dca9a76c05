package intake_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/intake"
	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/definition"
)

const trip = `unwind: v1
saga: bookTrip
input:
  schema: {type: object, required: [cents], properties: {cents: {type: integer}}}
steps:
  - {step: charge, kind: pivot, command: payments/charge}
`

// world is all that an Intake asks.
type world struct {
	file     *definition.File
	requests []coordinator.StartRequest
	fail     error
	missing  []string
	closed   error
	away     error
}

func (w *world) Start(_ context.Context, req coordinator.StartRequest) (coordinator.StartResult, error) {
	w.requests = append(w.requests, req)
	return coordinator.StartResult{ID: saga.ID{1}, New: true}, w.fail
}

func (w *world) Open(context.Context, string, string) error { return w.closed }

func (w *world) Latest(_ context.Context, _, name string) (string, *definition.File, error) {
	if name != "bookTrip" {
		return "", nil, &registry.UnknownError{Name: name}
	}
	return "r2", w.file, nil
}

func (w *world) Get(_ context.Context, _, name, version string) (*definition.File, error) {
	if version != "r1" {
		return nil, &registry.UnknownError{Name: name, Version: version}
	}
	return w.file, nil
}

func (w *world) Missing(context.Context, string, saga.Definition) ([]string, error) {
	return w.missing, w.away
}

func open(t *testing.T) (*intake.Intake, *world) {
	t.Helper()
	file, err := definition.Load("trip.yaml", []byte(trip), definition.Options{})
	require.NoError(t, err)
	w := &world{file: file}
	i, err := intake.New(intake.Config{Engine: w, Registry: w, Topics: w})
	require.NoError(t, err)
	return i, w
}

// good is a request that can be taken, changed.
func good(change func(*intake.Request)) intake.Request {
	req := intake.Request{
		Namespace: "shop", Definition: "bookTrip", Key: "order 7", Input: saga.JSON([]byte(`{ "cents": 1 }`)),
		Actor: saga.Actor{Kind: saga.Operator, Name: "kafka"},
	}
	change(&req)
	return req
}

func TestStartPinsAVersion(t *testing.T) {
	t.Parallel()
	i, w := open(t)
	w.away = errors.New("no answer") // brokers that are away refuse nothing
	for asked, pinned := range map[string]string{"": "r2", "r1": "r1"} {
		req := good(func(r *intake.Request) { r.Version = asked })
		result, err := i.Start(t.Context(), req)
		require.NoError(t, err)
		require.Equal(t, intake.Result{ID: saga.ID{1}, Version: pinned, New: true}, result)
		require.Equal(t, coordinator.StartRequest{
			Namespace: "shop", Definition: "bookTrip", Version: pinned, Key: "order 7", Input: req.Input, Actor: req.Actor,
		}, w.requests[len(w.requests)-1])
	}
}

func TestADisabledDefinitionStartsNothing(t *testing.T) {
	t.Parallel()
	i, w := open(t)
	w.closed = &registry.DisabledError{Name: "bookTrip", Reason: "no seats"}
	_, err := i.Start(t.Context(), good(func(*intake.Request) {}))
	require.EqualError(t, err, "definition bookTrip is disabled and starts no sagas: no seats")
	require.True(t, intake.Refused(err))
	require.Empty(t, w.requests)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*intake.Request){
		"there is no definition bookTrap":      func(r *intake.Request) { r.Definition = "bookTrap" },
		"there is no definition bookTrip r9":   func(r *intake.Request) { r.Version = "r9" },
		"must be plain text":                   func(r *intake.Request) { r.Key = "a\nb" },
		"must be plain text ":                  func(r *intake.Request) { r.Key = "\xff" },
		"input.cents":                          func(r *intake.Request) { r.Input.Data = []byte(`{"cents":"1"}`) },
		"input: ":                              func(r *intake.Request) { r.Input.Data = nil },
		"input: is not plain application/json": func(r *intake.Request) { r.Input.Codec = "gzip" },
	} {
		i, w := open(t)
		_, err := i.Start(t.Context(), good(change))
		require.ErrorContains(t, err, want[:len(want)-1])
		require.True(t, intake.Refused(err), want)
		require.Empty(t, w.requests)
	}
	i, w := open(t)
	w.missing = []string{"unwind.commands.payments"}
	_, err := i.Start(t.Context(), good(func(*intake.Request) {}))
	require.EqualError(t, err, "Kafka has no topic unwind.commands.payments; run unwind topics apply")
	require.True(t, intake.Refused(err))
}

func TestOnlyTheRequestsFaultsAreRefusals(t *testing.T) {
	t.Parallel()
	for cause, refused := range map[error]bool{
		coordinator.ErrKeyUsed: true, coordinator.ErrBadStart: true,
		coordinator.ErrNotReady: false, context.DeadlineExceeded: false, context.Canceled: false, errors.New("connection lost"): false,
	} {
		i, w := open(t)
		w.fail = cause
		_, err := i.Start(t.Context(), good(func(*intake.Request) {}))
		require.ErrorIs(t, err, cause)
		require.Equal(t, refused, intake.Refused(err), cause)
	}
	require.False(t, intake.Refused(nil))
}

func TestConfigNamesAllFaults(t *testing.T) {
	t.Parallel()
	_, err := intake.New(intake.Config{Timeout: -1})
	require.ErrorContains(t, err, "Engine and Registry are required")
	require.ErrorContains(t, err, "Timeout must not be negative")
}

// full is a namespace whose quota is used up.
type full struct {
	over  error
	asked []bool // whether each waits
	under int
}

func (f *full) Take(_ context.Context, _ string, waits bool) (func(), error) {
	f.asked = append(f.asked, waits)
	if f.over != nil {
		return nil, f.over
	}
	f.under++
	return func() { f.under-- }, nil
}

// A start that a quota refuses is not made, and may come again; what is let in is
// given back whatever becomes of it.
func TestQuotas(t *testing.T) {
	t.Parallel()
	_, w := open(t)
	quotas := &full{over: errors.New("used up")}
	i, err := intake.New(intake.Config{Engine: w, Registry: w, Quotas: quotas})
	require.NoError(t, err)
	ask := intake.Request{Namespace: "default", Definition: "bookTrip", Input: saga.JSON([]byte(`{"cents":1}`)), Waits: true}
	_, err = i.Start(t.Context(), ask)
	require.ErrorIs(t, err, quotas.over)
	require.False(t, intake.Refused(err))
	require.Empty(t, w.requests)
	ask.Input = saga.JSON([]byte(`{}`))
	_, err = i.Start(t.Context(), ask)
	require.True(t, intake.Refused(err), "what is at fault costs nothing")
	require.Equal(t, []bool{true}, quotas.asked)
	quotas.over, w.fail = nil, coordinator.ErrKeyUsed
	ask.Input, ask.Waits = saga.JSON([]byte(`{"cents":1}`)), false
	_, err = i.Start(t.Context(), ask)
	require.ErrorIs(t, err, coordinator.ErrKeyUsed)
	require.Equal(t, []bool{true, false}, quotas.asked)
	require.Zero(t, quotas.under)
}
