package office

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/internal/record"
	"github.com/unwindhq/unwind/saga"
)

// Status says what was decided about a letter.
type Status string

// The statuses of a letter.
const (
	Open      Status = "open"      // Open waits for somebody to decide.
	Redriven  Status = "redriven"  // Redriven: its record is sent to its topic again.
	Discarded Status = "discarded" // Discarded: an operator has no use for it; it stays readable.
)

// ClassForeign is the class of a record on a dead-letter topic that does not say
// where it came from.
const ClassForeign = "foreign"

// ClassEvent is the class of an event of somebody else's topic that a definition
// waits for and cannot take. It gets no copy on a dead-letter topic, which would be
// somebody else's too, and is redriven by way of the namespace's start topic: its
// own topic has other readers.
const ClassEvent = "refused-event"

// Unwritten is the partition of a record that was never written to its topic. Its
// offset is then the id of its outbox row.
const Unwritten int32 = -1

// Letter is a dead letter.
type Letter struct {
	ID          int64         // ID orders letters; 0 before it is stored.
	Namespace   string        // Namespace is the tenant: that of Saga once it is stored, if there is such a saga, else the one that the record names by its header or its topic; DefaultNamespace if none.
	Record      record.Record // Record is as it was read, with the place that it was read from.
	Size        int           // Size is the value's, in bytes; a list shows it in the place of the value.
	Class       string        // Class groups reasons, like "undecodable".
	Reason      string        // Reason says what is wrong, at most deadletter.MaxReason bytes.
	Fingerprint string        // Fingerprint is the same for letters that died alike: 16 hexadecimal digits.
	Origin      string        // Origin is who gave it up: a node, or the dead-letter topic it was imported from.
	Saga        saga.ID       // Saga is the saga that the record names; zero if none can be read.
	Command     string        // Command is step/direction of the record, as far as it says; may be empty.
	At          time.Time     // At is when it was given up.
	Status      Status        // Status says what was decided.
	Redrives    int           // Redrives counts how often it was redriven from here.
	Actor       string        // Actor is who decided last; empty while nobody has.
	Note        string        // Note is why.
	ChangedAt   time.Time     // ChangedAt is when; zero while nobody has.
	Unsent      Sending       // Unsent is what is left to be sent.
	SentAt      time.Time     // SentAt is when the last thing was sent; zero if none was.
	Trouble     string        // Trouble says why sending failed for good; empty is good.
}

// Sending is what is left to be sent of a letter.
type Sending string

// What may be left to be sent.
const (
	Nothing    Sending = ""       // Nothing is left.
	SendCopy   Sending = "copy"   // SendCopy: the dead letter to its dead-letter topic.
	SendRecord Sending = "record" // SendRecord: the record to its own topic, redriven.
)

// NewLetter makes the letter of a record that was given up at a time by origin, with
// everything that can be read from the record itself. What it says of the record
// is text that Postgres takes; the record stays as it is.
func NewLetter(rec record.Record, why deadletter.Reason, origin string, at time.Time) Letter {
	l := Letter{
		Record: rec, Class: plain(why.Class, 64), Reason: plain(why.Text, deadletter.MaxReason), Origin: plain(origin, 256),
		At: at, Status: Open, Unsent: SendCopy,
	}
	if l.Class == ClassEvent {
		l.Unsent = Nothing
	}
	l.Fingerprint = fingerprint(l.Class, rec.Topic, l.Reason)
	l.Namespace = namespaceOf(rec)
	l.Saga = sagaOf(rec)
	step, _ := record.Get(rec.Headers, saga.HeaderStep)
	direction, _ := record.Get(rec.Headers, saga.HeaderDirection)
	if len(step) > 0 {
		l.Command = plain(string(step)+"/"+string(direction), 256)
	}
	return l
}

// DefaultNamespace is that of a record that names none.
const DefaultNamespace = "default"

var namespaces = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// startTopic is the name of a topic of starts; its last part is its namespace.
var startTopic = regexp.MustCompile(`(?:^|\.)start\.([a-z0-9][a-z0-9_-]{0,62})(?:\.dlt)?$`)

// namespaceOf returns the namespace that a record's headers or its topic name, if
// it is one, else DefaultNamespace.
func namespaceOf(rec record.Record) string {
	if name, _ := record.Get(rec.Headers, saga.HeaderNamespace); namespaces.Match(name) {
		return string(name)
	}
	if start := startTopic.FindStringSubmatch(rec.Topic); start != nil {
		return start[1]
	}
	return DefaultNamespace
}

