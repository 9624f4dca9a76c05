package kafka

import (
	"context"
	"time"

	"github.com/unwindhq/unwind/internal/record"
)

// Header is one header of a record. Headers are a list: order and duplicates
// count, and a nil Value differs from an empty one.
type Header = record.Header

// ByKey is the Partition of a record that goes where its key says.
const ByKey int32 = -1

// Record is one Kafka record, to be sent or as it was read.
type Record struct {
	// Topic is the topic's name.
	Topic string
	// Partition is where the record lies or must go. When sending, ByKey (-1)
	// chooses by Kafka's murmur2 of Key, and at random for a nil Key.
	Partition int32
	// Offset is the record's place in its partition; ignored when sending.
	Offset int64
	// Timestamp is the record's time, in milliseconds' precision. When sending,
	// the zero time stands for now.
	Timestamp time.Time
	// Key orders and places records. nil is no key and differs from an empty one.
	Key []byte
	// Value is the payload. nil is Kafka's tombstone and differs from an empty one.
	Value []byte
	// Headers are the record's headers, in order, duplicates kept.
	Headers []Header
}

// contextKey is the type of this package's context keys.
type contextKey struct{}

// WithRecord returns a context that carries r. A message with such a context is
// published as r (see Publisher).
func WithRecord(ctx context.Context, r Record) context.Context {
	return context.WithValue(ctx, contextKey{}, r)
}

// RecordFrom returns the record that ctx carries: in a message from Subscriber,
// the record exactly as it was read. The caller must not modify its slices.
func RecordFrom(ctx context.Context) (Record, bool) {
	r, ok := ctx.Value(contextKey{}).(Record)
	return r, ok
}
