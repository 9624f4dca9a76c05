// Package deadletter turns a record that nobody can process into the record that
// is kept on its topic's dead-letter topic, and back: the key, the value and the
// headers byte for byte and in order, followed by headers that say why, when and
// where it came from.
package deadletter

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/unwindhq/unwind/kafka"
)

// Suffix is what a topic's dead-letter topic adds to its name.
const Suffix = ".dlt"

// MaxReason is the longest reason text that is kept, in bytes. It keeps a dead
// letter from growing past what its topic accepts.
const MaxReason = 512

// The headers of a dead letter, in this order behind the record's own.
const (
	HeaderReason    = "unwind-dlt-reason"    // Reason.Text
	HeaderClass     = "unwind-dlt-class"     // Reason.Class
	HeaderTopic     = "unwind-dlt-topic"     // the record's topic
	HeaderPartition = "unwind-dlt-partition" // its partition, decimal
	HeaderOffset    = "unwind-dlt-offset"    // its offset, decimal
	HeaderTimestamp = "unwind-dlt-timestamp" // its timestamp, milliseconds since 1970, decimal; empty: none
	HeaderAt        = "unwind-dlt-at"        // when it was given up, RFC 3339 with nanoseconds, UTC
)

// order is the order of the headers.
var order = []string{HeaderReason, HeaderClass, HeaderTopic, HeaderPartition, HeaderOffset, HeaderTimestamp, HeaderAt}

// ErrNotDeadLetter says that a record is not one that Record made.
var ErrNotDeadLetter = errors.New("not a dead letter")

// Reason says why a record was given up.
type Reason struct {
	// Class groups reasons for people and alarms, like "undecodable"; short, and
	// without anything taken from the record.
	Class string
	// Text explains this one. Record cuts it to MaxReason bytes.
	Text string
}

// Topic returns the dead-letter topic of topic. That of a dead-letter topic is
// the topic itself: there are no dead-letter topics of dead-letter topics.
func Topic(topic string) string {
	if Is(topic) {
		return topic
	}
	return topic + Suffix
}

// Is tells whether topic is a dead-letter topic.
func Is(topic string) bool { return strings.HasSuffix(topic, Suffix) }

// Record returns the dead letter of rec, to be produced by key on the topic that
// Topic names. It shares rec's bytes. The reason's text and class are made valid
// UTF-8 of at most MaxReason bytes each.
func Record(rec kafka.Record, why Reason, at time.Time) kafka.Record {
	timestamp := ""
	if !rec.Timestamp.IsZero() {
		timestamp = strconv.FormatInt(rec.Timestamp.UnixMilli(), 10)
	}
	values := []string{
		clip(why.Text), clip(why.Class),
		rec.Topic, strconv.FormatInt(int64(rec.Partition), 10), strconv.FormatInt(rec.Offset, 10),
		timestamp, at.UTC().Format(time.RFC3339Nano),
	}
	headers := make([]kafka.Header, len(rec.Headers), len(rec.Headers)+len(order))
	copy(headers, rec.Headers)
	for i, name := range order {
		headers = append(headers, kafka.Header{Key: name, Value: []byte(values[i])})
	}
	return kafka.Record{
		Topic: Topic(rec.Topic), Partition: kafka.ByKey,
		Key: rec.Key, Value: rec.Value, Headers: headers,
	}
}

// clip makes s valid UTF-8 of at most MaxReason bytes, never cutting a character.
func clip(s string) string {
	if len(s) > 4*MaxReason {
		s = s[:4*MaxReason] // what follows cannot come into it
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= MaxReason {
		return s
	}
	end := MaxReason
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// Original is the inverse of Record: the record that dead is the dead letter of,
// as it was read, and the reason. It fails with ErrNotDeadLetter for any other
// record. Timestamps come back in milliseconds, as Kafka keeps them.
func Original(dead kafka.Record) (kafka.Record, Reason, error) {
	n := len(dead.Headers) - len(order)
	if n < 0 {
		return kafka.Record{}, Reason{}, fmt.Errorf("%w: it lacks the headers of one", ErrNotDeadLetter)
	}
	values := make([]string, len(order))
	for i, h := range dead.Headers[n:] {
		if h.Key != order[i] {
			return kafka.Record{}, Reason{}, fmt.Errorf("%w: header %q where %q belongs", ErrNotDeadLetter, h.Key, order[i])
		}
		values[i] = string(h.Value)
	}
	rec := kafka.Record{Topic: values[2], Key: dead.Key, Value: dead.Value}
	if n > 0 {
		rec.Headers = dead.Headers[:n:n]
	}
	if err := place(&rec, values[3], values[4], values[5]); err != nil {
		return kafka.Record{}, Reason{}, fmt.Errorf("%w: %w", ErrNotDeadLetter, err)
	}
	return rec, Reason{Text: values[0], Class: values[1]}, nil
}

// place sets rec's partition, offset and timestamp.
func place(rec *kafka.Record, partition, offset, timestamp string) error {
	p, err := strconv.ParseInt(partition, 10, 32)
	if err != nil {
		return fmt.Errorf("header %s: %w", HeaderPartition, err)
	}
	rec.Partition = int32(p)
	if rec.Offset, err = strconv.ParseInt(offset, 10, 64); err != nil {
		return fmt.Errorf("header %s: %w", HeaderOffset, err)
	}
	if timestamp == "" {
		return nil
	}
	ms, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return fmt.Errorf("header %s: %w", HeaderTimestamp, err)
	}
	rec.Timestamp = time.UnixMilli(ms)
	return nil
}
