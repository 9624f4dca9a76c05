package kafka

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
)

// assignment reads one partition from one offset until it is revoked. It belongs
// to one fetcher at a time, that of the broker which leads the partition, or to
// the reader's list of those that are to be seated.
type assignment struct {
	partition int32
	next      atomic.Int64 // the offset after the last record; before the first, the one that was assigned
	asked     atomic.Int64 // next, when HighWater last looked
	over      atomic.Bool  // it was revoked
	trouble   error        // why its last fetcher gave it back; that one's, then the reader's
}

func newAssignment(partition int32, offset int64) *assignment {
	a := &assignment{partition: partition}
	a.next.Store(offset)
	a.asked.Store(OffsetOldest)
	return a
}

// revoke ends the assignment; what it still has is not wanted.
func (a *assignment) revoke() { a.over.Store(true) }

// revoked tells whether the assignment is over.
func (a *assignment) revoked() bool { return a.over.Load() }

// seatThem finds a fetcher for every assignment that has none, until Close.
func (r *Reader) seatThem() {
	for {
		select {
		case <-r.news:
		case <-r.ctx.Done():
			return
		}
		for list := r.takeUnseated(); len(list) > 0 && r.ctx.Err() == nil; list = r.takeUnseated() {
			if err := r.seat(list); err != nil {
				r.warn(list[0], err)
				pause(r.ctx, pauseAfter(err))
			}
		}
	}
}

// takeUnseated takes the assignments that nobody reads and that are still wanted.
func (r *Reader) takeUnseated() []*assignment {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := slices.DeleteFunc(r.unseated, (*assignment).revoked)
	r.unseated = nil
	return list
}

// unseat gives assignments back to be seated anew.
func (r *Reader) unseat(list ...*assignment) {
	r.mu.Lock()
	r.unseated = append(r.unseated, list...)
	r.mu.Unlock()
	notify(r.news)
}

// seat gives assignments to the fetchers of their leaders. Those whose leader is
// not known are given back. What another fetcher has given back may have a new
// leader: the brokers are asked, after a pause.
func (r *Reader) seat(list []*assignment) error {
	topic := r.config.Topic
	if i := slices.IndexFunc(list, func(a *assignment) bool { return a.trouble != nil }); i >= 0 {
		pause(r.ctx, pauseAfter(list[i].trouble))
		if err := r.client.RefreshMetadata(topic); err != nil {
			r.unseat(list...)
			return err
		}
	}
	led, err := r.client.WritablePartitions(topic) // those that have a leader
	if err != nil {
		r.unseat(list...)
		return err
	}
	var rest []*assignment
	for _, a := range list {
		var leader *sarama.Broker
		epoch, fault := int32(0), error(sarama.ErrLeaderNotAvailable)
		if slices.Contains(led, a.partition) {
			leader, epoch, fault = r.client.LeaderAndEpoch(topic, a.partition)
		}
		if a.trouble = fault; fault != nil {
			rest, err = append(rest, a), fault
			continue
		}
		r.admit(leader, a, epoch)
	}
	if len(rest) > 0 {
		r.unseat(rest...)
	}
	return err
}

// admit gives an assignment to the leader's fetcher, which is started if there is
// none.
func (r *Reader) admit(leader *sarama.Broker, a *assignment, epoch int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		return
	}
	f := r.fetchers[leader.ID()]
	if f == nil {
		f = newFetcher(r, leader)
		r.fetchers[leader.ID()] = f
		r.running.Go(f.run)
	}
	f.joining = append(f.joining, &seat{assignment: a, epoch: epoch, at: a.next.Load(), told: untold, size: fetchSize})
	notify(f.wake)
}

// warn logs that a partition cannot be read. In an outage all of a reader's
// partitions say so again and again: one line in a while is enough.
func (r *Reader) warn(a *assignment, err error) {
	if more, ok := r.complaints.Pass(time.Now()); ok {
		r.config.Log.Warn("kafka: partition cannot be read, trying on", "topic", r.config.Topic,
			"partition", a.partition, "offset", a.next.Load(), "more", more, "error", explain(err))
	}
}
