package nearest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWord(t *testing.T) {
	t.Parallel()
	words := []string{"title", "owner", "kafka-brokers"}
	require.Equal(t, "title", Word("titel", words))
	require.Equal(t, "kafka-brokers", Word("Kafka-Broker", words))
	require.Empty(t, Word("zzz", words))
	require.Empty(t, Word("", words))
	require.Empty(t, Word(strings.Repeat("x", MaxWord+1), words))
}

func TestDistance(t *testing.T) {
	t.Parallel()
	require.Equal(t, 1, distance("ab", "ba"))
	require.Equal(t, 3, distance("", "abc"))
}
