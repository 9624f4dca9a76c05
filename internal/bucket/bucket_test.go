package bucket

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The expected values are those of Kafka's own UtilsTest for murmur2.
func TestMurmur2IsKafkas(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		require.Equal(t, want, int32(murmur2(key)), key)
	}
}

func TestOfStaysInRange(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for i := range 2000 {
		b := Of(string(rune('a'+i%26))+string(rune(i)), Count)
		require.GreaterOrEqual(t, b, 0)
		require.Less(t, b, Count)
		seen[b] = true
	}
	require.Len(t, seen, Count, "every bucket is reached")
}