// sagaOf returns the saga that a record names in its headers or by its key.
func sagaOf(rec record.Record) saga.ID {
	named, _ := record.Get(rec.Headers, saga.HeaderSaga)
	for _, text := range [][]byte{named, rec.Key} {
		if id, err := saga.ParseID(string(text)); err == nil {
			return id
		}
	}
	return saga.ID{}
}

// plain makes text valid UTF-8 without NUL of at most limit bytes.
func plain(text string, limit int) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text[:min(len(text), limit)], "\x00", ""), "")
	return text
}

// variable is what differs between two reasons that are the same for people: ids,
// numbers and what is quoted.
var variable = regexp.MustCompile(`"(?:[^"\\]|\\.)*"?|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|0x[0-9a-fA-F]+|[0-9]+`)

// fingerprint identifies letters of one topic and class whose reasons differ in
// variable parts only.
func fingerprint(class, topic, reason string) string {
	sum := sha256.Sum256([]byte(class + "\x00" + topic + "\x00" + variable.ReplaceAllString(reason, "#")))
	return hex.EncodeToString(sum[:8])
}

// HeaderRedrive is the header that a redriven record gets behind its own ones: how
// often it was redriven, decimal. It is what the loop guard counts.
const HeaderRedrive = "unwind-redrive"

// Redrives returns how often the record of these headers was redriven before: the
// last header HeaderRedrive, 0 without one or if it is no number.
func Redrives(headers []record.Header) int {
	for _, h := range slices.Backward(headers) {
		if h.Key == HeaderRedrive {
			n, err := strconv.Atoi(string(h.Value))
			if err != nil || n < 0 {
				return 0
			}
			return n
		}
	}
	return 0
}

// Again returns the record to be sent when l is redriven: key, value and headers
// byte for byte, and HeaderRedrive behind them, in the place of an earlier one. A
// reply goes to the partition of its saga, whatever its key; any other record to the
// one that it was read from. One that was never written goes by its key. A foreign
// record goes by its key to the topic whose dead-letter topic it lies on. An event
// goes as a dead letter, so that it says where it was read, and its topic is left to
// the Carrier.
func (l *Letter) Again() record.Record {
	rec := l.Record
	if l.Class == ClassEvent {
		if original, _, err := deadletter.Original(rec); err == nil { // it was redriven before
			rec = original
		}
		rec.Headers = l.redriven(rec.Headers)
		again := deadletter.Record(rec, deadletter.Reason{Class: l.Class, Text: l.Reason}, l.At)
		again.Topic = ""
		return again
	}
	rec.Timestamp, rec.Offset = time.Time{}, 0
	if l.Class == ClassForeign {
		rec.Topic, rec.Partition = strings.TrimSuffix(rec.Topic, deadletter.Suffix), Unwritten
	}
	if kind, _ := record.Get(rec.Headers, saga.HeaderType); string(kind) == saga.TypeReply && !l.Saga.IsZero() {
		rec.Partition = int32(bucket.Of(l.Saga.String(), bucket.Count))
	}
	rec.Headers = l.redriven(rec.Headers)
	return rec
}

// redriven returns headers with HeaderRedrive behind them.
func (l *Letter) redriven(of []record.Header) []record.Header {
	n := Redrives(of) + max(l.Redrives, 1)
	headers := make([]record.Header, 0, len(of)+1)
	for _, h := range of {
		if h.Key != HeaderRedrive {
			headers = append(headers, h)
		}
	}
	return append(headers, record.Header{Key: HeaderRedrive, Value: []byte(strconv.Itoa(n))})
}

// copied returns the record for the dead-letter topic.
func (l *Letter) copied() record.Record {
	return deadletter.Record(l.Record, deadletter.Reason{Class: l.Class, Text: l.Reason}, l.At)
}

// outgoing returns the record that is left to be sent.
func (l *Letter) outgoing() record.Record {
	if l.Unsent == SendRecord {
		return l.Again()
	}
	return l.copied()
}

// What asking for a letter may answer.
var (
	// ErrNotFound says that there is no such letter.
	ErrNotFound = errors.New("no such dead letter")
	// ErrRefused says that a letter is not redriven or discarded, and why.
	ErrRefused = errors.New("refused")
)
