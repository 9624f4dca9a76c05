package sagapg

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

// TestTheShelfIsBounded: long histories are kept, up to a number and a size, and those
// used last stay; one that is longer than its saga's is not believed.
func TestTheShelfIsBounded(t *testing.T) {
	t.Parallel()
	var s shelf
	long := make(saga.History, shelfEvents)
	for i := range shelfSagas {
		s.keep(saga.ID{byte(i)}, long)
	}
	require.Len(t, s.known(saga.ID{0}, shelfEvents), shelfEvents)
	s.keep(saga.ID{99}, long)
	require.Empty(t, s.known(saga.ID{1}, shelfEvents), "the one used the longest ago went")
	require.Len(t, s.known(saga.ID{0}, shelfEvents), shelfEvents)
	require.Len(t, s.kept, shelfSagas)

	s.keep(saga.ID{98}, long[1:])
	require.Empty(t, s.known(saga.ID{98}, shelfEvents), "it is read anew as fast")
	require.Empty(t, s.known(saga.ID{0}, shelfEvents-1), "the database has gone back")
	require.Empty(t, s.known(saga.ID{0}, shelfEvents), "nor is it kept")

	large := make(saga.History, shelfEvents)
	large[0].Payload.Data = make([]byte, shelfBytes)
	s.keep(saga.ID{97}, large)
	require.Empty(t, s.known(saga.ID{97}, shelfEvents), "larger than the shelf")
	large[0].Payload.Data = make([]byte, shelfBytes-2*shelfEvents*eventBytes)
	s.keep(saga.ID{96}, large)
	require.LessOrEqual(t, s.bytes, shelfBytes)
	require.LessOrEqual(t, len(s.kept), 2)
}

// TestAShelvedHistoryGrows: what was handed out stays as it was.
func TestAShelvedHistoryGrows(t *testing.T) {
	t.Parallel()
	var s shelf
	history := make(saga.History, shelfEvents)
	s.keep(saga.ID{1}, history)
	before := s.known(saga.ID{1}, shelfEvents)
	longer := append(s.known(saga.ID{1}, shelfEvents), saga.Event{Seq: shelfEvents + 1})
	s.keep(saga.ID{1}, longer)
	again := append(before, saga.Event{Seq: 7}) //nolint:gocritic // what a careless reader would do
	require.Len(t, again, shelfEvents+1)
	require.Equal(t, int64(shelfEvents+1), s.known(saga.ID{1}, shelfEvents+1)[shelfEvents].Seq)
	require.Equal(t, (shelfEvents+1)*eventBytes, s.bytes)
}
