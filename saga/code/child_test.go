package code_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

// told lists what a saga has told others.
func told(effects []saga.Effect) (list []saga.Tell) {
	for _, effect := range effects {
		if tell, ok := effect.(saga.Tell); ok {
			list = append(list, tell)
		}
	}
	return list
}

// texts says what a saga has told others.
func texts(list []saga.Tell) (texts []string) {
	for _, tell := range list {
		text := string(tell.Event.Kind)
		if x := tell.Event.Extras(); x.Family != nil {
			text += fmt.Sprintf(" %s %s for %s undoable:%t %s", x.Definition, x.Version, x.Family.Step, x.Family.Undoable, tell.Event.Payload.Data)
		}
		texts = append(texts, text)
	}
	return texts
}

// childEnded is how a child tells of its end.
func childEnded(begun saga.Tell, outcome saga.Outcome, payload, reason string) saga.Event {
	return saga.Event{
		Kind: saga.ChildEnded, Actor: saga.Actor{Kind: saga.ByChild, Name: begun.To.String()}, Step: begun.Event.Extra.Family.Step,
		Outcome: outcome, Reason: reason, Payload: saga.JSON([]byte(payload)),
	}
}

// settle is the child of the tests.
var settle = saga.Child{Definition: "settle", Version: "r2"}

// Children run side by side; their outputs are the function's, and they are turned
// back with their saga.
func TestChildrenOfCode(t *testing.T) {
	t.Parallel()
	w := newTest(t, func(c *code.Context, in trip) (string, error) {
		var list []code.Future[ref]
		for n := range in.Trip {
			list = append(list, code.StartChild[ref](c, "settle", settle, n))
		}
		all := ""
		for _, child := range list {
			got, err := child.Get(c)
			if err != nil {
				return "", err
			}
			all += got.Ref
		}
		c.Sleep(time.Hour)
		return all, errors.New("had enough of " + all)
	})
	w.start(`{"Trip":2}`)
	begun := w.told
	require.Equal(t, []string{"started settle r2 for settle undoable:true 0", "started settle r2 for settle#2 undoable:true 1"}, texts(begun))
	require.Equal(t, []string{"child"}, w.state.WaitingFor())
	w.forget()
	w.event(childEnded(begun[1], saga.Succeeded, `{"Ref":"two"}`, ""))
	w.event(childEnded(begun[1], saga.Succeeded, `{"Ref":"again"}`, ""))
	w.forget()
	w.event(childEnded(begun[0], saga.Succeeded, `{"Ref":"one"}`, ""))
	require.Equal(t, []string{"settle done", "settle#2 done", "sleep sleeping"}, w.steps())
	w.wake()
	require.Equal(t, "had enough of onetwo", w.state.Cause)
	require.Equal(t, []string{"reversed", "reversed"}, texts(w.told), "they ran side by side")
	require.ElementsMatch(t, []saga.ID{begun[0].To, begun[1].To}, []saga.ID{w.told[0].To, w.told[1].To})
	w.event(childEnded(begun[0], saga.Rejected, "", "its parent turned back"))
	w.event(childEnded(begun[1], saga.Rejected, "", "its parent turned back"))
	require.Equal(t, saga.Compensated, w.state.Status)
	require.Equal(t, []string{"settle undone", "settle#2 undone", "sleep done"}, w.steps())
}

// A child that turned back is an error of its step; the function goes another way.
func TestAChildThatTurnedBackIsAnError(t *testing.T) {
	t.Parallel()
	w := newTest(t, func(c *code.Context, in trip) (string, error) {
		_, err := code.Child[ref](c, "settle", settle, in)
		var refused *code.Refused
		if !errors.As(err, &refused) {
			return "", fmt.Errorf("want a refusal: %w", err)
		}
		_, err = code.Do[ref](c, saga.Step{Name: "other", Kind: saga.Pivot, Child: &saga.Child{Definition: "other"}}, in)
		return refused.Reason, err
	})
	w.start(`{"Trip":7}`)
	w.forget()
	w.event(childEnded(w.told[0], saga.Rejected, "", "no money"))
	require.Equal(t, []string{`started other  for other undoable:false {"Trip":7}`}, texts(w.told))
	require.True(t, w.state.PivotSent)
	w.event(childEnded(w.told[0], saga.Succeeded, `null`, ""))
	require.Equal(t, saga.Completed, w.state.Status)
	require.JSONEq(t, `"settle was turned back: no money"`, string(w.state.Extras().Output))
}

