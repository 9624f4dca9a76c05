package coordinator

import (
	"slices"

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

// other carries out an effect that is no command.
func (f *fold) other(s *folding, effect saga.Effect, window int64) {
	switch effect := effect.(type) {
	case saga.Announce:
		f.announce(s, effect, window)
	case saga.Watch:
		f.watch(s, effect)
	}
}

// watch notes for which events a saga's steps wait. What comes later in the batch
// counts.
func (f *fold) watch(s *folding, w saga.Watch) {
	state := &s.row.State
	wait := EventWait{Namespace: s.row.Namespace, Definition: state.Definition, Version: state.Version, Saga: s.id, Step: w.Step, Key: w.Key}
	same := func(o EventWait) bool { return o.Saga == s.id && o.Step == w.Step }
	f.writes.Watches, f.writes.Over = slices.DeleteFunc(f.writes.Watches, same), slices.DeleteFunc(f.writes.Over, same)
	if w.Over {
		f.writes.Over = append(f.writes.Over, wait)
		return
	}
	f.writes.Watches = append(f.writes.Watches, wait)
}
