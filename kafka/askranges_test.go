package kafka

import (
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
)

// shy are the offsets of one partition, told after some refusals.
type shy struct {
	refusals []error
	asked    int
}

func (s *shy) Partitions(string) ([]int32, error) { return []int32{3}, nil }

func (s *shy) GetOffset(_ string, _ int32, at int64) (int64, error) {
	if s.asked++; s.asked <= len(s.refusals) {
		return 0, s.refusals[s.asked-1]
	}
	return map[int64]int64{sarama.OffsetOldest: 2, sarama.OffsetNewest: 5}[at], nil
}

// A leader that does not know yet that it is one is asked again; what is wrong for good is
// told at once.
func TestRangesAreAskedForAgain(t *testing.T) {
	t.Parallel()
	young := &shy{refusals: []error{sarama.ErrNotLeaderForPartition, sarama.ErrUnknownTopicOrPartition}}
	ranges, err := askRanges(t.Context(), young, "new")
	require.NoError(t, err)
	require.Equal(t, map[int32]Range{3: {Oldest: 2, Next: 5}}, ranges)

	foreign := &shy{refusals: []error{sarama.ErrTopicAuthorizationFailed}}
	_, err = askRanges(t.Context(), foreign, "theirs")
	require.ErrorIs(t, err, sarama.ErrTopicAuthorizationFailed)
	require.Equal(t, 1, foreign.asked)
}
