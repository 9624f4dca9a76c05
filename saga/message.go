package saga

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"
)

// Payload is what a message carries: bytes that nothing but the mapper parses.
type Payload struct {
	Data        []byte // Data is kept byte for byte; at most MaxPayload bytes.
	ContentType string // ContentType is a media type; empty means application/json.
	Codec       string // Codec names how the bytes were encoded or encrypted; empty means plain.
	KeyID       string // KeyID names the key of the codec; empty without one.
}

// MaxPayload is the largest payload, in bytes. Above it, pass a reference.
const MaxPayload = 512 << 10

// JSON returns data as an application/json payload.
func JSON(data []byte) Payload { return Payload{Data: data} }

// IsJSON reports whether the payload may be read by an expression.
func (p Payload) IsJSON() bool {
	return (p.ContentType == "" || p.ContentType == ContentJSON) && p.Codec == ""
}

// ValidJSON reports whether data is one JSON document. encoding/json takes texts for
// valid that are no UTF-8, and most other readers of JSON do not.
func ValidJSON(data []byte) bool { return utf8.Valid(data) && json.Valid(data) }

// ContentJSON is the one content type that can be mapped.
const ContentJSON = "application/json"

// Command asks a participant to do or undo a step. A re-sent command has the
// same ID, epoch and payload and a higher Attempt.
type Command struct {
	ID          CommandID     // ID is the idempotency key.
	Participant string        // Participant is who runs it.
	Name        string        // Name is the command to run: the step's command, or its compensation for an undo.
	Definition  string        // Definition is the saga's definition.
	Version     string        // Version is the definition's version as people say it, such as r12.
	Attempt     int           // Attempt counts from 1.
	Epoch       int           // Epoch rises when a step is re-opened or reversed, never on a retry.
	Deadline    time.Time     // Deadline is when the coordinator stops waiting for this attempt; with a Heartbeat and no timeout, when it wants to be told first.
	Heartbeat   time.Duration // Heartbeat is how often the participant has to say ongoing, or the command is sent again; zero: it need not.
	Payload     Payload       // Payload is the mapped input. An undo carries the do's input.
	Route       Route         // Route is filled in by the coordinator.
}

// Route is what the coordinator adds to a command so that the reply finds back.
type Route struct {
	Namespace      string // Namespace is the tenant.
	Incarnation    int64  // Incarnation is the generation of the coordinator's database; it only rises.
	ReplyTopic     string // ReplyTopic is where the reply goes.
	ReplyPartition int32  // ReplyPartition is the partition of ReplyTopic.
	Token          string // Token proves that a reply answers this command; see Keys.
}

// Outcome is what a participant says of a command.
type Outcome uint8

// The outcomes on the wire. "Unknown", when time is up, is never sent.
const (
	Succeeded Outcome = 1 // Succeeded: done (or undone), with a result.
	Rejected  Outcome = 2 // Rejected: a business no; nothing was done, and a repeat says the same.
	Failed    Outcome = 3 // Failed: a technical error; may have run; try again.
	Ongoing   Outcome = 4 // Ongoing: a heartbeat of a command that takes longer.
)

// String returns the word on the wire.
func (o Outcome) String() string {
	switch o {
	case Succeeded:
		return "succeeded"
	case Rejected:
		return "rejected"
	case Failed:
		return "failed"
	case Ongoing:
		return "ongoing"
	}
	return "none"
}

// ParseOutcome is the inverse of Outcome.String.
func ParseOutcome(text string) (Outcome, error) {
	for o := Succeeded; o <= Ongoing; o++ {
		if o.String() == text {
			return o, nil
		}
	}
	return 0, fmt.Errorf("outcome %.20q: want succeeded, rejected, failed or ongoing", text)
}

// Reply answers a command. Everything but Outcome, Reason and Payload is an
// echo of the command.
type Reply struct {
	ID          CommandID // ID is the command's.
	Participant string    // Participant is who answers.
	Attempt     int       // Attempt is the command's.
	Epoch       int       // Epoch is the command's.
	Outcome     Outcome   // Outcome is the answer.
	Reason      string    // Reason says why it was rejected or failed; at most MaxReason bytes.
	Payload     Payload   // Payload is the result.
	Route       Route     // Route is the command's.
}

// MaxReason is the longest reason that is kept, in bytes.
const MaxReason = 1024
