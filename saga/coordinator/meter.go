package coordinator

import (
	"time"

	"github.com/unwindhq/unwind/saga"
)

// Meter counts what a Coordinator has done. Every call comes after the commit of
// what it reports, so it happened; a batch whose commit's outcome stayed unknown
// may be missing. Calls come from several goroutines and hold up a writer: they
// must be quick, must not block and must not keep what they are given.
type Meter interface {
	// Batch reports a batch that has come to its end.
	Batch(b *BatchReport)
	// Change reports what a batch has changed of one saga.
	Change(c *Change)
	// Retry reports that a batch was not committed and is tried again.
	Retry()
	// Woken reports a wake that was carried out, and how long after its time, by
	// the database's clock. While the brokers are away wakes wait for them.
	Woken(late time.Duration)
	// DeadLetter reports a record that cannot be taken as a reply. class is one of
	// DeadLetterClasses.
	DeadLetter(class string)
}

// BatchReport is what Meter is told of a batch.
type BatchReport struct {
	Items     int           // Items are the messages, starts, wakes and verbs it decided.
	Messages  int           // Messages are the commands it wrote.
	Committed bool          // Committed is false when there was nothing to write.
	Took      time.Duration // Took is its last try, from loading to the commit.
	Replies   int           // Replies are those that came from the reply topic, without dead letters.
	Repeated  int           // Repeated are the replies that changed nothing and left no trace.
	Forgotten int           // Forgotten are the replies to sagas that may have been deleted; see Config.Forgotten.
}

// Change is what a batch has changed of one saga. It is only valid during the
// call.
type Change struct {
	Namespace string     // Namespace is the tenant.
	Before    saga.State // Before is the state as it was loaded; its Status is 0 for a new saga.
	After     saga.State // After is the state that was committed.
	Events    []EventRow // Events are what happened between them, at least one.
}

// DeadLetterClasses lists the classes of dead letters that Meter is told of.
func DeadLetterClasses() []string {
	return []string{classDecode, classToken, classUnmatched, classMisplaced, classUndeliverable}
}

// noMeter is the Meter of nobody.
type noMeter struct{}

func (noMeter) Batch(*BatchReport)  {}
func (noMeter) Change(*Change)      {}
func (noMeter) Retry()              {}
func (noMeter) Woken(time.Duration) {}
func (noMeter) DeadLetter(string)   {}

// measure reports a batch that has come to its end.
func (r *run) measure(f *fold) {
	meter := r.c.cfg.Meter
	report := BatchReport{Items: len(f.items), Messages: len(f.writes.Messages), Committed: !f.empty(), Took: time.Since(f.began)}
	for _, it := range f.items {
		switch {
		case it.letter != nil:
			meter.DeadLetter(it.letter.Class)
		case it.dead != nil:
			meter.DeadLetter(it.dead.class)
		case it.forgotten:
			report.Forgotten++
		case it.record != nil:
			report.Replies++
			if it.folded && !it.result.changed {
				report.Repeated++
			}
		case !it.due.IsZero():
			meter.Woken(f.b.Now().Sub(it.due))
		}
	}
	meter.Batch(&report)
	var change Change // one for all: it escapes
	for _, s := range f.sagas {
		if len(s.events) == 0 {
			continue
		}
		before, _ := f.stored(s.id)
		change = Change{Namespace: s.row.Namespace, Before: before.State, After: s.row.State, Events: s.events}
		meter.Change(&change)
	}
}

// Stats are a Coordinator's gauges.
type Stats struct {
	Buckets  int           // Buckets are held and taken over.
	Queued   []int         // Queued are the messages that wait for each writer.
	QueueMax int           // QueueMax is the most that may wait for one.
	Wakes    int           // Wakes are the sagas with a due time in memory.
	Reached  bool          // Reached: the brokers answered the last question for the ends of the reply partitions.
	Lag      map[int]int64 // Lag is how many replies of each bucket are not finished, as of the last answer.
}

// Stats returns the gauges as of now. It is cheap and asks nobody.
func (c *Coordinator) Stats() Stats {
	s := Stats{Queued: make([]int, len(c.writers)), QueueMax: c.cfg.QueueMax}
	for i, w := range c.writers {
		s.Queued[i] = len(w.queue) + int(w.starts.size.Load())
		s.Wakes += w.wakes.size()
	}
	var ends map[int32]int64
	s.Reached, ends = c.path.last()
	c.mu.RLock()
	defer c.mu.RUnlock()
	s.Buckets, s.Lag = len(c.buckets), make(map[int]int64, len(c.buckets))
	for n, b := range c.buckets {
		if end, known := ends[int32(n)]; known {
			s.Lag[n] = max(0, end-max(0, b.position.Load()))
		}
	}
	return s
}
