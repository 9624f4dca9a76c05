package kafka

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPrefixNeverPassesAnUnfinishedRecord(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var p prefix
		var open []int64 // begun, not finished
		next, counted, finished := int64(0), 0, 0
		mark := int64(-1)
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			if len(open) == 0 || rapid.Bool().Draw(t, "begin") {
				next += rapid.Int64Range(1, 3).Draw(t, "gap")
				p.begin(next)
				open = append(open, next)
				continue
			}
			i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
			offset := open[i]
			open = append(open[:i:i], open[i+1:]...)
			finished++
			to, n := p.finish(offset)
			if counted += n; n > 0 {
				require.Greater(t, to, mark)
				mark = to
			}
			for _, o := range open {
				require.Less(t, mark-1, o, "marked beyond an unfinished record")
			}
		}
		if len(open) == 0 && finished > 0 {
			require.Equal(t, next+1, mark)
			require.Equal(t, finished, counted)
			require.Empty(t, p.open)
		}
		_, n := p.finish(next + 1)
		require.Zero(t, n, "an unknown record finishes nothing")
	})
}
