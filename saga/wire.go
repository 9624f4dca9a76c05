package saga

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/unwindhq/unwind/internal/record"
)

// Header is one Kafka header. See record.Header.
type Header = record.Header

// The headers of the wire contract (docs/wire-contract.md): CloudEvents 1.0
// binary mode, and the unwind- headers that a reply echoes unread.
const (
	HeaderSpecVersion = "ce_specversion" // HeaderSpecVersion is always "1.0".
	HeaderID          = "ce_id"          // HeaderID is the command id; a reply's has "/reply" behind it; a start's is its idempotency key.
	HeaderType        = "ce_type"        // HeaderType is TypeCommand, TypeReply or another type.
	HeaderSource      = "ce_source"      // HeaderSource is who wrote the message.
	HeaderSubject     = "ce_subject"     // HeaderSubject is the saga id, and the record's key; a start's is the definition's name.
	HeaderTime        = "ce_time"        // HeaderTime is RFC 3339 in UTC.
	HeaderContentType = "content-type"   // HeaderContentType is the value's media type.

	HeaderSaga           = "unwind-saga"            // HeaderSaga is the saga id.
	HeaderDefinition     = "unwind-definition"      // HeaderDefinition is the definition's name.
	HeaderVersion        = "unwind-version"         // HeaderVersion is the definition's version.
	HeaderStep           = "unwind-step"            // HeaderStep is step[index]#visit.
	HeaderDirection      = "unwind-direction"       // HeaderDirection is do or undo.
	HeaderParticipant    = "unwind-participant"     // HeaderParticipant is whose command it is.
	HeaderCommand        = "unwind-command"         // HeaderCommand is the command to run.
	HeaderAttempt        = "unwind-attempt"         // HeaderAttempt counts from 1.
	HeaderEpoch          = "unwind-epoch"           // HeaderEpoch counts from 1.
	HeaderDeadline       = "unwind-deadline"        // HeaderDeadline is RFC 3339 in UTC.
	HeaderHeartbeat      = "unwind-heartbeat"       // HeaderHeartbeat is how often to say ongoing, in milliseconds; missing: it need not be said.
	HeaderBegin          = "unwind-begin"           // HeaderBegin is, in a start, when the first steps begin: RFC 3339.
	HeaderReplyTopic     = "unwind-reply-topic"     // HeaderReplyTopic is where the reply goes.
	HeaderReplyPartition = "unwind-reply-partition" // HeaderReplyPartition is the partition to use.
	HeaderNamespace      = "unwind-namespace"       // HeaderNamespace is the tenant.
	HeaderIncarnation    = "unwind-incarnation"     // HeaderIncarnation is the coordinator database's.
	HeaderToken          = "unwind-token"           // HeaderToken is opaque to participants.
	HeaderCodec          = "unwind-codec"           // HeaderCodec is the payload's codec, if any.
	HeaderKeyID          = "unwind-key-id"          // HeaderKeyID is the codec's key, if any.
	HeaderOutcome        = "unwind-outcome"         // HeaderOutcome is a reply's answer.
	HeaderReason         = "unwind-reason"          // HeaderReason says why, in a reply; of a saga's end, why it turned back.
	HeaderStatus         = "unwind-status"          // HeaderStatus is, of a saga's end, completed, compensated or abandoned.
	HeaderPayloadFault   = "unwind-payload-fault"   // HeaderPayloadFault says, of a saga's end, why its value is null against its definition.

	// HeaderParticipantVersion may be set by a participant in its replies.
	HeaderParticipantVersion = "unwind-participant-version"
)

// The message types of the wire contract.
const (
	TypeCommand = "unwind.command.v1" // TypeCommand marks a command.
	TypeReply   = "unwind.reply.v1"   // TypeReply marks a reply.
	TypeStart   = "unwind.start.v1"   // TypeStart marks a request to start a saga.
)

const specVersion = "1.0"