// Behind the pivot another child is begun after a pause, with another id.
func TestBehindThePivotAChildIsBegunAgain(t *testing.T) {
	t.Parallel()
	w := newTest(t, func(c *code.Context, in trip) (ref, error) {
		if _, err := code.Do[ref](c, payStep, in); err != nil {
			return ref{}, err
		}
		return code.Child[ref](c, "settle", settle, in)
	})
	out := w.start(`{"Trip":7}`)
	w.reply(out[0], saga.Succeeded, `{}`, "")
	first := w.told[0]
	require.False(t, first.Event.Extra.Family.Undoable)
	w.event(childEnded(first, saga.Rejected, "", "not yet"))
	w.forget()
	w.wake()
	second := w.told[0]
	require.NotEqual(t, first.To, second.To)
	w.event(childEnded(first, saga.Succeeded, `{"Ref":"late"}`, ""))
	require.Equal(t, saga.Running, w.state.Status)
	w.event(childEnded(second, saga.Succeeded, `{"Ref":"S2"}`, ""))
	require.Equal(t, saga.Completed, w.state.Status)
	require.JSONEq(t, `{"Ref":"S2"}`, string(w.state.Extras().Output))
}

// A child may be code. What its parent has to be able to undo must not pass a point
// of no return; a function that asks for one stops where it is.
func TestCodeAsAChild(t *testing.T) {
	t.Parallel()
	begin := func(w *world, undoable bool) error {
		e := saga.Event{Kind: saga.Started, Payload: saga.JSON([]byte(`{"Trip":7}`))}
		own := e.Own()
		own.Definition, own.Version, own.Level = "trip", "r1", saga.Level
		own.Family = &saga.Family{Parent: saga.ID{1}, Root: saga.ID{1}, Step: saga.StepRef{Name: "book"}, Depth: 1, Undoable: undoable}
		_, err := w.try(e)
		return err
	}
	w := newTest(t, func(c *code.Context, in trip) (string, error) {
		_, err := code.Do[ref](c, hotelStep, in)
		return "ok", err
	})
	require.NoError(t, begin(w, true))
	hotel := w.sent[0]
	w.reply(hotel, saga.Succeeded, `{}`, "")
	require.Equal(t, saga.Completed, w.state.Status)
	require.JSONEq(t, `"ok"`, string(w.told[0].Event.Payload.Data))
	w.forget()
	out := w.event(saga.Event{Kind: saga.Reversed, Actor: saga.Actor{Kind: saga.ByParent}, Reason: "changed its mind"})
	require.Equal(t, []string{`undo hotel hotels/cancel {"Trip":7}`}, sent(out))
	w.reply(out[0], saga.Succeeded, `{}`, "")
	require.Equal(t, saga.Compensated, w.state.Status)
	require.Equal(t, saga.Rejected, w.told[0].Event.Outcome)

	for name, step := range map[string]saga.Step{
		"a pivot is a point of no return": payStep, "its step has no compensation": {Name: "look", Participant: "p", Command: "run", Reason: "reads only"},
	} {
		fn := func(c *code.Context, in trip) (ref, error) { return code.Do[ref](c, step, in) }
		w := newWorld(t, mustCode(t, fn))
		require.ErrorContains(t, begin(w, true), "the saga is a step that its parent must be able to undo: "+name)
		require.NoError(t, begin(w, false))
		w.run.Stop()
	}
}

// bookFamily is a trip of which two parts are other sagas.
func bookFamily(c *code.Context, in trip) (string, error) {
	for _, step := range family() {
		if _, err := code.Do[any](c, step, in); err != nil {
			return "", err
		}
	}
	return "", nil
}

