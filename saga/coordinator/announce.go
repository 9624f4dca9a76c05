package coordinator

import (
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
)

// announce lets the world know that a saga has ended, by the outbox, in the
// transaction that ends it. The record's key is the saga's id, as that of its
// commands: so it is relayed by whoever relays those, and of two ends of one saga
// the later comes later.
func (f *fold) announce(s *folding, a saga.Announce, window int64) {
	cfg := &f.r.c.cfg
	topic := a.Topic
	if topic == "" {
		topic = cfg.Events + s.row.Namespace
	}
	if a.Fault != "" { // it may quote a payload: it is sent, not logged
		cfg.Log.Error("the event of a saga's end goes out without its payload", "saga", s.id, "definition", a.Ended.Definition, "version", a.Version)
	}
	headers := saga.AnnounceHeaders(a, saga.Route{Namespace: s.row.Namespace, Incarnation: cfg.Incarnation}, f.b.Now())
	if cfg.Traced != nil {
		c := saga.TraceRoot(s.id, window)
		c.Sampled = cfg.Traced(s.id)
		headers = append(headers, c.Header())
	}
	f.writes.Messages = append(f.writes.Messages, outbox.Message{Topic: topic, Key: s.id.String(), Headers: headers, Payload: a.Payload})
}