// CommandHeaders writes cmd's headers, sent at the given time, in the contract's
// order.
func CommandHeaders(cmd Command, at time.Time) []Header {
	w := newHeaderWriter(24)
	w.event(cmd.ID.String(), TypeCommand, "/unwind/"+cmd.Route.Namespace, cmd.ID.Saga.String(), at)
	w.payload(cmd.Payload)
	w.put(HeaderSaga, cmd.ID.Saga.String())
	w.put(HeaderDefinition, cmd.Definition)
	w.put(HeaderVersion, cmd.Version)
	w.put(HeaderStep, cmd.ID.Step.String())
	w.put(HeaderDirection, cmd.ID.Direction.String())
	w.put(HeaderParticipant, cmd.Participant)
	w.put(HeaderCommand, cmd.Name)
	w.put(HeaderAttempt, strconv.Itoa(cmd.Attempt))
	w.put(HeaderEpoch, strconv.Itoa(cmd.Epoch))
	w.put(HeaderDeadline, timeText(cmd.Deadline))
	if cmd.Heartbeat > 0 {
		w.put(HeaderHeartbeat, strconv.FormatInt(cmd.Heartbeat.Milliseconds(), 10))
	}
	w.put(HeaderReplyTopic, cmd.Route.ReplyTopic)
	w.put(HeaderReplyPartition, strconv.Itoa(int(cmd.Route.ReplyPartition)))
	w.put(HeaderNamespace, cmd.Route.Namespace)
	w.put(HeaderIncarnation, strconv.FormatInt(cmd.Route.Incarnation, 10))
	w.put(HeaderToken, cmd.Route.Token)
	return w.headers
}

// ReplyHeaders writes the headers of a reply to the command with the given
// headers: every unwind- header echoed unread, and the answer.
func ReplyHeaders(command []Header, reply Reply, at time.Time) []Header {
	w := newHeaderWriter(len(command) + 4)
	w.event(reply.ID.String()+"/reply", TypeReply, "/participants/"+reply.Participant, reply.ID.Saga.String(), at)
	w.payload(reply.Payload)
	for _, h := range command {
		if strings.HasPrefix(h.Key, "unwind-") && !answers(h.Key) {
			w.headers = append(w.headers, h)
		}
	}
	w.put(HeaderOutcome, reply.Outcome.String())
	w.optional(HeaderReason, Clip(reply.Reason))
	return w.headers
}

// answers lists the headers that a reply states itself instead of echoing.
func answers(key string) bool {
	switch key {
	case HeaderOutcome, HeaderReason, HeaderCodec, HeaderKeyID:
		return true
	}
	return false
}

// DecodeCommand reads a command. It reports every fault at once.
func DecodeCommand(headers []Header, value []byte) (Command, error) {
	r := headerReader{headers: headers}
	r.want(HeaderType, TypeCommand)
	cmd := Command{
		ID:          r.commandID(),
		Participant: r.name(HeaderParticipant),
		Name:        r.name(HeaderCommand),
		Definition:  r.text(HeaderDefinition),
		Version:     r.text(HeaderVersion),
		Attempt:     int(r.number(HeaderAttempt, 1)),
		Epoch:       int(r.number(HeaderEpoch, 1)),
		Deadline:    r.time(HeaderDeadline),
		Payload:     r.payload(value),
		Route:       r.route(),
	}
	if r.maybe(HeaderHeartbeat) != "" {
		cmd.Heartbeat = time.Duration(r.number(HeaderHeartbeat, 1)) * time.Millisecond
	}
	return cmd, r.err("command")
}

// DecodeReply reads a reply. It reports every fault at once.
func DecodeReply(headers []Header, value []byte) (Reply, error) {
	r := headerReader{headers: headers}
	r.want(HeaderType, TypeReply)
	reply := Reply{
		ID:          r.commandID(),
		Participant: r.name(HeaderParticipant),
		Attempt:     int(r.number(HeaderAttempt, 1)),
		Epoch:       int(r.number(HeaderEpoch, 1)),
		Reason:      Clip(r.maybe(HeaderReason)),
		Payload:     r.payload(value),
		Route:       r.route(),
	}
	outcome, err := ParseOutcome(r.text(HeaderOutcome))
	r.fault(HeaderOutcome, err)
	reply.Outcome = outcome
	return reply, r.err("reply")
}

// headerWriter appends headers. Their values lie one behind the other in one
// piece of memory: a command has two dozen.
type headerWriter struct {
	headers []Header
	values  []byte
}

// newHeaderWriter returns a writer with room for n headers of usual length.
func newHeaderWriter(n int) headerWriter {
	return headerWriter{headers: make([]Header, 0, n), values: make([]byte, 0, 24*n)}
}

func (w *headerWriter) put(key, value string) {
	from := len(w.values)
	w.values = append(w.values, value...) // when it moves, the values before it stay where they are
	w.headers = append(w.headers, Header{Key: key, Value: w.values[from:len(w.values):len(w.values)]})
}

func (w *headerWriter) optional(key, value string) {
	if value != "" {
		w.put(key, value)
	}
}

