package inject_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/saga/definition"
	"github.com/unwindhq/unwind/sagatest/inject"
	"github.com/unwindhq/unwind/sagatest/script"
	"github.com/unwindhq/unwind/sagatest/stage"
)

// yes answers everything.
type yes struct{}

func (yes) Answer(saga.Command) []stage.Answer {
	return []stage.Answer{{Outcome: saga.Succeeded, Output: []byte("{}")}}
}

func config(of script.Saga) inject.Config {
	return inject.Config{
		Saga: of, Cast: func() stage.Cast { return yes{} },
		Scene: &definition.Scene{Input: []byte("{}"), Start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
	}
}

var steps = []saga.Step{
	{Name: "flight", Participant: "airline", Command: "reserve", Compensation: "release"},
	{Name: "hotel", Participant: "hotels", Command: "book", Compensation: "cancel"},
	{Name: "pay", Participant: "cards", Command: "charge", Kind: saga.Pivot},
	{Name: "mail", Participant: "mail", Command: "send", Kind: saga.Retriable},
}

func compiled(t testing.TB, steps []saga.Step) *saga.Machine {
	t.Helper()
	m, err := saga.Compile(saga.Definition{Name: "trip", Version: "r1", Steps: steps})
	require.NoError(t, err)
	return m
}

// broken is a saga whose decider has a fault.
type broken struct {
	*saga.Machine

	event func(saga.State, saga.Event) saga.Event
	next  func(before, next saga.State) saga.State
	def   []saga.Step
}

func (b broken) Definition() saga.Definition {
	def := b.Machine.Definition()
	if b.def != nil {
		def.Steps = b.def
	}
	return def
}

func (b broken) Decide(s saga.State, h saga.History, e saga.Event) (saga.State, []saga.Effect, error) {
	if b.event != nil {
		e = b.event(s, e)
	}
	next, effects, err := b.Machine.Decide(s, h, e)
	if b.next != nil && err == nil {
		next.Steps = slices.Clone(next.Steps)
		next = b.next(s, next)
	}
	return next, effects, err
}

func (b broken) Replay(id saga.ID, h saga.History) (saga.State, error) {
	s := saga.State{ID: id}
	for i, e := range h {
		s, _, _ = b.Decide(s, h[:i+1], e)
	}
	return s, nil
}

// anyEpoch makes a late reply an answer to what the step waits for.
func anyEpoch(s saga.State, e saga.Event) saga.Event {
	for i, step := range steps {
		if e.Kind != saga.Replied || e.Step.Name != step.Name || i >= len(s.Steps) || s.Steps[i].Phase != saga.Undoing {
			continue
		}
		e.Epoch, e.Attempt, e.Direction = s.Steps[i].Epoch, s.Steps[i].Attempt, saga.Undo
	}
	return e
}

// unknownIsNo takes a step that did not answer for one that has done nothing.
func unknownIsNo(_, next saga.State) saga.State {
	for i := range next.Steps {
		if next.Steps[i].Phase == saga.Undoing && next.Steps[i].Attempt == 1 && strings.Contains(next.Cause, "flight did not answer") && i == 0 {
			next.Steps[i].Phase, next.Steps[i].Due, next.Status = saga.Refused, time.Time{}, saga.Compensated
		}
	}
	return next
}

// deaf never wakes a step that rests.
func deaf(_, next saga.State) saga.State {
	for i := range next.Steps {
		if next.Steps[i].Phase == saga.Resting {
			next.Steps[i].Due = time.Time{}
		}
	}
	return next
}

// forgetful forgets with the state what it has done before.
func forgetful() func(_, next saga.State) saga.State {
	events := 0
	return func(_, next saga.State) saga.State {
		if events++; events%7 == 0 {
			next.Attention = append(slices.Clone(next.Attention), saga.Attention{Reason: saga.PivotUnknown})
		}
		return next
	}
}

// TestWhatIsBrokenIsFound: each invariant is broken by some fault of a decider, and the
// run that finds it needs no more faults than it has to.
func TestWhatIsBrokenIsFound(t *testing.T) {
	t.Parallel()
	apart, late := slices.Clone(steps), slices.Clone(steps)
	apart[0].After, apart[1].After, apart[2].After = []string{}, []string{}, []string{"flight", "hotel"}
	late[1].Kind, late[1].Compensation = saga.Pivot, ""
	for _, test := range []struct {
		of   broken
		want string
	}{
		{broken{next: unknownIsNo}, "no effect is left over: the saga is compensated and flight"},
		{broken{event: anyEpoch}, "undone in reverse: flight was undone before hotel"},
		{broken{next: deaf}, "it ends or asks for attention: it is running"},
		{broken{next: forgetful()}, "the history is replayed: it leads to another state"},
		{broken{Machine: compiled(t, apart), def: steps}, "undone in reverse: flight was undone before hotel"},
		{broken{def: late}, "nothing behind the pivot is undone"},
	} {
		if test.of.Machine == nil {
			test.of.Machine = compiled(t, steps)
		}
		cfg := config(test.of)
		cfg.Runs = 1500
		report := inject.Explore(cfg)
		found := slices.IndexFunc(report.Broken, func(b inject.Broken) bool { return strings.Contains(b.String(), test.want) })
		require.GreaterOrEqual(t, found, 0, "%s: %v", test.want, report.Broken)
		cfg.Only = report.Broken[found].Faults
		t.Logf("%s: %s", test.want, cfg.Only)
		if test.of.event != nil || test.of.def != nil {
			require.Contains(t, inject.Explore(cfg).Broken[0].String(), test.want, "the line that it prints runs it again")
		}
	}
}

// TestTheCoreIsWhole: with two faults of any kind, anywhere.
func TestTheCoreIsWhole(t *testing.T) {
	t.Parallel()
	branches := slices.Clone(steps)
	branches[0].After, branches[1].After, branches[2].After = []string{}, []string{}, []string{"flight", "hotel"}
	for name, of := range map[string]script.Saga{"sequence": compiled(t, steps), "branches": compiled(t, branches)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := inject.Explore(config(of))
			t.Log(report)
			require.Empty(t, report.Broken)
			require.Len(t, report.Struck, 15, "a kind of fault has never struck: %v", report.Struck)
			require.Equal(t, report.Possible, report.Runs)
			require.Positive(t, report.Ended["completed"])
			require.Positive(t, report.Ended["compensated"])
			cfg := config(of)
			cfg.Depth = 1
			first, again := inject.Explore(cfg), inject.Explore(cfg)
			again.Took = first.Took
			require.Equal(t, first, again, "the same each time")
		})
	}
}

