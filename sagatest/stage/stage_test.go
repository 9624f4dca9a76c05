package stage_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/sagatest/stage"
)

// cast answers by step; a nil func is silence.
type cast map[string]func(c saga.Command) []stage.Answer

func (m cast) Answer(c saga.Command) []stage.Answer {
	if f := m[c.ID.Step.Name]; f != nil {
		return f(c)
	}
	return nil
}

func yes(c saga.Command) []stage.Answer {
	return []stage.Answer{{After: time.Second, Outcome: saga.Succeeded, Output: []byte(`{}`)}}
}

func compile(t testing.TB, steps ...saga.Step) *saga.Machine {
	t.Helper()
	m, err := saga.Compile(saga.Definition{Name: "play", Version: "r1", Steps: steps})
	require.NoError(t, err)
	return m
}

func month() []saga.Step {
	return []saga.Step{
		{Name: "reserve", Participant: "stock", Command: "reserve", Compensation: "release"},
		{Name: "wait", Sleep: &saga.Sleep{For: 30 * 24 * time.Hour}},
		{Name: "charge", Participant: "cards", Command: "charge", Kind: saga.Pivot},
	}
}

// ExampleStage sleeps for thirty days.
func ExampleStage() {
	machine, err := saga.Compile(saga.Definition{Name: "rent", Version: "r1", Steps: month()})
	if err != nil {
		panic(err)
	}
	s := stage.New(stage.Config{Decider: machine, Definition: "rent", Cast: cast{"reserve": yes, "charge": yes}})
	if err := errors.Join(s.Start([]byte(`{}`), saga.EventExtra{}), s.Run()); err != nil {
		panic(err)
	}
	for _, c := range s.Sent() {
		fmt.Println(c.At, c.ID.Direction, c.ID.Step.Name)
	}
	fmt.Println(s.Took(), s.State().Status)
	// Output:
	// 0s do reserve
	// 720h0m1s do charge
	// 720h0m2s completed
}

// TestAStageIsReplayed: what was played is a history like any other.
func TestAStageIsReplayed(t *testing.T) {
	t.Parallel()
	machine := compile(t, month()...)
	attempts := 0
	s := stage.New(stage.Config{Decider: machine, Definition: "play", Cast: cast{
		"reserve": yes,
		"charge": func(saga.Command) []stage.Answer {
			if attempts++; attempts < 3 {
				return []stage.Answer{{After: time.Second, Outcome: saga.Ongoing}, {After: 2 * time.Second, Outcome: saga.Failed, Reason: "no line"}}
			}
			return []stage.Answer{{After: time.Minute, Outcome: saga.Succeeded}} // late: the next attempt is under way
		},
	}})
	seen := 0
	s.When(func(st saga.State) bool { return len(st.Steps) > 1 && st.Steps[1].Phase == saga.Sleeping }, func() error {
		seen++
		return s.Submit(saga.Event{Kind: saga.Retried, Actor: saga.Actor{Kind: saga.Operator}})
	})
	require.NoError(t, s.Start([]byte(`{}`), saga.EventExtra{}))
	require.ErrorIs(t, s.Run(), saga.ErrNotNow, "nothing rests while it sleeps")
	require.NoError(t, s.Run(), "a refusal changes nothing")
	require.Equal(t, 1, seen)
	require.Equal(t, saga.Completed, s.State().Status)
	replayed, err := machine.Replay(s.State().ID, s.History())
	require.NoError(t, err)
	state := s.State()
	require.Equal(t, saga.AppendState(nil, &state), saga.AppendState(nil, &replayed))
}

// TestAPlayEnds at its time, or when it goes on and on.
func TestAPlayEnds(t *testing.T) {
	t.Parallel()
	machine := compile(t, saga.Step{Name: "charge", Participant: "cards", Command: "charge", Kind: saga.Pivot})
	s := stage.New(stage.Config{Decider: machine, Definition: "play", Cast: cast{}, Until: time.Hour})
	require.NoError(t, s.Start([]byte(`{}`), saga.EventExtra{}))
	require.NoError(t, s.Run())
	require.Equal(t, time.Hour, s.Took())
	require.Equal(t, saga.Running, s.State().Status)
	s = stage.New(stage.Config{Decider: machine, Definition: "play", Cast: cast{}})
	require.NoError(t, s.Start([]byte(`{}`), saga.EventExtra{}))
	require.ErrorIs(t, s.Run(), stage.ErrEndless)
}

// BenchmarkMonth plays a saga that sleeps for thirty days.
func BenchmarkMonth(b *testing.B) {
	machine := compile(b, month()...)
	for b.Loop() {
		s := stage.New(stage.Config{Decider: machine, Definition: "play", Cast: cast{"reserve": yes, "charge": yes}})
		if err := errors.Join(s.Start([]byte(`{}`), saga.EventExtra{}), s.Run()); err != nil {
			b.Fatal(err)
		}
	}
}

// account is an expression: a text.
type account struct{}

func (account) String() string                           { return "account" }
func (account) Reads() saga.Reads                        { return saga.Reads{} }
func (account) Eval(saga.Scope) (json.RawMessage, error) { return json.RawMessage(`"a7"`), nil }

// A saga on the stage is alone with its locks.
func TestLocksAreFree(t *testing.T) {
	t.Parallel()
	m, err := saga.Compile(saga.Definition{Name: "play", Version: "r1", Steps: month()[:1], Locks: []saga.Expr{account{}}})
	require.NoError(t, err)
	s := stage.New(stage.Config{Decider: m, Definition: "play", Cast: cast{"reserve": yes}})
	require.NoError(t, errors.Join(s.Start([]byte(`{}`), saga.EventExtra{}), s.Run()))
	require.Equal(t, saga.Completed, s.State().Status)
}
