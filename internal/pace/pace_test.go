package pace_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/pace"
)

func TestOneLineOfMany(t *testing.T) {
	t.Parallel()
	p, now := &pace.Pace{Every: 10 * time.Second}, time.Unix(0, 0)
	lines, kept := 0, 0
	for range 100 {
		if n, ok := p.Pass(now); ok {
			lines, kept = lines+1, kept+n
		}
		now = now.Add(time.Second)
	}
	require.Equal(t, 10, lines, "the first at once, then one each ten seconds")
	require.Equal(t, 81, kept, "each is counted; the last nine are still to be told")
}

func TestTheDefault(t *testing.T) {
	t.Parallel()
	p, now := &pace.Pace{}, time.Unix(0, 0)
	_, first := p.Pass(now)
	_, soon := p.Pass(now.Add(29 * time.Second))
	kept, later := p.Pass(now.Add(30 * time.Second))
	require.True(t, first)
	require.False(t, soon)
	require.True(t, later)
	require.Equal(t, 1, kept)
}
