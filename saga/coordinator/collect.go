package coordinator

import (
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
)

// collect turns the folded sagas into writes.
func (f *fold) collect() {
	f.followers()
	f.room()
	for _, id := range f.ids {
		s := f.sagas[id]
		f.writes.Keep = append(f.writes.Keep, s.keep...)
		f.tell(s)
		if len(s.events) == 0 {
			continue
		}
		f.writes.Events = append(f.writes.Events, s.events...)
		f.writes.Traced = append(f.writes.Traced, s.traced...)
		if s.fresh {
			f.writes.New = append(f.writes.New, s.row)
		} else {
			f.writes.Changed = append(f.writes.Changed, s.row)
			f.describe(s)
		}
		f.messages(s)
	}
	f.lock()
	f.free()
	for _, claim := range f.claims {
		if f.failed[claim.Saga] != nil {
			f.writes.Unclaim = append(f.writes.Unclaim, claim)
		}
	}
	for _, it := range f.items {
		f.leftovers(it)
		f.bury(it)
	}
}

// describe notes a saga that can be found by other things than before.
func (f *fold) describe(s *folding) {
	if before, _ := f.stored(s.id); !before.State.FoundAs(&s.row.State) {
		f.writes.Described = append(f.writes.Described, s.row)
	}
}

// room makes the arrays of the writes as large as they will be.
func (f *fold) room() {
	var events, fresh, changed, sends int
	for _, s := range f.sagas {
		events, sends = events+len(s.events), sends+len(s.effects)
		switch {
		case len(s.events) == 0:
		case s.fresh:
			fresh++
		default:
			changed++
		}
	}
	f.writes.Events = make([]EventRow, 0, events)
	f.writes.New, f.writes.Changed = make([]Row, 0, fresh), make([]Row, 0, changed)
	f.writes.Messages = make([]outbox.Message, 0, sends)
}

// leftovers deletes what brought an item here: its far wake or its mail.
func (f *fold) leftovers(it *item) {
	if !it.far.IsZero() {
		f.writes.FarDone = append(f.writes.FarDone, Wake{Saga: it.saga, At: it.far})
	}
	if it.mail != 0 && it.folded {
		f.writes.Folded = append(f.writes.Folded, Mail{Saga: it.saga, ID: it.mail})
	}
}

// messages writes the saga's commands, with the way back for their replies. The
// commands of a verb on another's bucket are held: its owner is told.
func (f *fold) messages(s *folding) {
	if f.r.foreign {
		f.writes.Far = append(f.writes.Far, Wake{Saga: s.id, At: f.b.Now()})
	}
	for i, effect := range s.effects {
		send, ok := effect.(saga.Send)
		if !ok {
			f.other(s, effect, s.windows[i])
			continue
		}
		cfg, cmd := &f.r.c.cfg, send.Command
		cmd.Route = saga.Route{
			Namespace: s.row.Namespace, Incarnation: cfg.Incarnation, ReplyTopic: cfg.ReplyTopic, ReplyPartition: int32(s.bucket),
			Token: cfg.Keys.Token(s.row.Namespace, cmd.ID, cmd.Epoch, cmd.Participant),
		}
		f.writes.Messages = append(f.writes.Messages, outbox.Message{
			Topic: cfg.Prefix + cmd.Participant, Key: s.id.String(),
			Headers: append(saga.CommandHeaders(cmd, f.b.Now()), f.traceHeaders(&cmd, s.windows[i])...), Payload: cmd.Payload.Data,
		})
	}
}

// empty reports whether there is nothing to write.
func (f *fold) empty() bool {
	w := &f.writes
	return len(w.Events)+len(w.Messages)+len(w.Dead)+len(w.Keep)+len(w.Tell)+len(w.Folded)+len(w.FarDone)+len(w.Unclaim)+len(w.Free) == 0
}
