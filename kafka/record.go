package kafka

import (
	"context"

	"github.com/unwindhq/unwind/internal/record"
)

// Header is one header of a record. Headers are a list: order and duplicates
// count, and a nil Value differs from an empty one.
type Header = record.Header

// ByKey is the Partition of a record that goes where its key says.
const ByKey int32 = -1

// Record is one Kafka record, to be sent or as it was read. It is an alias, so
// that the coordinator's ports can name it without this package.
type Record = record.Record

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
