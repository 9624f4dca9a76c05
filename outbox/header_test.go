package outbox

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzDecodeHeaders(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{2, 1, 'a', 0, 0, 1})
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		headers, err := DecodeHeaders(b)
		if err != nil {
			return
		}
		again, err := DecodeHeaders(EncodeHeaders(headers))
		require.NoError(t, err)
		require.Equal(t, headers, again)
	})
}

func TestHeadersKeepOrderDuplicatesNilAndEmpty(t *testing.T) {
	t.Parallel()
	in := []Header{{Key: "b", Value: []byte("1")}, {Key: "", Value: nil}, {Key: "b", Value: []byte{}}}
	out, err := DecodeHeaders(EncodeHeaders(in))
	require.NoError(t, err)
	require.Equal(t, in, out)
	for _, bad := range [][]byte{nil, {1}, {1, 5, 'a'}, {1, 1, 'a', 9}, {0, 0}} {
		_, err := DecodeHeaders(bad)
		require.ErrorIs(t, err, errHeaders, "%v", bad)
	}
}