// TestAFunctionThatIsNotTheSameTwice is found out by the crash that lets it run again.
func TestAFunctionThatIsNotTheSameTwice(t *testing.T) {
	t.Parallel()
	calls := 0
	moody, err := code.Func(saga.Definition{Name: "moody", Version: "r1"}, func(c *code.Context, _ any) (any, error) {
		calls++
		_, err1 := code.Do[any](c, steps[calls%2], 1)
		_, err2 := code.Do[any](c, steps[3], 1)
		return nil, errors.Join(err1, err2)
	})
	require.NoError(t, err)
	report := inject.Explore(config(moody))
	require.Positive(t, report.NumBroken)
	require.Contains(t, report.Broken[0].String(), "the code does not do what it did")
}

// TestManyRunsAreSampled: no more than wanted, evenly, and it is said.
func TestManyRunsAreSampled(t *testing.T) {
	t.Parallel()
	cfg := config(compiled(t, steps))
	cfg.Depth, cfg.Runs = 3, 500
	report := inject.Explore(cfg)
	require.Equal(t, 500, report.Runs)
	require.Greater(t, report.Possible, 1000)
	require.Contains(t, report.String(), "possible ones")
	require.Len(t, report.Struck, 15)
}

func TestFaultsAreText(t *testing.T) {
	t.Parallel()
	text := "do ship[2] 1 reply-lost, event 4 crash-after-commit, undo hotel#1 3 participant-away"
	faults, err := inject.ParseFaults(text)
	require.NoError(t, err)
	require.Equal(t, text, faults.String())
	for bad, want := range map[string]string{
		"":                          "want do or undo",
		"do hotel 1 lost":           `fault "do hotel 1 lost": want do or undo, a step, an attempt and one of [rejected`,
		"event x crash-after-send":  "want event, its number and one of [crash-before-commit",
		"event 4 rejected":          "want event, its number",
		"redo hotel 1 rejected":     "redo",
		"do hotel first reply-late": "invalid syntax",
	} {
		_, err := inject.ParseFaults(bad)
		require.ErrorContains(t, err, want)
	}
}

// TestAFunctionThatPanics on a way that only a fault leads to: attention is no end for it.
func TestAFunctionThatPanics(t *testing.T) {
	t.Parallel()
	hasty, err := code.Func(saga.Definition{Name: "hasty", Version: "r1"}, func(c *code.Context, _ any) (any, error) {
		if _, err := code.Do[any](c, steps[0], 1); err != nil {
			panic("nobody has tried this")
		}
		return code.Do[any](c, steps[1], 1)
	})
	require.NoError(t, err)
	report := inject.Explore(config(hasty))
	require.Positive(t, report.NumBroken)
	require.Contains(t, report.Broken[0].String(), "every event can be decided: panic in the code: nobody has tried this")
}
