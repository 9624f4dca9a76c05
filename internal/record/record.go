// Package record holds the one record and header type that the outbox, the Kafka
// adapter, the coordinator's ports and the saga's wire contract share, so that
// nothing has to be copied from one package's type into another's.
package record

import "time"

// Header is one header of a Kafka record. Headers are a list, not a map: their
// order and duplicates are part of a record, and a nil Value (no value) differs
// from an empty one.
type Header struct {
	Key   string
	Value []byte
}

// Get returns the value of the first header named key, and whether there is one.
func Get(headers []Header, key string) ([]byte, bool) {
	for _, h := range headers {
		if h.Key == key {
			return h.Value, true
		}
	}
	return nil, false
}

// Record is one Kafka record, to be sent or as it was read.
type Record struct {
	// Topic is the topic's name.
	Topic string
	// Partition is where the record lies or must go. When sending, -1
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
