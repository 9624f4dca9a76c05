//go:build !race

package outbox

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// Bounds of what a row allocates; see the test of the same name in package saga. The race detector
// allocates too.
func TestAllocations(t *testing.T) { //nolint:paralleltest // counts the process's allocations
	headers := commandHeaders()
	stored := EncodeHeaders(headers)
	messages := make([]Message, 100)
	for i := range messages {
		messages[i] = Message{Topic: "t", Key: fmt.Sprint("saga-", i), Headers: headers, Payload: make([]byte, 200)}
	}
	for _, c := range []struct {
		what string
		most float64
		do   func()
	}{
		{"headers written", 1, func() { EncodeHeaders(headers) }},
		{"headers read", 14, func() { _, _ = DecodeHeaders(stored) }},
		{"a hundred rows queued", 119, func() { DefaultSchema.Queue(&pgx.Batch{}, messages, nil) }},
	} {
		got := testing.AllocsPerRun(200, c.do)
		require.LessOrEqual(t, got, c.most, c.what)
		t.Logf("%s: %v of %v", c.what, got, c.most)
	}
}
