package saga

import (
	"errors"
	"time"
)

// Start asks over Kafka for a new saga.
type Start struct {
	Namespace  string    // Namespace is the tenant; it must be that of the topic.
	Definition string    // Definition is the definition's name.
	Version    string    // Version is the version to pin, such as r12; empty is the latest.
	Key        string    // Key is the idempotency key: plain text of at most 256 bytes. Required.
	Source     string    // Source is who asks, such as /clients/shop; may be empty.
	Begin      time.Time // Begin is when the first steps begin; zero, or passed: at once.
	Input      Payload   // Input is the saga's input.
}

// StartHeaders writes s's headers, sent at the given time, in the contract's order.
func StartHeaders(s Start, at time.Time) []Header {
	w := headerWriter{headers: make([]Header, 0, 12)}
	w.event(s.Key, TypeStart, s.Source, s.Definition, at)
	w.payload(s.Input)
	w.put(HeaderNamespace, s.Namespace)
	w.put(HeaderDefinition, s.Definition)
	w.optional(HeaderVersion, s.Version)
	if !s.Begin.IsZero() {
		w.put(HeaderBegin, timeText(s.Begin))
	}
	return w.headers
}

// DecodeStart reads a start. It reports every fault at once. The input's bytes
// are only measured: the definition says what they must be.
func DecodeStart(headers []Header, value []byte) (Start, error) {
	r := headerReader{headers: headers}
	r.want(HeaderType, TypeStart)
	s := Start{
		Key:        r.text(HeaderID),
		Namespace:  r.name(HeaderNamespace),
		Definition: r.name(HeaderDefinition),
		Version:    r.optionalText(HeaderVersion),
		Source:     r.optionalText(HeaderSource),
		Input:      r.payload(value),
	}
	if r.maybe(HeaderBegin) != "" {
		s.Begin = r.time(HeaderBegin)
	}
	if len(value) > MaxPayload {
		r.faults = append(r.faults, errLargeInput)
	}
	return s, r.err("start")
}

var errLargeInput = errors.New("the input is larger than 512 KiB: pass a reference")

// optionalText returns a header that may be missing or empty, and must be short,
// printable text otherwise.
func (r *headerReader) optionalText(key string) string {
	if r.maybe(key) == "" {
		return ""
	}
	return r.text(key)
}