func (w *headerWriter) event(id, kind, source, subject string, at time.Time) {
	w.put(HeaderSpecVersion, specVersion)
	w.put(HeaderID, id)
	w.put(HeaderType, kind)
	w.put(HeaderSource, source)
	w.put(HeaderSubject, subject)
	w.put(HeaderTime, timeText(at))
}

func (w *headerWriter) payload(p Payload) {
	contentType := p.ContentType
	if contentType == "" {
		contentType = ContentJSON
	}
	w.put(HeaderContentType, contentType)
	w.optional(HeaderCodec, p.Codec)
	w.optional(HeaderKeyID, p.KeyID)
}

func timeText(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

// Clip cuts text to what may be kept as a reason: at most MaxReason bytes of
// valid UTF-8, without NUL, which a Postgres text column refuses.
func Clip(text string) string {
	text = text[:min(len(text), MaxReason)]
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "")
}

// headerReader reads headers and collects what is wrong with them.
type headerReader struct {
	headers []Header
	faults  []error
}

func (r *headerReader) fault(key string, err error) {
	if err != nil {
		r.faults = append(r.faults, fmt.Errorf("header %s: %w", key, err))
	}
}

func (r *headerReader) err(what string) error {
	if err := errors.Join(r.faults...); err != nil {
		return fmt.Errorf("decode %s: %w", what, err)
	}
	return nil
}

var (
	errMissing = errors.New("missing")
	errTooLong = errors.New("longer than 256 bytes")
	errText    = errors.New("not plain text")
	errName    = errors.New("want a name like reserveFlight")
)

// maybe returns the first header named key, or "".
func (r *headerReader) maybe(key string) string {
	value, _ := record.Get(r.headers, key)
	return string(value)
}

// text returns a header that must be there and be short, printable text.
func (r *headerReader) text(key string) string {
	value, ok := record.Get(r.headers, key)
	switch {
	case !ok || len(value) == 0:
		r.fault(key, errMissing)
	case len(value) > 256:
		r.fault(key, errTooLong)
	case strings.ContainsFunc(string(value), notPrintable):
		r.fault(key, errText)
	default:
		return string(value)
	}
	return ""
}

func notPrintable(c rune) bool { return c < 0x20 || c == 0x7f || c == 0xfffd }

func (r *headerReader) name(key string) string {
	text := r.text(key)
	if text != "" && !IsName(text) {
		r.fault(key, errName)
	}
	return text
}

func (r *headerReader) want(key, value string) {
	if got := r.text(key); got != "" && got != value {
		r.fault(key, fmt.Errorf("%.80q: want %s", got, value))
	}
}

func (r *headerReader) number(key string, least int64) int64 {
	text := r.text(key)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if key == HeaderIncarnation {
		n, err = strconv.ParseInt(text, 10, 64)
	}
	if err != nil || n < least {
		r.fault(key, fmt.Errorf("%.40q: want a whole number of at least %d", text, least))
	}
	return n
}

func (r *headerReader) time(key string) time.Time {
	text := r.text(key)
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	r.fault(key, err)
	return at
}

func (r *headerReader) commandID() CommandID {
	var id CommandID
	var err error
	if text := r.text(HeaderSaga); text != "" {
		id.Saga, err = ParseID(text)
		r.fault(HeaderSaga, err)
	}
	if text := r.text(HeaderStep); text != "" {
		id.Step, err = ParseStepRef(text)
		r.fault(HeaderStep, err)
	}
	if text := r.text(HeaderDirection); text != "" {
		id.Direction, err = ParseDirection(text)
		r.fault(HeaderDirection, err)
	}
	return id
}

func (r *headerReader) route() Route {
	return Route{
		Namespace:      r.text(HeaderNamespace),
		Incarnation:    r.number(HeaderIncarnation, 1),
		ReplyTopic:     r.text(HeaderReplyTopic),
		ReplyPartition: int32(r.number(HeaderReplyPartition, 0)),
		Token:          r.text(HeaderToken),
	}
}

func (r *headerReader) payload(value []byte) Payload {
	p := Payload{Data: value, ContentType: r.maybe(HeaderContentType), Codec: r.maybe(HeaderCodec), KeyID: r.maybe(HeaderKeyID)}
	if p.ContentType == ContentJSON {
		p.ContentType = ""
	}
	for _, text := range []string{p.ContentType, p.Codec, p.KeyID} {
		if len(text) > 256 || strings.ContainsFunc(text, notPrintable) {
			r.fault(HeaderContentType, errText)
		}
	}
	return p
}
