package outbox

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/internal/record"
)

// Header is one header of a message. Order and duplicates are kept, and a nil
// Value differs from an empty one.
type Header = record.Header

// Limits of a message, checked before anything is sent to the database.
const (
	// MaxTopic is the longest topic name, in bytes, as in Kafka.
	MaxTopic = 249
	// MaxKey is the longest key, in bytes.
	MaxKey = 1024
	// MaxHeaders is the most headers of one message.
	MaxHeaders = 256
	// MaxSize is the largest message, in bytes: key, headers and payload.
	MaxSize = 2 << 20
)

// ErrInvalid says that a message can never be stored or published as it is.
var ErrInvalid = errors.New("invalid outbox message")

// Partition is where in its topic a message goes. The zero value is ByKey.
type Partition int32

// ByKey leaves the partition to the publisher's partitioner, by key.
const ByKey Partition = 0

// Pin names partition n, from 0, instead of leaving it to the partitioner.
// A negative n is ByKey.
func Pin(n int32) Partition { return Partition(max(n, -1) + 1) }

// Pinned returns the named partition; ok is false for ByKey.
func (p Partition) Pinned() (n int32, ok bool) { return int32(p) - 1, p != ByKey }

// Message is what is to be published.
type Message struct {
	// Topic is where it goes. Required.
	Topic string
	// Key orders it: messages of one key are published in the order of their ids.
	// It is the record's key too. The empty key is a key like any other.
	Key string
	// Partition is ByKey unless set with Pin.
	Partition Partition
	// Headers are published in order, duplicates included.
	Headers []Header
	// Payload is the value, byte for byte. nil is a record without a value.
	Payload []byte
}

// Bucket returns the bucket that m belongs to, by its key.
func (m Message) Bucket() int { return bucket.Of(m.Key, bucket.Count) }

// Validate reports every fault of m at once, as an error that is ErrInvalid. A
// message that passes cannot fail its transaction by its content.
func (m Message) Validate() error {
	var faults []error
	if m.Topic == "" || len(m.Topic) > MaxTopic {
		faults = append(faults, fmt.Errorf("topic has %d bytes, not 1 to %d", len(m.Topic), MaxTopic))
	}
	if len(m.Key) > MaxKey {
		faults = append(faults, fmt.Errorf("key has %d bytes, more than %d", len(m.Key), MaxKey))
	}
	if !text(m.Topic) || !text(m.Key) {
		faults = append(faults, errors.New("topic and key must be UTF-8 without NUL"))
	}
	if len(m.Headers) > MaxHeaders {
		faults = append(faults, fmt.Errorf("%d headers, more than %d", len(m.Headers), MaxHeaders))
	}
	if size := m.size(); size > MaxSize {
		faults = append(faults, fmt.Errorf("%d bytes in all, more than %d", size, MaxSize))
	}
	if len(faults) == 0 {
		return nil
	}
	return fmt.Errorf("%w (topic %q, key %q): %w", ErrInvalid, m.Topic, m.Key, errors.Join(faults...))
}

// size is the number of bytes of the message itself.
func (m Message) size() int {
	n := len(m.Key) + len(m.Payload)
	for _, h := range m.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// text tells whether Postgres takes s as text.
func text(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// Row is a message in the outbox.
type Row struct {
	// ID orders the messages of one key.
	ID int64
	// Bucket is the message's bucket.
	Bucket int
	// Message is what was inserted.
	Message
}

// Rows pairs messages with the ids that Queue's callback got for them, for Hand.
func Rows(messages []Message, ids []int64) []Row {
	rows := make([]Row, 0, len(messages))
	for i, id := range ids {
		rows = append(rows, Row{ID: id, Bucket: messages[i].Bucket(), Message: messages[i]})
	}
	return rows
}
