package e2e

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
)

// tap keeps every record of a topic.
type tap struct {
	mu      sync.Mutex
	records []kafka.Record
}

// replyTopic and commandTopic name a world's topics.
func (w *world) replyTopic() string { return w.prefix + "replies.g1" }

func (w *world) commandTopic(participant string) string { return w.prefix + "commands." + participant }

// tap begins to read a topic from its oldest record, once.
func (w *world) tap(topic string, partitions int) *tap {
	w.mu.Lock()
	defer w.mu.Unlock()
	if known := w.taps[topic]; known != nil {
		return known
	}
	reader, err := kafka.NewReader(kafka.ReaderConfig{Config: kafka.Config{Brokers: w.brokers}, Topic: topic})
	require.NoError(w.t, err)
	for n := range partitions {
		require.NoError(w.t, reader.Assign(int32(n), kafka.OffsetOldest))
	}
	kept := &tap{}
	w.taps[topic] = kept
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		kept.read(ctx, reader)
	}()
	w.t.Cleanup(func() {
		cancel()
		<-ended
		_ = reader.Close() // nothing is lost
	})
	return kept
}

// read keeps what comes until ctx ends.
func (k *tap) read(ctx context.Context, reader *kafka.Reader) {
	for ctx.Err() == nil {
		records, err := reader.Poll(ctx, 100)
		if err != nil {
			continue
		}
		k.mu.Lock()
		k.records = append(k.records, records...)
		k.mu.Unlock()
	}
}

// find returns the records so far that are wanted.
func (k *tap) find(wanted func(kafka.Record) bool) []kafka.Record {
	k.mu.Lock()
	defer k.mu.Unlock()
	var found []kafka.Record
	for _, r := range k.records {
		if wanted(r) {
			found = append(found, r)
		}
	}
	return found
}

// one waits until a wanted record is there and returns the first.
func (k *tap) one(t testing.TB, what string, wanted func(kafka.Record) bool) kafka.Record {
	t.Helper()
	var found []kafka.Record
	eventually(t, what+" is on the topic", func() bool {
		found = k.find(wanted)
		return len(found) > 0
	})
	return found[0]
}

// replies taps the reply topic; commands a command topic.
func (w *world) replies() *tap { return w.tap(w.replyTopic(), bucket.Count) }

func (w *world) commands(participant string) *tap {
	return w.tap(w.commandTopic(participant), commandPartitions)
}

// dead taps the dead letters of a topic.
func (w *world) dead(topic string) *tap { return w.tap(topic+".dlt", 1) }

func everything(kafka.Record) bool { return true }

// about chooses the records of one step of a saga in one direction.
func about(id saga.ID, step, direction string) func(kafka.Record) bool {
	return func(r kafka.Record) bool {
		return string(r.Key) == id.String() && header(r, saga.HeaderStep) == step && header(r, saga.HeaderDirection) == direction
	}
}

// header returns a header's text, "" without one.
func header(r kafka.Record, key string) string {
	i := slices.IndexFunc(r.Headers, func(h kafka.Header) bool { return h.Key == key })
	if i < 0 {
		return ""
	}
	return string(r.Headers[i].Value)
}

// with returns a copy of a record with one header changed.
func with(r kafka.Record, key, value string) kafka.Record {
	r.Headers = slices.Clone(r.Headers)
	for i := range r.Headers {
		if r.Headers[i].Key == key {
			r.Headers[i].Value = []byte(value)
		}
	}
	return r
}

// produce writes records as they are and waits for the broker.
func (w *world) produce(t testing.TB, records ...kafka.Record) {
	t.Helper()
	ended := make(chan error, len(records))
	w.producer.Produce(t.Context(), records, func(_ int, _ int32, _ int64, err error) { ended <- err })
	for range records {
		require.NoError(t, <-ended)
	}
}

// replyPartition is where a saga's replies go.
func replyPartition(id saga.ID) int32 { return int32(bucket.Of(id.String(), bucket.Count)) }
