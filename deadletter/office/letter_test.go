package office_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/deadletter/office"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
)

func why(text string) deadletter.Reason { return deadletter.Reason{Class: "undecodable", Text: text} }

func TestLetterSaysWhatTheRecordSays(t *testing.T) {
	t.Parallel()
	id := saga.ID{1, 2, 3}
	header := func(key, value string) kafka.Header { return kafka.Header{Key: key, Value: []byte(value)} }
	rec := kafka.Record{Topic: "t", Key: []byte(id.String()), Headers: []kafka.Header{
		header(saga.HeaderNamespace, "shop-1"), header(saga.HeaderStep, "charge"), header(saga.HeaderDirection, "do"),
	}}
	l := office.NewLetter(rec, why("x"), "node", time.Now())
	require.Equal(t, id, l.Saga)
	require.Equal(t, "charge/do", l.Command)
	require.Equal(t, "shop-1", l.Namespace)
	require.Equal(t, "default", office.NewLetter(kafka.Record{}, why("x"), "node", time.Now()).Namespace)
}

func TestFingerprintsAreOfReasonsNotOfRecords(t *testing.T) {
	t.Parallel()
	of := func(topic, reason string) string {
		return office.NewLetter(kafka.Record{Topic: topic}, why(reason), "node", time.Now()).Fingerprint
	}
	require.Equal(t, of("t", `header a: "x": want 3 of 5`), of("t", `header a: "y\"z": want 17 of 5`))
	require.Equal(t, of("t", "there is no saga "+saga.ID{1}.String()), of("t", "there is no saga "+saga.ID{2}.String()))
	require.NotEqual(t, of("t", "header a: missing"), of("t", "header b: missing"))
	require.NotEqual(t, of("t", "x"), of("u", "x"))
	require.Regexp(t, "^[0-9a-f]{16}$", of("t", ""))
}

func TestRedrivenRecordHasOneHeaderMore(t *testing.T) {
	t.Parallel()
	rec := strange("t", 7)
	l := office.NewLetter(rec, why("x"), "node", time.Now())
	for n := 1; n <= 3; n++ { // it comes back each time
		again := l.Again()
		want := append(append([]kafka.Header{}, rec.Headers...), kafka.Header{Key: office.HeaderRedrive, Value: fmt.Append(nil, n)})
		require.Equal(t, kafka.Record{Topic: "t", Key: rec.Key, Value: rec.Value, Headers: want}, again)
		require.Equal(t, n, office.Redrives(again.Headers))
		l = office.NewLetter(again, why("x"), "node", time.Now())
	}
	require.Zero(t, office.Redrives([]kafka.Header{{Key: office.HeaderRedrive, Value: []byte("-1")}}))
	require.Zero(t, office.Redrives([]kafka.Header{{Key: office.HeaderRedrive}}))
}

func TestImported(t *testing.T) {
	t.Parallel()
	rec := strange("orders", 7)
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	dead := deadletter.Record(rec, why("x"), at)
	l := office.Imported(dead)
	require.Equal(t, rec, l.Record)
	require.Equal(t, "undecodable", l.Class)
	require.Equal(t, at, l.At)
	require.Equal(t, "orders.dlt", l.Origin)
	require.Equal(t, office.Nothing, l.Unsent)

	dead.Topic, dead.Partition, dead.Offset = "others.dlt", 0, 3 // it would have "orders" written to
	l = office.Imported(dead)
	require.Equal(t, office.ClassForeign, l.Class)
	require.Equal(t, dead, l.Record)
	require.Equal(t, "others", l.Again().Topic)
	require.Equal(t, kafka.ByKey, l.Again().Partition)
}

// Whatever lies on a dead-letter topic makes a letter of text that Postgres takes.
func TestImportedIsPlain(t *testing.T) {
	t.Parallel()
	anything := rapid.SliceOfN(rapid.Byte(), 0, 700)
	names := rapid.SampledFrom([]string{
		deadletter.HeaderReason, deadletter.HeaderClass, deadletter.HeaderAt, deadletter.HeaderOffset, saga.HeaderNamespace, saga.HeaderStep,
		saga.HeaderDirection, saga.HeaderSaga, office.HeaderRedrive,
	})
	rapid.Check(t, func(t *rapid.T) {
		dead := deadletter.Record(strange("orders", 7), why(string(anything.Draw(t, "reason"))), time.Now())
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			i := rapid.IntRange(0, len(dead.Headers)-1).Draw(t, "at")
			if rapid.Bool().Draw(t, "name") {
				dead.Headers[i].Key = names.Draw(t, "header")
			}
			dead.Headers[i].Value = anything.Draw(t, "value")
		}
		l := office.Imported(dead)
		for _, text := range []string{l.Namespace, l.Class, l.Reason, l.Origin, l.Command, l.Fingerprint} {
			require.NotContains(t, text, "\x00")
			require.Equal(t, text, string([]rune(text)), "it is valid UTF-8")
		}
	})
}

// TestAnEventIsRedrivenAsADeadLetter: it says where it was read, however often it
// comes back, and leaves its topic alone.
func TestAnEventIsRedrivenAsADeadLetter(t *testing.T) {
	t.Parallel()
	event := kafka.Record{Topic: "orders", Partition: 3, Offset: 4, Timestamp: time.UnixMilli(5), Key: []byte("k"), Value: []byte("v")}
	l := office.NewLetter(event, deadletter.Reason{Class: office.ClassEvent, Text: "no"}, "node", time.Now())
	require.Equal(t, office.Nothing, l.Unsent)
	for n := 1; n <= 2; n++ {
		again := l.Again()
		require.Empty(t, again.Topic, "the carrier knows it")
		original, reason, err := deadletter.Original(again)
		require.NoError(t, err)
		require.Equal(t, office.ClassEvent, reason.Class)
		require.Equal(t, n, office.Redrives(original.Headers))
		original.Headers = nil
		require.Equal(t, event, original)
		again.Topic, again.Partition, again.Offset = "start.default", 0, int64(n)
		l = office.NewLetter(again, reason, "node", time.Now())
	}
}