func family() []saga.Step {
	return []saga.Step{flightStep, {Name: "settle", Child: &settle}, payStep, {Name: "count", Kind: saga.Retriable, Child: &saga.Child{Definition: "count"}}}
}

// TestBothKindsOfParentsDoTheSame lets a declared parent and one that is code live
// through the same: what they tell their children, and when, is the same.
func TestBothKindsOfParentsDoTheSame(t *testing.T) {
	t.Parallel()
	machine, err := saga.Compile(saga.Definition{Name: "trip", Version: "r1", Steps: family()})
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, mustCode(t, bookFamily))
		defer w.run.Stop()
		first := saga.Event{Kind: saga.Started, At: testStart, Payload: saga.JSON([]byte(`{"Trip":7}`))}
		first.Own().Definition, first.Own().Version, first.Own().Level = "trip", "r1", saga.Level
		both(t, w, machine, first)
		declared, _, err := machine.Decide(saga.State{ID: testID}, nil, first)
		require.NoError(t, err)
		var children [2][]saga.Tell // of the declared one, and of code
		for range rapid.IntRange(1, 25).Draw(t, "events") {
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "seconds")) * time.Second)
			e, e2 := drawFamilyEvent(t, w, children)
			e.At = w.now
			next, effects, err := machine.Decide(declared, nil, e)
			got, codeErr := w.try(e2)
			require.Equal(t, fmt.Sprint(err), fmt.Sprint(codeErr))
			if err != nil {
				continue
			}
			if next.Seq == declared.Seq {
				require.Equal(t, declared.Seq, w.state.Seq)
				continue
			}
			require.Equal(t, commands(effects), got, "event %s", e.Kind)
			sameTold(t, told(effects), w.told)
			for i, list := range [][]saga.Tell{told(effects), w.told} {
				for _, tell := range list {
					if tell.Event.Kind == saga.Started {
						children[i] = append(children[i], tell)
					}
				}
			}
			declared = next
			sameFamily(t, declared, w.state)
		}
		w.replay()
	})
}

// drawFamilyEvent draws the same event for both kinds: the ids of their children differ.
func drawFamilyEvent(t *rapid.T, w *world, children [2][]saga.Tell) (declared, code saga.Event) {
	if n := len(children[0]); n > 0 && rapid.Bool().Draw(t, "child") {
		n = rapid.IntRange(0, n-1).Draw(t, "which")
		outcome := rapid.SampledFrom([]saga.Outcome{saga.Succeeded, saga.Succeeded, saga.Rejected, saga.Failed}).Draw(t, "end")
		return childEnded(children[0][n], outcome, `{}`, "because"), childEnded(children[1][n], outcome, `{}`, "because")
	}
	e := drawCodeEvent(t, w)
	if e.Kind == saga.StepSkipped || e.Kind == saga.Signalled { // only a definition says what will be awaited, and who reads what
		e.Kind = saga.Woke
	}
	return e, e
}

func sameTold(t *rapid.T, declared, written []saga.Tell) {
	require.Len(t, written, len(declared))
	for i, tell := range declared {
		other := written[i]
		if x := tell.Event.Extras(); x.Family != nil {
			require.Equal(t, x.Family.Undoable, other.Event.Extra.Family.Undoable)
			require.Equal(t, x.Definition, other.Event.Extra.Definition)
		}
		tell.Event.Extra, other.Event.Extra, tell.To, other.To = nil, nil, saga.ID{}, saga.ID{}
		require.Equal(t, tell, other)
	}
}

// sameFamily is same, but for the ids of the children, which it takes over.
func sameFamily(t *rapid.T, declared, written saga.State) {
	written.Steps = append([]saga.StepState{}, written.Steps...)
	for i := range written.Steps {
		if x := written.Steps[i].Extra; x != nil && !x.Child.IsZero() {
			written.Steps[i].Own().Child = declared.Steps[i].Extras().Child
		}
	}
	for i := range written.Attention { // quotes the id
		require.Equal(t, declared.Attention[i].Reason, written.Attention[i].Reason)
		written.Attention = append([]saga.Attention{}, written.Attention...)
		written.Attention[i].Text = declared.Attention[i].Text
	}
	same(t, declared, written)
}
