package app

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/access"
)

// Whoever writes to a start topic chooses the source: it must not pass for the name
// of an API key in the history.
func TestAStartOverKafkaPassesForNoKey(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{"": "kafka", "anna": "kafka/anna", "/clients/shop": "/clients/shop"} {
		name := actorName(source)
		require.Equal(t, want, name)
		if source != "" {
			require.Error(t, access.Request{Name: name, Roles: map[string]access.Role{"shop": access.Viewer}}.Validate())
		}
	}
}
