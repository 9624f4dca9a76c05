package sagatest_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/sagatest"
)

const day = 24 * time.Hour

// caught is a test that keeps what it is told.
type caught struct{ said string }

func (*caught) Helper()             {}
func (*caught) Logf(string, ...any) {}

func (c *caught) Errorf(format string, args ...any) { c.said += fmt.Sprintf(format, args...) }

func (c *caught) Fatalf(format string, args ...any) {
	c.Errorf(format, args...)
	panic(errFatal)
}

var errFatal = errors.New("the test has ended")

// told plays a scene that is to fail and returns what was said.
func told(of sagatest.Saga, s sagatest.Scene) (said string) {
	t := &caught{}
	defer func() {
		if err, ok := recover().(error); ok && !errors.Is(err, errFatal) {
			panic(err)
		}
		said = t.said
	}()
	sagatest.Play(t, of, s)
	return t.said
}

// TestPlayOfADeclaredSaga has everything that can be given and expected.
func TestPlayOfADeclaredSaga(t *testing.T) {
	t.Parallel()
	for name, scene := range map[string]sagatest.Scene{
		"everything": {
			Input: map[string]any{"cents": 5}, Start: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
			Expect: sagatest.Expect{
				Status: saga.Completed, Steps: map[string]saga.Phase{"sign": saga.Skipped, "mail": saga.Done},
				Commands: []sagatest.Command{{Do: "reserve", Attempt: 1}, {Do: "charge", Input: map[string]any{"cents": 5}}, {Do: "mail"}},
				History:  []string{"started", "succeeded of do reserve", "succeeded of do charge", "succeeded of do mail"},
				Output:   nil, Attributes: map[string]any{}, Attention: []string{}, WaitingFor: []string{},
			},
		},
		"an attempt each": {
			Input: map[string]any{"cents": 5},
			Answers: map[string][]sagatest.Answer{
				"reserve": {{Silent: true}, {Fail: "no line"}, {After: 2 * time.Second, Ongoing: time.Second}},
				"mail":    {{Fail: "no line", When: sagatest.Attempt(1)}, {}},
			},
			Expect: sagatest.Expect{
				Status:   saga.Completed,
				Commands: []sagatest.Command{{Do: "reserve"}, {Do: "reserve", Attempt: 2, At: 30 * time.Second}, {Do: "reserve", Attempt: 3}, {Do: "charge"}, {Do: "mail"}, {Do: "mail", Attempt: 2}},
			},
		},
		"people": {
			Input: map[string]any{"cents": 200_000},
			Cues: []sagatest.Cue{
				{When: "sign asking", Do: sagatest.Pause()},
				{At: day, Do: sagatest.Resume()},
				{At: 2 * day, Do: sagatest.Refuse("sign", "too dear"), By: "user:anna", Groups: []string{"group:desk"}},
				{At: 3 * day, Do: sagatest.Pause(), Refused: "ended"},
			},
			Expect: sagatest.Expect{Cause: "too dear", Took: 2 * day, Commands: []sagatest.Command{{Do: "reserve"}, {Undo: "reserve"}}},
		},
		"by hand": {
			Until: time.Hour, Input: map[string]any{"cents": 200_000},
			Answers: map[string][]sagatest.Answer{"mail": {{Fail: "no line"}}},
			Cues: []sagatest.Cue{
				{Do: sagatest.Skip("sign", "on the telephone")},
				{When: "mail resting", Do: sagatest.Retry("mail")},
				{At: time.Minute, Do: sagatest.Edit("mail", 7)},
				{At: 2 * time.Minute, Do: sagatest.Resolve("mail", 7)},
			},
			Expect: sagatest.Expect{Status: saga.Completed, Took: 2 * time.Minute},
		},
		"again from the start": {
			Input: map[string]any{"cents": 200_000},
			Cues: []sagatest.Cue{
				{When: "sign asking", Do: sagatest.Reset("reserve", "another shelf")},
				{At: day, Do: sagatest.Approve("sign"), Groups: []string{"group:desk"}},
			},
			Expect: sagatest.Expect{
				Status:   saga.Completed,
				Commands: []sagatest.Command{{Do: "reserve"}, {Undo: "reserve"}, {Do: "reserve"}, {Do: "charge"}, {Do: "mail"}},
			},
		},
		"given up": {
			Cues:   []sagatest.Cue{{When: "reserve doing", Do: sagatest.Terminate("bankrupt")}},
			Input:  map[string]any{"cents": 1},
			Expect: sagatest.Expect{Status: saga.Abandoned, AtMost: time.Second},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			played := sagatest.Play(t, orders(), scene)
			require.Len(t, played.History, int(played.State.Seq))
		})
	}
}

