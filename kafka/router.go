package kafka

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

// idleRound is how long the router sleeps when nothing is to come.
const idleRound = time.Hour

// route is the producer's goroutine: it asks the cluster. It finds lines for
// records, carriers for lines, and tells of records that were refused.
func (p *Producer) route() {
	defer close(p.stopped)
	abort := p.abort
	timer := time.NewTimer(idleRound)
	defer timer.Stop()
	for {
		p.tellRefused()
		p.findLines(time.Now())
		p.findCarriers(time.Now())
		if p.finished() {
			p.end()
			return
		}
		timer.Reset(p.nextRound(time.Now()))
		select {
		case <-p.news:
		case <-timer.C:
		case <-abort:
			abort = nil
			p.drop()
		}
	}
}

// tellRefused tells of records that were refused at the door.
func (p *Producer) tellRefused() {
	p.mu.Lock()
	refused := p.refused
	p.refused = nil
	p.mu.Unlock()
	p.tell(refused)
}

// finished tells whether the producer was closed and every record is done.
func (p *Producer) finished() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed && p.open == 0
}

// nextRound is how long nothing will be due.
func (p *Producer) nextRound(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := now.Add(idleRound)
	for _, l := range p.strays {
		if l.retryAt.Before(next) {
			next = l.retryAt
		}
	}
	if len(p.unplaced) > 0 {
		next = now
	}
	if next.Before(p.notBefore) && len(p.unplaced)+len(p.strays) > 0 {
		next = p.notBefore
	}
	return max(0, next.Sub(now))
}

// end hangs up.
func (p *Producer) end() {
	p.mu.Lock()
	for _, c := range p.carriers {
		c.quit = true
		notify(c.wake)
	}
	p.mu.Unlock()
	p.running.Wait()
	if p.client == nil {
		return
	}
	if err := p.client.Close(); err != nil {
		p.config.Log.Warn("kafka: closing the producer's connections failed", "error", err)
	}
}

// drop fails what is in no batch yet.
func (p *Producer) drop() {
	p.mu.Lock()
	var told []outcome
	for _, t := range p.topics {
		told = t.drop(told, ErrClosed)
		for _, l := range t.lines {
			for i := range l.queue {
				told = append(told, l.queue[i].failed(ErrClosed))
			}
			l.queue = nil
		}
	}
	p.unplaced = nil
	p.waiting -= len(told)
	p.mu.Unlock()
	p.tell(told)
}

// drop fails what waits for a line.
func (t *topic) drop(told []outcome, err error) []outcome {
	for i := range t.waiting {
		told = append(told, t.waiting[i].failed(err))
	}
	t.waiting = nil
	return told
}

// findLines places the records of topics that nobody knew when they came.
func (p *Producer) findLines(now time.Time) {
	if now.Before(p.notBefore) {
		return
	}
	p.mu.Lock()
	topics := p.unplaced
	p.unplaced = nil
	p.mu.Unlock()
	for _, t := range topics {
		err := p.reach(t.name)
		if err == nil {
			err = p.topicFault(t)
		}
		if err == nil {
			err = p.learn(t)
		}
		p.placeAll(t, err)
	}
}

// learn asks how many partitions a topic has, and which of them have a leader. If
// a record is for one that it has not, the topic may have grown.
func (p *Producer) learn(t *topic) error {
	all, err := p.client.Partitions(t.name)
	if err == nil && p.grown(t, len(all)) {
		if err = p.refresh(t.name); err == nil {
			all, err = p.client.Partitions(t.name)
		}
	}
	if err != nil {
		return fmt.Errorf("send to %s: %w", t.name, explain(err))
	}
	led, err := p.client.WritablePartitions(t.name)
	if err != nil {
		led = nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := len(t.lines); n < len(all); n++ {
		t.lines = append(t.lines, &line{topic: t, partition: int32(n)})
	}
	t.led, t.fresh = led, time.Now().Add(topicFresh)
	return nil
}

// grown tells whether a record waits for a partition above n.
func (p *Producer) grown(t *topic, n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(t.waiting, func(r parcel) bool { return int(r.Partition) >= n })
}

// placeAll places what waits for a line, or fails it.
func (p *Producer) placeAll(t *topic, err error) {
	p.mu.Lock()
	var told []outcome
	if err != nil {
		p.waiting -= len(t.waiting)
		told = t.drop(told, err)
	}
	for i := range t.waiting {
		r := &t.waiting[i]
		l := t.line(&r.Record)
		if l == nil {
			p.waiting--
			told = append(told, r.failed(fmt.Errorf("send to %s/%d: %w", t.name, r.Partition, sarama.ErrInvalidPartition)))
			continue
		}
		l.queue = append(l.queue, *r)
		p.ready(l)
		if l.carrier != nil { // who has handed the record over is gone
			notify(l.carrier.wake)
		}
	}
	t.waiting = nil
	p.mu.Unlock()
	p.tell(told)
}

// findCarriers finds out who leads the partitions of strays that are due.
func (p *Producer) findCarriers(now time.Time) {
	if now.Before(p.notBefore) {
		return
	}
	due := map[*topic][]*line{}
	p.mu.Lock()
	p.strays = slices.DeleteFunc(p.strays, func(l *line) bool {
		if l.retryAt.After(now) {
			return false
		}
		due[l.topic] = append(due[l.topic], l)
		return true
	})
	p.mu.Unlock()
	for t, lines := range due {
		if err := p.seek(t, lines); err != nil {
			p.settle(lines, func(*line) (int64, error) { return -1, err }, nil)
		}
	}
}

// seek finds carriers for lines of one topic. An error is all of theirs.
func (p *Producer) seek(t *topic, lines []*line) error {
	if err := p.reach(t.name); err != nil {
		return err
	}
	if i := slices.IndexFunc(lines, func(l *line) bool { return l.trouble != nil }); i >= 0 {
		if errors.Is(lines[i].trouble, sarama.ErrUnknownTopicOrPartition) {
			t.known = false
		}
		if err := p.topicFault(t); err != nil {
			return err
		}
		if err := p.refresh(t.name); err != nil {
			return err
		}
	}
	led, err := p.client.WritablePartitions(t.name)
	if err != nil {
		return err
	}
	for _, l := range lines {
		err := error(sarama.ErrLeaderNotAvailable)
		if slices.Contains(led, l.partition) {
			err = p.seat(l)
		}
		if err != nil {
			p.settle([]*line{l}, func(*line) (int64, error) { return -1, err }, nil)
		}
	}
	return nil
}

// seat gives a line to the carrier of its leader, which is started if there is
// none.
func (p *Producer) seat(l *line) error {
	leader, err := p.client.Leader(l.topic.name, l.partition)
	if err != nil {
		return err
	}
	if err := p.identify(l); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.carriers[leader.Addr()]
	if c == nil {
		c = newCarrier(p, leader.Addr())
		p.carriers[c.addr] = c
		p.running.Go(c.run)
	}
	l.carrier, l.listed = c, false
	p.ready(l)
	notify(c.wake)
	return nil
}

// identify gives a line an identity if it has none.
func (p *Producer) identify(l *line) error {
	if l.known {
		return nil
	}
	if l.identity.epoch == math.MaxInt16 && l.identity.producer == p.identity.producer { // all of its epochs are used up
		if err := p.introduce(); err != nil {
			return err
		}
	}
	l.identity, l.known = p.identity, true
	return nil
}
