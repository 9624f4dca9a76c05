package saga_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/unwindhq/unwind/saga"
)

// startLines is a start as docs/wire-contract.md describes it.
const startLines = `ce_specversion: 1.0
ce_id: order 7
ce_type: unwind.start.v1
ce_source: /clients/shop
ce_subject: bookTrip
ce_time: 2026-11-23T20:15:04.123456Z
content-type: application/json
unwind-namespace: default
unwind-definition: bookTrip
unwind-version: r12`

// TestStartOnTheWire: both directions, letter by letter.
func TestStartOnTheWire(t *testing.T) {
	t.Parallel()
	start := saga.Start{
		Namespace: "default", Definition: "bookTrip", Version: "r12", Key: "order 7", Source: "/clients/shop", Input: saga.JSON([]byte(`{ "n": 1 }`)),
	}
	at := time.Date(2026, 11, 23, 20, 15, 4, 123456000, time.UTC)
	require.Equal(t, startLines, headerLines(saga.StartHeaders(start, at)))
	decoded, err := saga.DecodeStart(fuzzHeaders(startLines), []byte(`{ "n": 1 }`))
	require.NoError(t, err)
	require.Equal(t, start, decoded)

	decoded, err = saga.DecodeStart(fuzzHeaders("ce_type: unwind.start.v1\nce_id: k\nunwind-namespace: default\nunwind-definition: bookTrip"), nil)
	require.NoError(t, err, "the others may be left out")
	require.Equal(t, saga.Start{Namespace: "default", Definition: "bookTrip", Key: "k"}, decoded)
}

func TestStartRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := saga.Start{
			Namespace: names.Draw(t, "namespace"), Definition: names.Draw(t, "definition"), Version: maybe.Draw(t, "version"),
			Key: plain.Draw(t, "key"), Source: maybe.Draw(t, "source"), Input: drawPayload(t),
		}
		decoded, err := saga.DecodeStart(saga.StartHeaders(start, storyStart), start.Input.Data)
		require.NoError(t, err)
		require.Equal(t, start, decoded)
	})
}

func TestDecodeStartReportsEveryFault(t *testing.T) {
	t.Parallel()
	_, err := saga.DecodeStart(nil, make([]byte, saga.MaxPayload+1))
	for _, fault := range []string{
		"decode start: ", "header ce_type: missing", "header ce_id: missing", "header unwind-namespace: missing", "header unwind-definition: missing",
		"larger than 512 KiB",
	} {
		require.ErrorContains(t, err, fault)
	}
	for _, c := range [][3]string{
		{"unwind.start.v1", "unwind.command.v1", `header ce_type: "unwind.command.v1": want unwind.start.v1`},
		{"order 7", strings.Repeat("k", 257), "header ce_id: longer than 256 bytes"},
		{"order 7", "\xff", "header ce_id: not plain text"},
		{"order 7", "", "header ce_id: missing"},
		{": default", ": a b", "header unwind-namespace: want a name"},
		{"definition: bookTrip", "definition: book-trip", "header unwind-definition: want a name"},
		{"r12", "\x00", "header unwind-version: not plain text"},
		{"/clients/shop", "\x00", "header ce_source: not plain text"},
		{"application/json", "\x00", "header content-type: not plain text"},
	} {
		_, err := saga.DecodeStart(fuzzHeaders(strings.Replace(startLines, c[0], c[1], 1)), nil)
		require.ErrorContains(t, err, c[2])
	}
}

// FuzzDecodeStart: no headers panic, and a start that is accepted is written and
// read back the same.
func FuzzDecodeStart(f *testing.F) {
	f.Add(startLines, []byte(`{}`))
	f.Add("ce_id\nce_type: \xff", []byte(nil))
	f.Fuzz(func(t *testing.T, text string, value []byte) {
		start, err := saga.DecodeStart(fuzzHeaders(text), value)
		if err != nil {
			return
		}
		again, err := saga.DecodeStart(saga.StartHeaders(start, storyStart), value)
		require.NoError(t, err)
		require.Equal(t, start, again)
	})
}
