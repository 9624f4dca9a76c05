package saga_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/saga"
)

// endings are the words for how a child has ended.
var endings = map[string]saga.Outcome{"completed": saga.Succeeded, "compensated": saga.Rejected, "abandoned": saga.Failed}

// parentOf is who has begun a child: undoable, or not; depth N.
func parentOf(value string) *saga.Family {
	f := &saga.Family{Parent: saga.ID{1}, Root: saga.ID{2}, Step: saga.StepRef{Name: "settle"}, Depth: 1}
	for word := range strings.SplitSeq(value, ",") {
		f.Undoable = f.Undoable || word == "undoable"
		_, _ = fmt.Sscanf(word, "depth:%d", &f.Depth)
		if key, is := strings.CutPrefix(word, "holds:"); is {
			f.Holds = append(f.Holds, key)
		}
	}
	return f
}

// lockEffect prints what a story asks of its locks.
func lockEffect(s *story, effect saga.Effect) bool {
	switch e := effect.(type) {
	case saga.Acquire:
		s.printf("acquire %s", strings.Join(e.Keys, " "))
	case saga.Release:
		s.printf("release %s", strings.Join(e.Keys, " "))
	default:
		return false
	}
	return true
}

func tellText(tell saga.Tell) string {
	e, x := tell.Event, tell.Event.Extras()
	switch e.Kind {
	case saga.Started:
		text := fmt.Sprintf("%s started %s %s for %s", tell.To, x.Definition, x.Version, x.Family.Step)
		if x.Family.Undoable {
			text += ", undoable"
		}
		if x.Family.Holds != nil {
			text += fmt.Sprintf(", holding %v", x.Family.Holds)
		}
		return text + ": " + shorten(e.Payload.Data)
	case saga.ChildEnded:
		return fmt.Sprintf("%s childEnded %s %s: %s %s", tell.To, e.Step, e.Outcome, shorten(e.Payload.Data), e.Reason)
	}
	return fmt.Sprintf("%s %s: %s", tell.To, e.Kind, e.Reason)
}

// TestAThousandChildren: a child for each of a thousand items makes the state no larger,
// no two have one id, and what is told to turn back is what was begun.
func TestAThousandChildren(t *testing.T) {
	t.Parallel()
	machine, err := saga.Compile(saga.Definition{Name: "order", Version: "r1", Steps: []saga.Step{
		{Name: "settle", Child: &saga.Child{Definition: "settleOrder"}, ForEach: &saga.ForEach{List: path("input.lines")}},
		{Name: "pay", Participant: "cards", Command: "charge", Reason: "nothing to undo"},
	}})
	require.NoError(t, err)
	g := &grower{t: t, machine: machine, state: saga.State{ID: storyID}}
	g.decide(saga.Event{Kind: saga.Started, At: storyStart, Extra: &saga.EventExtra{Level: saga.Level}, Payload: saga.JSON(manyLines(saga.MaxItems))})
	begun := map[saga.ID]saga.StepRef{}
	for len(g.out) == 0 {
		tell := g.told[0]
		g.told = g.told[1:]
		step := tell.Event.Extras().Family.Step
		require.NotContains(t, begun, tell.To)
		begun[tell.To] = step
		at := storyStart.Add(time.Duration(len(begun)) * time.Second)
		g.decide(saga.Event{Kind: saga.ChildEnded, At: at, Step: step, Outcome: saga.Succeeded, Payload: saga.JSON([]byte("1"))})
	}
	require.Len(t, begun, saga.MaxItems)
	g.reply(g.out[0], saga.Rejected)
	for len(g.told) > 0 {
		tell := g.told[0]
		g.told = g.told[1:]
		require.Equal(t, saga.Reversed, tell.Event.Kind)
		step, was := begun[tell.To]
		require.True(t, was, "nobody has begun %s", tell.To)
		delete(begun, tell.To)
		g.decide(saga.Event{Kind: saga.ChildEnded, At: g.state.Last, Step: step, Outcome: saga.Rejected})
	}
	require.Empty(t, begun)
	require.Equal(t, saga.Compensated, g.state.Status)
	t.Logf("%d events, the largest state %d bytes, %d bytes of states in all", g.events, g.largest, g.bytes)
	require.Less(t, g.bytes/g.events, 200)
}

// A child's id is a UUIDv7 of the event's time in its parent's bucket, and another
// one for each visit.
func TestChildID(t *testing.T) {
	t.Parallel()
	m, err := saga.Compile(saga.Definition{Name: "parent", Version: "r1", Steps: []saga.Step{
		{Name: "first", Child: &saga.Child{Definition: "other"}}, {Name: "second", After: []string{}, Child: &saga.Child{Definition: "other"}},
	}})
	require.NoError(t, err)
	seen := map[saga.ID]bool{}
	for n := range byte(20) {
		id := storyID
		id[15] = n
		start := saga.Event{Kind: saga.Started, At: storyStart, Extra: &saga.EventExtra{Definition: "parent", Version: "r1", Level: saga.Level}}
		_, effects, err := m.Decide(saga.State{ID: id}, nil, start)
		require.NoError(t, err)
		for _, effect := range effects {
			child := effect.(saga.Tell).To
			require.False(t, seen[child])
			seen[child] = true
			require.Equal(t, bucket.Of(id.String(), bucket.Count), bucket.Of(child.String(), bucket.Count))
			require.Equal(t, byte(7), child[6]>>4)
			require.Equal(t, byte(2), child[8]>>6)
			require.Equal(t, fmt.Sprintf("%012x", storyStart.UnixMilli()), strings.ReplaceAll(child.String()[:13], "-", ""))
		}
	}
	require.Len(t, seen, 40)
}
