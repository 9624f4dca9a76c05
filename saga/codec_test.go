package saga_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/unwindhq/unwind/saga"
)

func drawTime(t *rapid.T, label string) time.Time {
	n := rapid.Int64Range(-1, 1<<52).Draw(t, label)
	if n <= 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

func drawBytes(t *rapid.T, label string) []byte {
	if rapid.Bool().Draw(t, label+"Kept") {
		return append([]byte{}, rapid.SliceOf(rapid.Byte()).Draw(t, label)...)
	}
	return nil
}

func drawState(t *rapid.T) saga.State {
	text := rapid.String()
	s := saga.State{
		ID: storyID, Definition: text.Draw(t, "definition"), Version: text.Draw(t, "version"),
		Level: rapid.Int().Draw(t, "level"), Seq: rapid.Int64().Draw(t, "seq"),
		Status: saga.Status(rapid.Byte().Draw(t, "status")), PivotSent: rapid.Bool().Draw(t, "pivotSent"),
		Started: drawTime(t, "started"), Last: drawTime(t, "last"), Cause: text.Draw(t, "cause"),
		Input: saga.Payload{Data: drawBytes(t, "input"), ContentType: text.Draw(t, "type"), Codec: text.Draw(t, "codec"), KeyID: text.Draw(t, "key")},
	}
	for range rapid.IntRange(0, 5).Draw(t, "steps") {
		s.Steps = append(s.Steps, saga.StepState{
			Phase: saga.Phase(rapid.Byte().Draw(t, "phase")), Epoch: rapid.Int().Draw(t, "epoch"),
			Attempt: rapid.Int().Draw(t, "attempt"), Due: drawTime(t, "due"), Hash: rapid.Uint64().Draw(t, "hash"),
			Ignored: rapid.Int().Draw(t, "ignored"), Output: drawBytes(t, "output"),
		})
		if rapid.Bool().Draw(t, "beats") {
			extra := s.Steps[len(s.Steps)-1].Own()
			extra.Until = time.UnixMicro(rapid.Int64Range(1, 1<<52).Draw(t, "until")).UTC()
			if rapid.Bool().Draw(t, "tells") {
				extra.Progress = &saga.Progress{At: extra.Until, Data: drawBytes(t, "progress")}
			}
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "attention") {
		s.Attention = append(s.Attention, saga.Attention{
			Reason: saga.AttentionReason(text.Draw(t, "reason")), Step: text.Draw(t, "step"), Text: text.Draw(t, "text"),
		})
	}
	for range rapid.IntRange(0, 3).Draw(t, "requests") {
		s.Requests = append(s.Requests, rapid.Uint64().Draw(t, "request"))
	}
	for range rapid.IntRange(0, 3).Draw(t, "taken") {
		own := s.Own()
		own.Taken = append(own.Taken, saga.Taken{Request: rapid.Uint64().Draw(t, "update"), Seq: rapid.Int64Range(1, 1<<40).Draw(t, "seq")})
	}
	drawSpreads(t, &s)
	s.Paused, s.Deadline = drawTime(t, "paused"), drawTime(t, "deadline")
	if rapid.Bool().Draw(t, "labelled") {
		s.Own().Label = &saga.Label{
			Title: text.Draw(t, "title"), Subject: text.Draw(t, "subject"),
			Retention: saga.Retention(rapid.Byte().Draw(t, "retention")), Priority: saga.Priority(rapid.Byte().Draw(t, "priority")),
		}
	}
	if rapid.Bool().Draw(t, "windowed") {
		s.Window = rapid.Int64().Draw(t, "window")
	}
	return s
}

// drawSpreads draws items, equal ones beside each other as often as not.
func drawSpreads(t *rapid.T, s *saga.State) {
	for range rapid.IntRange(0, len(s.Steps)).Draw(t, "spreads") {
		sp := saga.Spread{
			Step: rapid.IntRange(0, s.Plain()-1).Draw(t, "of"), First: len(s.Steps), Count: rapid.IntRange(0, 9).Draw(t, "count"),
			Hash: rapid.Uint64().Draw(t, "listHash"), Large: rapid.Bool().Draw(t, "large"), Begun: drawTime(t, "begun"),
		}
		for range sp.Count {
			st := saga.StepState{Phase: saga.Done, Epoch: 1, Attempt: rapid.IntRange(1, 2).Draw(t, "attempt")}
			switch rapid.IntRange(0, 5).Draw(t, "item") {
			case 0:
				st.Phase, st.Due, st.Hash = saga.Doing, drawTime(t, "due"), rapid.Uint64().Draw(t, "hash")
			case 1:
				st.Output = drawBytes(t, "output")
			}
			s.Steps = append(s.Steps, st)
		}
		s.Own().Spreads = slices.Concat(s.Extras().Spreads, []saga.Spread{sp})
	}
}

func TestStateCodec(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawState(t)
		data := saga.AppendState([]byte("before"), &s)
		require.Equal(t, "before", string(data[:6]))
		decoded, err := saga.DecodeState(storyID, data[6:])
		require.NoError(t, err)
		require.Equal(t, s, decoded)
		cut := rapid.IntRange(0, len(data)-7).Draw(t, "cut")
		_, err = saga.DecodeState(storyID, data[6:6+cut])
		require.ErrorIs(t, err, saga.ErrState)
		_, err = saga.DecodeState(storyID, append(data[6:], 0))
		require.ErrorIs(t, err, saga.ErrState)
	})
}

