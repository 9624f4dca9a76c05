package outbox

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func FuzzDecodeHeaders(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{2, 1, 'a', 0, 0, 1})
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Add(EncodeHeaders(commandHeaders()))
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
	for _, stored := range [][]byte{EncodeHeaders(in), {3, 1, 'b', 2, '1', 0, 0, 1, 'b', 1}} { // packed and plain
		out, err := DecodeHeaders(stored)
		require.NoError(t, err)
		require.Equal(t, in, out)
	}
	for _, bad := range []string{
		"", "\x01", "\x01\x05a", "\x01\x01a\x09", "\x00\x00", "\x80\x00\x02\x00",
		packed, packed + "\x01", packed + "\x01\x7f\x00", packed + "\x01\x01\x7f\x00\x00", packed + "\x00\x00",
	} {
		_, err := DecodeHeaders([]byte(bad))
		require.ErrorIs(t, err, errHeaders, "%q", bad)
	}
}

func TestAnyHeadersComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.OneOf(rapid.SampledFrom(words[:]), rapid.StringN(0, 12, 40), rapid.Just("0199c2d5-0000-7000-8000-000000000001/"))
		var in []Header
		for range rapid.IntRange(1, 12).Draw(t, "headers") {
			h := Header{Key: piece.Draw(t, "name")}
			if rapid.IntRange(0, 9).Draw(t, "nil") > 0 {
				h.Value = append([]byte{}, piece.Draw(t, "value")+piece.Draw(t, "more")...)
			}
			in = append(in, h)
		}
		out, err := DecodeHeaders(EncodeHeaders(in))
		require.NoError(t, err)
		require.Equal(t, in, out)
	})
}

// Each value is the one before and a byte more: small on disk, and it must not
// become large in memory.
func TestHeadersCannotGrowForEver(t *testing.T) {
	t.Parallel()
	b := []byte(packed + "\xe8\x27\x01\x01\xff\x7f") // 5,096 headers
	b = append(b, bytes.Repeat([]byte{'x'}, 1<<14-1)...)
	for range 5095 {
		b = append(b, 1, byte(valueWord+len(words)), 0xff, 0x7f, 0)
	}
	_, err := DecodeHeaders(b)
	require.ErrorIs(t, err, errHeaders)
}

// The stored form of a command's headers: who changes it must still read the old.
func TestHeadersOfACommandAreSmall(t *testing.T) {
	t.Parallel()
	in := commandHeaders()
	plain := 0
	for _, h := range in {
		plain += len(h.Key) + len(h.Value)
	}
	stored := EncodeHeaders(in)
	require.Less(t, len(stored), plain/2)
	require.Equal(t, "unwind.replies.g1", words[len(words)-1])
	require.Len(t, words, 43, "a longer list is a new edition")
}

func commandHeaders() []Header {
	const id = "0199c2d5-7c1e-7000-8000-000000000001"
	var list []Header
	for _, pair := range [][2]string{
		{"ce_specversion", "1.0"},
		{"ce_id", id + "/flight/do"},
		{"ce_type", "unwind.command.v1"},
		{"ce_source", "/unwind/default"},
		{"ce_subject", id},
		{"ce_time", "2026-11-24T03:30:11.123456Z"},
		{"content-type", "application/json"},
		{"unwind-saga", id},
		{"unwind-definition", "bookTrip"},
		{"unwind-version", "r1"},
		{"unwind-step", "flight"},
		{"unwind-direction", "do"},
		{"unwind-deadline", "2026-11-24T03:30:41.123456Z"},
		{"unwind-reply-topic", "unwind.replies.g1"},
		{"unwind-token", "k1.0123456789abcdef0123"},
	} {
		list = append(list, Header{Key: pair[0], Value: []byte(pair[1])})
	}
	return list
}
