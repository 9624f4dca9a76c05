package office_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/deadletter/office"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/outbox"
)

var errGone = fmt.Errorf("no such topic: gone: %w", outbox.ErrPermanent)

// wire is a Sender and a Source in memory.
type wire struct {
	mu     sync.Mutex
	fail   func(rec kafka.Record) error
	sent   []kafka.Record
	topics map[office.Place][]kafka.Record
}

func (w *wire) Send(_ context.Context, rec kafka.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		if err := w.fail(rec); err != nil {
			return err
		}
	}
	w.sent = append(w.sent, rec)
	return nil
}

func (w *wire) Ranges(context.Context) (map[office.Place]office.Range, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ranges := map[office.Place]office.Range{}
	for place, records := range w.topics {
		ranges[place] = office.Range{Oldest: records[0].Offset, Next: records[len(records)-1].Offset + 1}
	}
	return ranges, nil
}

func (w *wire) Read(_ context.Context, from office.Place, what office.Range, take func([]kafka.Record) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, rec := range w.topics[from] {
		if rec.Offset < what.Oldest || rec.Offset >= what.Next {
			continue
		}
		if err := take([]kafka.Record{rec}); err != nil {
			return err
		}
	}
	return nil
}

// carry runs a carrier until the test ends.
func carry(t *testing.T, store *office.Store, w *wire) {
	t.Helper()
	c, err := office.NewCarrier(office.CarrierConfig{
		Store: store, Sender: w, Source: w, Mine: func() bool { return true }, Starts: func(namespace string) string { return "start." + namespace },
		Every: time.Millisecond, ImportEvery: time.Millisecond, RetryMin: time.Millisecond, RetryMax: 10 * time.Millisecond,
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
}

// settled waits until nothing is left to be sent.
func settled(t *testing.T, store *office.Store) []office.Letter {
	t.Helper()
	var letters []office.Letter
	require.Eventually(t, func() bool {
		letters = list(t, store)
		for _, l := range letters {
			if l.Unsent != office.Nothing {
				return false
			}
		}
		return len(letters) > 0
	}, patience, 5*time.Millisecond)
	return letters
}

func TestCopiesGoToTheirTopicsInOrder(t *testing.T) {
	t.Parallel()
	store, pool := newStore(t)
	var letters []office.Letter
	for i := range int64(20) {
		rec := strange("t", i)
		rec.Key = fmt.Append(nil, i%2)
		letters = append(letters, office.NewLetter(rec, why("x"), "node", time.Now().Truncate(time.Microsecond)))
	}
	put(t, pool, letters...)
	put(t, pool, letters...) // read twice
	tries := 0
	w := &wire{fail: func(kafka.Record) error {
		if tries++; tries%3 == 0 {
			return errors.New("the broker is away")
		}
		return nil
	}}
	carry(t, store, w)
	require.Len(t, settled(t, store), len(letters))
	seen := map[string]int64{}
	for _, dead := range w.sent {
		require.Equal(t, "t.dlt", dead.Topic)
		original, reason, err := deadletter.Original(dead)
		require.NoError(t, err)
		require.Equal(t, letters[original.Offset].Record, original)
		require.Equal(t, why("x"), reason)
		if last, ok := seen[string(dead.Key)]; ok {
			require.Greater(t, original.Offset, last, "of one key")
		}
		seen[string(dead.Key)] = original.Offset
	}
	require.Len(t, w.sent, len(letters))
}

// A topic that can never be written to stops nobody, and the letter is kept.
func TestWhatCannotBeSentIsNoted(t *testing.T) {
	t.Parallel()
	store, pool := newStore(t)
	put(t, pool, office.NewLetter(strange("gone", 1), why("x"), "node", time.Now()), office.NewLetter(strange("t", 1), why("x"), "node", time.Now()))
	w := &wire{fail: func(rec kafka.Record) error {
		if rec.Topic == "gone.dlt" {
			return fmt.Errorf("no such topic\x00: %w", outbox.ErrPermanent)
		}
		return nil
	}}
	carry(t, store, w)
	letters := settled(t, store)
	require.Contains(t, letters[0].Trouble, "no such topic")
	require.True(t, letters[0].SentAt.IsZero())
	require.Equal(t, strange("gone", 1), letters[0].Record)
	require.Empty(t, letters[1].Trouble)
	require.False(t, letters[1].SentAt.IsZero())
}

func TestImportIsIdempotent(t *testing.T) {
	t.Parallel()
	store, pool := newStore(t)
	ours := office.NewLetter(strange("t", 1), why("ours"), "node", time.Now())
	put(t, pool, ours)
	lie := func(offset int64, rec kafka.Record) kafka.Record {
		dead := deadletter.Record(rec, why("theirs"), time.Now())
		dead.Partition, dead.Offset, dead.Timestamp = 0, offset, time.UnixMilli(5)
		return dead
	}
	foreign := kafka.Record{Topic: "t.dlt", Offset: 9, Value: []byte("?"), Timestamp: time.UnixMilli(6)}
	place := office.Place{Topic: "t.dlt"}
	w := &wire{topics: map[office.Place][]kafka.Record{place: {
		lie(3, strange("t", 1)), lie(4, strange("t", 2)), lie(5, strange("t", 2)), foreign,
	}}}
	carry(t, store, w)
	require.Eventually(t, func() bool { return len(list(t, store)) == 3 }, patience, 5*time.Millisecond)
	letters := list(t, store)
	require.Equal(t, "ours", letters[0].Reason)
	require.Equal(t, strange("t", 2), letters[1].Record)
	require.Equal(t, "theirs", letters[1].Reason)
	require.Equal(t, foreign, letters[2].Record)

	anew := strange("t", 2) // another topic of the same name
	anew.Timestamp = time.UnixMilli(7)
	w.mu.Lock()
	w.topics[place] = []kafka.Record{lie(0, anew)}
	w.mu.Unlock()
	require.Eventually(t, func() bool { return len(list(t, store)) == 4 }, patience, 5*time.Millisecond)
	require.Equal(t, anew, list(t, store)[3].Record)
}
