package saga_test

import (
	"fmt"
	"strings"
	"testing"

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