// TestPlayOfAFunction: thirty days, a refusal, a failure and a cancel.
func TestPlayOfAFunction(t *testing.T) {
	t.Parallel()
	undone := []sagatest.Command{{Do: "hotel"}, {Do: "flight"}, {Undo: "flight"}, {Undo: "hotel"}}
	for name, scene := range map[string]sagatest.Scene{
		"thirty days": {
			Input:  trip{Cents: 7},
			Expect: sagatest.Expect{Status: saga.Completed, Took: 30 * day, Steps: map[string]saga.Phase{"pay": saga.Done}},
		},
		"cancelled while it sleeps": {
			Cues:   []sagatest.Cue{{When: "sleep sleeping", Do: sagatest.Cancel("changed plans")}},
			Expect: sagatest.Expect{Status: saga.Compensated, Cause: "changed plans", Commands: undone},
		},
		"the card is declined": {
			Answers: map[string][]sagatest.Answer{"pay": {{Reject: "declined"}}},
			Expect:  sagatest.Expect{Status: saga.Compensated, AtLeast: 30 * day},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			played := sagatest.Play(t, trips(), scene)
			replayed, err := trips().Replay(played.State.ID, played.History)
			require.NoError(t, err)
			require.Equal(t, played.State.Status, replayed.Status)
			if played.State.Status == saga.Completed {
				require.NoError(t, played.Output(&ticket{}))
			} else {
				require.ErrorContains(t, played.Output(&ticket{}), "the output of the saga, which is compensated")
			}
		})
	}
}

// TestPlayOfAnEvent hands over the event that a step awaits.
func TestPlayOfAnEvent(t *testing.T) {
	t.Parallel()
	invoice := declared(t, `unwind: v1
saga: invoice
steps:
  - {step: paid, await: {topic: payments, match: "${event.value.invoice == input.invoice}"}}
output: "${steps.paid.output.cents}"
`)
	sagatest.Play(t, invoice, sagatest.Scene{
		Input:  map[string]any{"invoice": 7},
		Cues:   []sagatest.Cue{{At: day, Do: sagatest.Event("paid", map[string]any{"cents": 900})}},
		Expect: sagatest.Expect{Status: saga.Completed, Took: day, Output: 900},
	})
}

// TestUpdatesInAScene: others change what a function knows, and are refused.
func TestUpdatesInAScene(t *testing.T) {
	t.Parallel()
	cart, err := code.Func(saga.Definition{Name: "cart", Version: "r1"}, func(c *code.Context, in []string) ([]string, error) {
		paid := false
		code.Update(c, "add", func(item string) error {
			if item == "" {
				return errors.New("an item has a name")
			}
			return nil
		}, func(item string) (int, error) { in = append(in, item); return len(in), nil })
		code.Update(c, "pay", nil, func(any) (int, error) { paid = true; return len(in), nil })
		c.Until(func() bool { return paid })
		return in, nil
	})
	require.NoError(t, err)
	played := sagatest.Play(t, cart, sagatest.Scene{
		Input: []string{"tea"},
		Cues: []sagatest.Cue{
			{At: time.Hour, Do: sagatest.Update("add", "milk")},
			{At: day, Do: sagatest.Update("add", ""), Refused: "update-refused"},
			{At: day, Do: sagatest.Update("put", "salt"), Refused: "unknown-update"},
			{At: day, Do: sagatest.Update("pay", nil)},
		},
		Expect: sagatest.Expect{
			Status: saga.Completed, Took: day, Output: []string{"tea", "milk"}, History: []string{"started", "updated add", "updated pay"},
		},
	})
	answer, ok := played.History[1].UpdateAnswer()
	require.True(t, ok)
	require.Equal(t, "2", string(answer.Output))
}

