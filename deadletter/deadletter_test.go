package deadletter_test

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/kafka"
)

func TestDeadLetterReadsAsDocumented(t *testing.T) {
	t.Parallel()
	rec := kafka.Record{
		Topic: "orders", Partition: 3, Offset: 42, Timestamp: time.UnixMilli(1_700_000_000_123),
		Key: []byte("k"), Value: nil,
		Headers: []kafka.Header{{Key: "a", Value: []byte{}}, {Key: "a"}, {Key: "a", Value: []byte{0xff}}},
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))
	dead := deadletter.Record(rec, deadletter.Reason{Class: "undecodable", Text: "not JSON"}, at)
	require.Equal(t, kafka.Record{
		Topic: "orders.dlt", Partition: kafka.ByKey, Key: []byte("k"),
		Headers: []kafka.Header{
			{Key: "a", Value: []byte{}},
			{Key: "a"},
			{Key: "a", Value: []byte{0xff}},
			{Key: "unwind-dlt-reason", Value: []byte("not JSON")},
			{Key: "unwind-dlt-class", Value: []byte("undecodable")},
			{Key: "unwind-dlt-topic", Value: []byte("orders")},
			{Key: "unwind-dlt-partition", Value: []byte("3")},
			{Key: "unwind-dlt-offset", Value: []byte("42")},
			{Key: "unwind-dlt-timestamp", Value: []byte("1700000000123")},
			{Key: "unwind-dlt-at", Value: []byte("2026-01-02T02:04:05.000000006Z")},
		},
	}, dead)
	require.Len(t, rec.Headers, 3)
	require.Equal(t, "orders.dlt", deadletter.Record(dead, deadletter.Reason{}, at).Topic, "never .dlt of .dlt")
}

func TestOriginalRefusesAnythingElse(t *testing.T) {
	t.Parallel()
	good := deadletter.Record(kafka.Record{Topic: "t"}, deadletter.Reason{}, time.Now())
	for name, spoil := range map[string]func(h []kafka.Header) []kafka.Header{
		"no headers":       func([]kafka.Header) []kafka.Header { return nil },
		"one is missing":   func(h []kafka.Header) []kafka.Header { return h[1:] },
		"one follows":      func(h []kafka.Header) []kafka.Header { return append(h, kafka.Header{Key: "x"}) },
		"bad partition":    func(h []kafka.Header) []kafka.Header { h[3].Value = []byte("99999999999"); return h },
		"bad offset":       func(h []kafka.Header) []kafka.Header { h[4].Value = []byte("x"); return h },
		"bad timestamp":    func(h []kafka.Header) []kafka.Header { h[5].Value = []byte("x"); return h },
		"in another order": func(h []kafka.Header) []kafka.Header { h[0], h[1] = h[1], h[0]; return h },
	} {
		dead := good
		dead.Headers = spoil(append([]kafka.Header(nil), good.Headers...))
		_, _, err := deadletter.Original(dead)
		require.ErrorIs(t, err, deadletter.ErrNotDeadLetter, name)
	}
}

func TestReasonIsCutToValidText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOfN(rapid.Byte(), 0, 3000).Draw(t, "text"))
		if rapid.Bool().Draw(t, "euros") {
			text = strings.Repeat("€", len(text)/3)
		}
		dead := deadletter.Record(kafka.Record{Topic: "t"}, deadletter.Reason{Text: text}, time.Now())
		_, why, err := deadletter.Original(dead)
		require.NoError(t, err)
		require.LessOrEqual(t, len(why.Text), deadletter.MaxReason)
		require.True(t, utf8.ValidString(why.Text))
		if utf8.ValidString(text) && len(text) <= deadletter.MaxReason {
			require.Equal(t, text, why.Text)
		}
		if utf8.ValidString(text) {
			require.True(t, strings.HasPrefix(text, why.Text))
			require.GreaterOrEqual(t, len(why.Text), min(len(text), deadletter.MaxReason-3))
		}
	})
}

// anyBytes draws nil, empty or some bytes.
func anyBytes() *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		if rapid.Bool().Draw(t, "nil") {
			return nil
		}
		return rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
	})
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	header := rapid.Custom(func(t *rapid.T) kafka.Header {
		name := rapid.OneOf(rapid.SampledFrom([]string{"", "a", "unwind-dlt-reason", "unwind-dlt-at"}), rapid.String())
		return kafka.Header{Key: name.Draw(t, "key"), Value: anyBytes().Draw(t, "value")}
	})
	rapid.Check(t, func(t *rapid.T) {
		rec := kafka.Record{
			Topic:     rapid.StringMatching(`[a-z.]{1,20}`).Draw(t, "topic"),
			Partition: rapid.Int32Min(0).Draw(t, "partition"),
			Offset:    rapid.Int64Min(0).Draw(t, "offset"),
			Key:       anyBytes().Draw(t, "key"),
			Value:     anyBytes().Draw(t, "value"),
		}
		if headers := rapid.SliceOf(header).Draw(t, "headers"); len(headers) > 0 {
			rec.Headers = headers
		}
		if rapid.Bool().Draw(t, "timestamp") {
			rec.Timestamp = time.UnixMilli(rapid.Int64Range(0, math.MaxInt64/1_000_000).Draw(t, "ms"))
		}
		why := deadletter.Reason{Class: rapid.StringN(0, 50, 100).Draw(t, "class"), Text: rapid.StringN(0, 100, 400).Draw(t, "text")}
		back, reason, err := deadletter.Original(deadletter.Record(rec, why, time.Now()))
		require.NoError(t, err)
		require.Equal(t, rec, back)
		require.Equal(t, why, reason)
	})
}

func FuzzOriginal(f *testing.F) {
	f.Add("unwind-dlt-partition", "1", 3)
	f.Add("x", "", 0)
	f.Fuzz(func(t *testing.T, key, value string, at int) {
		dead := deadletter.Record(kafka.Record{Topic: "t", Headers: []kafka.Header{{Key: "own"}}}, deadletter.Reason{}, time.Now())
		dead.Headers[uint(at)%uint(len(dead.Headers))] = kafka.Header{Key: key, Value: []byte(value)}
		rec, why, err := deadletter.Original(dead)
		if err != nil {
			require.ErrorIs(t, err, deadletter.ErrNotDeadLetter)
			return
		}
		again, _, err := deadletter.Original(deadletter.Record(rec, why, time.Now()))
		require.NoError(t, err)
		require.Equal(t, rec, again)
	})
}
