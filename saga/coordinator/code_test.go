package coordinator

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

// A long history is warned of once, by the batch in which it becomes long.
func TestTheLogWarnsOfALongHistory(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := run{c: &Coordinator{cfg: Config{Log: slog.New(slog.NewTextHandler(&out, nil))}}}
	for seq := int64(longHistory - 3); seq < longHistory+6; seq += 2 {
		s := &folding{id: saga.ID{1}, events: make([]EventRow, 2)}
		s.row.State.Seq = seq
		r.warn(s)
	}
	require.Equal(t, 1, strings.Count(out.String(), "the saga's history is long"))
	require.Contains(t, out.String(), "events=10001 most=50000")
}