// TestMatchers: each command gets the answer that is for its input.
func TestMatchers(t *testing.T) {
	t.Parallel()
	many, err := code.Func(saga.Definition{Name: "many", Version: "r1"}, func(c *code.Context, in []int) (sum int, err error) {
		for _, n := range in {
			got, err := code.Do[int](c, saga.Step{Name: "add", Participant: "sums", Command: "add", Compensation: "sub"}, n)
			if err != nil {
				return sum, err
			}
			sum += got
		}
		return sum, nil
	})
	require.NoError(t, err)
	answers := []sagatest.Answer{
		{Output: 100, When: sagatest.Input(func(n int) bool { return n%2 == 0 }), Times: 1},
		{Output: 1000, When: sagatest.Holds(3)},
		sagatest.With(func(n int) sagatest.Answer { return sagatest.Answer{Output: -n} }),
	}
	sagatest.Play(t, many, sagatest.Scene{
		Input: []int{1, 2, 3, 4, 6}, Answers: map[string][]sagatest.Answer{"add": answers},
		Expect: sagatest.Expect{Status: saga.Completed, Output: -1 + 100 + 1000 + 100 + 100},
	})
	said := told(many, sagatest.Scene{Input: []int{5}, Answers: map[string][]sagatest.Answer{"add": answers[:2]}, Until: time.Hour})
	require.Contains(t, said, "no answer of add is for attempt 1 with the input 5: add one without When")
	require.Contains(t, said, "→ do add 5")
	said = told(many, sagatest.Scene{Input: []int{5}, Until: time.Hour, Answers: map[string][]sagatest.Answer{"add": {sagatest.With(func(string) sagatest.Answer { return sagatest.Answer{} })}}})
	require.Contains(t, said, "the input of add does not fit the mock: json: cannot unmarshal")
}

// TestScenesThatCannotBePlayed say what is wrong, all of it.
func TestScenesThatCannotBePlayed(t *testing.T) {
	t.Parallel()
	for want, scene := range map[string]sagatest.Scene{
		"order has no step \"chargee\"; did you mean charge?": {Name: "a", Answers: map[string][]sagatest.Answer{"chargee/undo": {{}}}},
		"order has no step \"signed\"; did you mean sign?":    {Expect: sagatest.Expect{Steps: map[string]saga.Phase{"signed": saga.Done}}},
		"cue 1: nothing is done: set Do":                      {Cues: []sagatest.Cue{{At: day}}},
		`cue 1: "sign" is not a moment`:                       {Cues: []sagatest.Cue{{When: "sign", Do: sagatest.Pause()}}},
		"command 1: set one of Do and Undo":                   {Expect: sagatest.Expect{Commands: []sagatest.Command{{Attempt: 1}}}},
		"json: unsupported type: func()":                      {Input: func() {}},
		"an answer cannot be written as JSON":                 {Input: map[string]any{"cents": 5}, Answers: map[string][]sagatest.Answer{"charge": {{Output: func() {}}}}, Until: day},
		"an event is refused: got":                            {Input: map[string]any{"cents": 5}, Cues: []sagatest.Cue{{Do: sagatest.Approve("sign")}}},
		"an event never happens: want when sign is asking":    {Input: map[string]any{"cents": 5}, Cues: []sagatest.Cue{{When: "sign asking", Do: sagatest.Approve("sign")}}},
		"history: want started, got started, succeeded of":    {Input: map[string]any{"cents": 5}, Expect: sagatest.Expect{History: []string{"started"}}},
	} {
		require.Contains(t, told(orders(), scene), want)
	}
	require.Contains(t, told(trips(), sagatest.Scene{Input: 5}), "the scene breaks off: got read the saga's input: json: cannot unmarshal")
}

// TestAPlayedPanic: the saga stands still, as with a coordinator, until somebody has
// corrected the function; what it could not take is told again.
func TestAPlayedPanic(t *testing.T) {
	t.Parallel()
	turns := 0
	made, err := code.Func(saga.Definition{Name: "hasty", Version: "r1"}, func(c *code.Context, in trip) (ticket, error) {
		got, err := code.Do[ticket](c, saga.Step{Name: "flight", Participant: "airline", Command: "reserve", Compensation: "release"}, in)
		if turns++; turns == 1 {
			panic("a mistake")
		}
		return got, err
	})
	require.NoError(t, err)
	scene := sagatest.Scene{
		Answers: map[string][]sagatest.Answer{"flight": {{Output: ticket{"F-1"}}}},
		Expect:  sagatest.Expect{Status: saga.Running, Attention: []string{"transition-failed flight"}, Commands: []sagatest.Command{{Do: "flight"}}},
	}
	sagatest.Play(t, made, scene)
	turns = 0
	scene.Cues = []sagatest.Cue{{At: 30 * 24 * time.Hour, Do: sagatest.Retry("")}}
	scene.Expect.Status, scene.Expect.Attention, scene.Expect.Output = saga.Completed, []string{}, ticket{"F-1"}
	sagatest.Play(t, made, scene)
}
