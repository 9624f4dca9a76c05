package saga

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// A saga's trace is derived, not drawn: whoever knows the saga's id and its
// history knows every id in it. So nothing has to be stored, a crash loses
// nothing, and every process agrees. What is here must never change: the header
// of a command that was sent years ago still has to name its span.

const (
	// WindowIdle is the silence after which a saga's story goes on in a new trace,
	// linked to the one before: a trace over days is no use to anyone.
	WindowIdle = time.Hour
	// WindowEvents is how many events a trace tells at most, so that a saga that
	// keeps trying for ever is seen too.
	WindowEvents = 500
)

// HeaderTraceParent is W3C Trace Context's header. A command's names the span of
// this attempt as the parent of whatever the participant does.
const HeaderTraceParent = "traceparent"

// TraceID identifies a trace.
type TraceID [16]byte

// String returns 32 characters of lower-case hexadecimal.
func (t TraceID) String() string { return hex.EncodeToString(t[:]) }

// SpanID identifies a span within its trace.
type SpanID [8]byte

// String returns 16 characters of lower-case hexadecimal.
func (s SpanID) String() string { return hex.EncodeToString(s[:]) }

// TraceContext is what a traceparent header says.
type TraceContext struct {
	Trace   TraceID // Trace is the trace.
	Span    SpanID  // Span is the span that whoever reads it hangs its own spans below.
	Sampled bool    // Sampled says that the trace is recorded.
}

// String returns the header's value, in version 00 of the format.
func (c TraceContext) String() string {
	flags := "-00"
	if c.Sampled {
		flags = "-01"
	}
	return "00-" + c.Trace.String() + "-" + c.Span.String() + flags
}

// Header returns the context as a command's header.
func (c TraceContext) Header() Header {
	return Header{Key: HeaderTraceParent, Value: []byte(c.String())}
}

// ErrTraceParent says that a text is not a traceparent. The standard asks to go
// on without it.
var ErrTraceParent = errors.New("not a traceparent")

const (
	traceParentLen = 55  // of version 00
	traceParentMax = 256 // of a later version, which may add to it
)

// ParseTraceParent reads a traceparent of version 00 or later.
func ParseTraceParent(text string) (TraceContext, error) {
	var c TraceContext
	var version, flags [1]byte
	if len(text) < traceParentLen || len(text) > traceParentMax || text[2] != '-' || text[35] != '-' || text[52] != '-' {
		return c, fmt.Errorf("%w: %.60q", ErrTraceParent, text)
	}
	ok := unhex(version[:], text[:2]) && unhex(c.Trace[:], text[3:35]) && unhex(c.Span[:], text[36:52]) && unhex(flags[:], text[53:55])
	longer := len(text) > traceParentLen
	if !ok || c.Trace == (TraceID{}) || c.Span == (SpanID{}) || version[0] == 0xff || longer && (version[0] == 0 || text[55] != '-') {
		return TraceContext{}, fmt.Errorf("%w: %.60q", ErrTraceParent, text)
	}
	c.Sampled = flags[0]&1 == 1
	return c, nil
}

// unhex decodes lower-case hexadecimal of exactly dst's length.
func unhex(dst []byte, text string) bool {
	for i := range len(text) {
		if text[i] >= 'A' && text[i] <= 'F' {
			return false
		}
	}
	_, err := hex.Decode(dst, []byte(text))
	return err == nil
}

// TraceRoot returns the trace of one window of a saga, and its root span. The
// first window's trace id is the saga's id, so that anyone finds it.
func TraceRoot(id ID, window int64) TraceContext {
	c := TraceContext{Trace: TraceID(id)}
	number := strconv.FormatInt(window, 10)
	if window > 0 {
		sum := traceHash(id, "trace", number)
		copy(c.Trace[:], sum[:])
	}
	c.Span = spanID(id, "root", number)
	return c
}

// TraceAttempt returns the trace of a window, and the span of one attempt of a
// command in it.
func TraceAttempt(cmd CommandID, window int64, attempt, epoch int) TraceContext {
	c := TraceRoot(cmd.Saga, window)
	c.Span = spanID(cmd.Saga, cmd.Step.String(), cmd.Direction.String(), strconv.Itoa(attempt), strconv.Itoa(epoch))
	return c
}

// TraceWait returns the trace of a window, and the span of the wait that began
// for a command with the event of that number.
func TraceWait(cmd CommandID, window, seq int64) TraceContext {
	c := TraceRoot(cmd.Saga, window)
	c.Span = spanID(cmd.Saga, cmd.Step.String(), cmd.Direction.String(), "wait", strconv.FormatInt(seq, 10))
	return c
}

// TraceShare spreads sagas evenly over [0,1): those below a ratio are that share
// of all. It is a hash, because the bytes of a saga's id are not evenly spread.
func TraceShare(id ID) float64 {
	const bits = 53
	sum := traceHash(id, "share")
	return float64(binary.BigEndian.Uint64(sum[:])>>(64-bits)) / (1 << bits)
}

func spanID(id ID, parts ...string) SpanID {
	sum := traceHash(id, parts...)
	span := SpanID(sum[:8])
	if span == (SpanID{}) {
		span[7] = 1 // zero means "none"
	}
	return span
}

// traceHash hashes parts, which hold no zero byte, so that they cannot run into
// each other.
func traceHash(id ID, parts ...string) [32]byte {
	text := append([]byte("unwind trace\x00"), id[:]...)
	for _, part := range parts {
		text = append(append(text, 0), part...)
	}
	return sha256.Sum256(text)
}

// openWindow begins a new trace if this event comes after a long silence, or if
// the present one is full. The event's commands belong to the new one.
func (d *decision) openWindow() {
	idle := d.e.At.Sub(d.s.Last) > WindowIdle
	full := d.s.Seq-max(d.s.Window, 1) >= WindowEvents
	if d.s.Seq > 1 && (idle || full) {
		d.s.Window = d.s.Seq
	}
}