// Whatever is added to StateExtra is stored, and by itself a reason to have one.
func TestStateExtraIsStored(t *testing.T) {
	t.Parallel()
	for i := range reflect.TypeFor[saga.StateExtra]().NumField() {
		s := saga.State{ID: storyID, Status: saga.Running, Extra: &saga.StateExtra{}}
		fill(reflect.ValueOf(s.Extra).Elem().Field(i))
		s.Steps = make([]saga.StepState, len(s.Extra.Spreads)) // they are about a step
		if len(s.Steps) == 0 {
			s.Steps = nil
		}
		decoded, err := saga.DecodeState(storyID, saga.AppendState(nil, &s))
		require.NoError(t, err)
		require.Equal(t, s, decoded, reflect.TypeFor[saga.StateExtra]().Field(i).Name)
	}
	nothing := saga.State{ID: storyID, Extra: &saga.StateExtra{}}
	decoded, err := saga.DecodeState(storyID, saga.AppendState(nil, &nothing))
	require.NoError(t, err)
	require.Nil(t, decoded.Extra)
}

// fill gives v a value that is not its zero.
func fill(v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(storyStart))
		return
	case []saga.Spread: // they say where in the steps their items are
		v.Set(reflect.ValueOf([]saga.Spread{{First: 1, Hash: 7, Large: true, Begun: storyStart}}))
		return
	case json.RawMessage:
		v.SetBytes([]byte("1"))
		return
	case *saga.Plan: // its steps are those of the state; see TestPlanIsStored
		v.Set(reflect.ValueOf(&saga.Plan{Asked: 7, Folded: 7, Resumed: 1, Ended: true, Output: []byte("1")}))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(field)
		}
	}
}

func TestStateOfALaterVersion(t *testing.T) {
	t.Parallel()
	_, err := saga.DecodeState(storyID, []byte{9})
	require.EqualError(t, err, "saga "+storyID.String()+": state of version 9: not a state that this build can read")
}

// FuzzDecodeState: any bytes are read without a panic, and what was read is
// written and read again the same.
func FuzzDecodeState(f *testing.F) {
	s := saga.State{Definition: "trip", Status: saga.Running, Last: storyStart, Steps: make([]saga.StepState, 2), Requests: []uint64{7}}
	s.Attention = []saga.Attention{{Reason: saga.PivotUnknown, Step: "pay", Text: "5 attempts"}}
	f.Add(saga.AppendState(nil, &s))
	s.Steps = append(s.Steps, saga.StepState{Phase: saga.Done, Epoch: 1}, saga.StepState{Phase: saga.Done, Epoch: 1}, saga.StepState{Phase: saga.Doing, Due: storyStart, Hash: 7})
	s.Own().Spreads = []saga.Spread{{Step: 1, First: 2, Count: 3, Hash: 9}}
	f.Add(saga.AppendState(nil, &s))
	f.Add([]byte{})
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		read, err := saga.DecodeState(storyID, data)
		if err != nil {
			require.ErrorIs(t, err, saga.ErrState)
			return
		}
		again, err := saga.DecodeState(storyID, saga.AppendState(nil, &read))
		require.NoError(t, err)
		require.Equal(t, saga.AppendState(nil, &read), saga.AppendState(nil, &again))
	})
}
