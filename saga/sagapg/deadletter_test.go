package sagapg_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/deadletter/office"
	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// letters returns the dead letters by class.
func (w *world) letters(t *testing.T) map[string]office.Letter {
	t.Helper()
	store, err := office.NewStore(office.StoreConfig{Pool: w.pool})
	require.NoError(t, err)
	page, _, err := store.List(t.Context(), office.Filter{Limit: office.MaxPage})
	require.NoError(t, err)
	byClass := map[string]office.Letter{}
	for _, l := range page {
		full, err := store.Get(t.Context(), l.ID)
		require.NoError(t, err)
		byClass[l.Class] = full
	}
	return byClass
}

// strange are records that only a careful hand keeps as they are.
func strange() []kafka.Record {
	return []kafka.Record{
		{Value: nil, Key: nil},
		{Value: []byte{}, Key: []byte{}, Timestamp: time.UnixMilli(1_700_000_000_123)},
		{Value: []byte{0, 0xff, 0}, Key: []byte{0xff, 0}, Headers: []kafka.Header{
			{Key: "a", Value: []byte{}},
			{Key: "a"},
			{Key: "a", Value: []byte{0xff, 0}},
			{Key: "\xff\x00", Value: []byte("x")},
			{Key: saga.HeaderNamespace, Value: []byte("\x00'; DROP")},
			{Key: saga.HeaderStep, Value: []byte("\x00\xff")},
		}},
	}
}

// DESIGN.md 6.10: what nobody can read is kept byte for byte, once, however often
// it is read and whatever becomes of the first commit; and it holds nobody up.
func TestDeadLettersAreKeptByteForByte(t *testing.T) {
	t.Parallel()
	w := setup(t, travel())
	var commits atomic.Int64
	w.store.set(func(writes *coordinator.Writes) (before, after error) {
		switch {
		case len(writes.Dead) == 0:
			return nil, nil
		case commits.Add(1) == 1:
			return errors.New("the database is away"), nil
		case commits.Load() == 2:
			return nil, coordinator.ErrUnknownOutcome
		}
		return nil, nil
	})
	sent := strange()
	for i := range sent {
		sent[i].Topic, sent[i].Partition, sent[i].Offset = "unwind.replies.g1", int32(i), 7
		w.bus.queue <- sent[i]
		w.bus.queue <- sent[i] // as after a restart
	}
	for range 20 {
		w.ends(t, w.start(t, "travel", `{}`), saga.Completed)
	}
	require.Eventually(t, func() bool { return w.count(t) == len(sent) }, patience, 5*time.Millisecond)
	store, err := office.NewStore(office.StoreConfig{Pool: w.pool})
	require.NoError(t, err)
	page, _, err := store.List(t.Context(), office.Filter{})
	require.NoError(t, err)
	for _, l := range page {
		full, err := store.Get(t.Context(), l.ID)
		require.NoError(t, err)
		require.Equal(t, sent[full.Record.Partition], full.Record)
		require.Equal(t, "undecodable", full.Class)
		require.Equal(t, office.DefaultNamespace, full.Namespace)
		require.Equal(t, office.SendCopy, full.Unsent)
	}
}

func (w *world) count(t *testing.T) (n int) {
	t.Helper()
	require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT count(*) FROM unwind.dead_letters`).Scan(&n))
	return n
}

// A command that can never be sent becomes a letter in the transaction that puts
// attention on its saga; any other message of the outbox becomes one alone.
func TestUndeliverableMessagesBecomeLetters(t *testing.T) {
	t.Parallel()
	w := setup(t, travel())
	w.bus.answers(func(saga.Command) []saga.Reply { return nil })
	id := w.start(t, "travel", `{}`)
	cmd := w.bus.commands(id)[0]
	message := outbox.Message{Topic: "unwind.commands.flights", Key: id.String(), Headers: saga.CommandHeaders(cmd, time.Now()), Payload: []byte("{}")}
	cause := fmt.Errorf("too large: %w", outbox.ErrPermanent)
	for range 2 { // the relay asks again when it has crashed meanwhile
		require.NoError(t, w.c.Undeliverable(t.Context(), outbox.Row{ID: 5, Bucket: message.Bucket(), Message: message}, cause))
	}
	require.Equal(t, saga.NotDeliverable, w.state(t, id).Attention[0].Reason)
	require.Equal(t, 1, w.count(t))
	l := w.letters(t)["undeliverable"]
	require.Equal(t, id, l.Saga)
	require.Equal(t, kafka.Record{
		Topic: message.Topic, Partition: office.Unwritten, Offset: 5, Key: []byte(message.Key), Headers: message.Headers, Value: message.Payload,
	}, l.Record)

	other := outbox.Message{Topic: "unwind.replies.g1", Key: "x", Payload: []byte("y")}
	require.NoError(t, w.c.Undeliverable(t.Context(), outbox.Row{ID: 6, Bucket: bucket.Of("x", bucket.Count), Message: other}, cause))
	require.Equal(t, 2, w.count(t))
}
