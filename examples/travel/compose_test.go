package travel_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/examples/travel"
	"github.com/unwindhq/unwind/internal/compose"
	"github.com/unwindhq/unwind/tracing"
)

// TestComposeParticipants: docker-compose.yml runs every participant, with
// variables that it reads.
func TestComposeParticipants(t *testing.T) {
	t.Parallel()
	f, err := compose.Load(t.Context(), "../../docker-compose.yml")
	require.NoError(t, err)
	for _, name := range travel.Participants() {
		s, ok := f.Service(name)
		require.True(t, ok, name)
		require.Equal(t, []string{"/bin/" + name}, s.Entrypoint)
		require.Empty(t, unread(t, s))
		s.Environment["UNWIND_KAFKA_BROKER"], s.Environment["OTEL_TRACE_EXPORTER"] = "kafka:19092", "otlp"
		require.Equal(t, []string{"OTEL_TRACE_EXPORTER", "UNWIND_KAFKA_BROKER"}, unread(t, s))
	}
}

// unread are the variables that the program does not know.
func unread(t *testing.T, s compose.Service) []string {
	t.Helper()
	get, unread := s.Reader()
	_, err := travel.Environment(get)
	require.NoError(t, err)
	require.NoError(t, tracing.Config{Getenv: get}.Validate())
	return unread()
}
