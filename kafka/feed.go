package kafka

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/unwindhq/unwind/internal/pace"
)

// feed reads assignments of one topic, through one fetcher for each broker that
// leads some of them. It finds their leaders, again and again while no broker
// answers, and it never gives up on one.
type feed struct {
	topic      string
	client     sarama.Client // knows the leaders; fetchers have connections of their own
	log        *slog.Logger
	complaints pace.Pace // of partitions that cannot be read

	news    chan struct{}   // somebody is unseated
	ctx     context.Context // ends with close
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex
	unseated []*assignment // those that no fetcher has
	fetchers map[int32]*fetcher
}

// newFeed returns a feed of topic that reads nothing yet. It connects to nothing.
func newFeed(c Config, topic string) (*feed, error) {
	client, err := sarama.NewClient(c.Brokers, c.settings())
	if err != nil {
		return nil, err
	}
	f := &feed{topic: topic, client: client, log: c.Log, news: make(chan struct{}, 1), fetchers: map[int32]*fetcher{}}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.running.Go(f.seatThem)
	return f, nil
}

// end stops the feed and waits for its goroutines; the client is left.
func (f *feed) end() {
	f.mu.Lock()
	f.cancel()
	f.mu.Unlock()
	f.running.Wait()
}

// close ends the feed.
func (f *feed) close() error {
	f.end()
	return f.client.Close()
}

// read begins to read an assignment; false means that the feed has ended. Whoever
// has given it out may not hold a lock that its taker needs.
func (f *feed) read(a *assignment) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx.Err() != nil {
		return false
	}
	f.unseated = append(f.unseated, a)
	notify(f.news)
	return true
}

// again tells the fetchers that a taker has room once more.
func (f *feed) again() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.fetchers {
		notify(one.wake)
	}
}

// seatThem finds a fetcher for every assignment that has none, until the end.
func (f *feed) seatThem() {
	for {
		select {
		case <-f.news:
		case <-f.ctx.Done():
			return
		}
		for list := f.takeUnseated(); len(list) > 0 && f.ctx.Err() == nil; list = f.takeUnseated() {
			if err := f.seat(list); err != nil {
				f.warn(list[0], err)
				pause(f.ctx, pauseAfter(err))
			}
		}
	}
}

// takeUnseated takes the assignments that nobody reads and that are still wanted.
func (f *feed) takeUnseated() []*assignment {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := slices.DeleteFunc(f.unseated, (*assignment).revoked)
	f.unseated = nil
	return list
}

// unseat gives assignments back to be seated anew.
func (f *feed) unseat(list ...*assignment) {
	f.mu.Lock()
	f.unseated = append(f.unseated, list...)
	f.mu.Unlock()
	notify(f.news)
}

// seat gives assignments to the fetchers of their leaders. Those whose leader is
// not known are given back. What another fetcher has given back may have a new
// leader: the brokers are asked, after a pause.
func (f *feed) seat(list []*assignment) error {
	if i := slices.IndexFunc(list, func(a *assignment) bool { return a.trouble != nil }); i >= 0 {
		pause(f.ctx, pauseAfter(list[i].trouble))
		if err := f.client.RefreshMetadata(f.topic); err != nil {
			f.unseat(list...)
			return err
		}
	}
	led, err := f.client.WritablePartitions(f.topic) // those that have a leader
	if err != nil {
		f.unseat(list...)
		return err
	}
	var rest []*assignment
	for _, a := range list {
		var leader *sarama.Broker
		epoch, fault := int32(0), error(sarama.ErrLeaderNotAvailable)
		if slices.Contains(led, a.partition) {
			leader, epoch, fault = f.client.LeaderAndEpoch(f.topic, a.partition)
		}
		if a.trouble = fault; fault != nil {
			rest, err = append(rest, a), fault
			continue
		}
		f.admit(leader, a, epoch)
	}
	if len(rest) > 0 {
		f.unseat(rest...)
	}
	return err
}

// admit gives an assignment to the leader's fetcher, which is started if there is
// none.
func (f *feed) admit(leader *sarama.Broker, a *assignment, epoch int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx.Err() != nil {
		return
	}
	one := f.fetchers[leader.ID()]
	if one == nil {
		one = newFetcher(f, leader)
		f.fetchers[leader.ID()] = one
		f.running.Go(one.run)
	}
	one.joining = append(one.joining, &seat{assignment: a, epoch: epoch, at: a.next.Load(), told: untold, size: fetchSize})
	notify(one.wake)
}

// warn logs that a partition cannot be read. In an outage all partitions say so
// again and again: one line in a while is enough.
func (f *feed) warn(a *assignment, err error) {
	if more, ok := f.complaints.Pass(time.Now()); ok {
		f.log.Warn("kafka: partition cannot be read, trying on", "topic", f.topic,
			"partition", a.partition, "offset", a.next.Load(), "more", more, "error", explain(err))
	}
}
