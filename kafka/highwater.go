package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// HighWater asks the brokers, now, for the offset that the next record of each
// partition will get: one request per broker, nothing cached. Every record of
// the partition acknowledged before the call, and not in a transaction that is
// still open, lies below it. A partition that is read from where no record is left
// below its mark has the offset to be read next as its mark: whoever waits for
// reading to arrive waits in vain for no one. An error means that a partition's
// leader did not answer.
func (r *Reader) HighWater(ctx context.Context, partitions []int32) (map[int32]int64, error) {
	type answer struct {
		marks map[int32]int64
		err   error
	}
	got := make(chan answer, 1)
	if !r.start(func() {
		marks, err := r.highWater(partitions)
		got <- answer{marks, err}
	}) {
		return nil, ErrClosed
	}
	select {
	case a := <-got:
		return a.marks, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("ask for the high water of %s: %w", r.config.Topic, ctx.Err())
	}
}

// start runs f on a goroutine that Close waits for; false means closed.
func (r *Reader) start(f func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		return false
	}
	r.running.Go(f)
	return true
}

// highWaterAttempts bounds the requests for one HighWater.
const highWaterAttempts = 4

// highWater asks, and asks again with fresh connections and leaders: neither a
// connection that broke while idle nor a leader that just moved means that the
// broker is away. No answer to the question for leaders does.
func (r *Reader) highWater(partitions []int32) (map[int32]int64, error) {
	for attempt := 1; ; attempt++ {
		marks, err := r.askHighWater(partitions)
		if err == nil {
			err = r.settle(marks)
		}
		if err == nil || attempt == highWaterAttempts {
			return marks, err
		}
		select {
		case <-time.After(time.Duration(attempt) * 50 * time.Millisecond):
		case <-r.ctx.Done():
			return nil, ErrClosed
		}
		if err := r.marks.RefreshMetadata(r.config.Topic); err != nil {
			return nil, fmt.Errorf("ask for the leaders of %s: %w", r.config.Topic, err)
		}
	}
}

// askHighWater sends one request to each broker that leads a partition.
func (r *Reader) askHighWater(partitions []int32) (map[int32]int64, error) {
	requests := map[*sarama.Broker]*sarama.OffsetRequest{}
	for _, p := range partitions {
		leader, err := r.marks.Leader(r.config.Topic, p)
		if err != nil {
			return nil, fmt.Errorf("find the leader of %s/%d: %w", r.config.Topic, p, err)
		}
		if requests[leader] == nil {
			requests[leader] = sarama.NewOffsetRequest(r.marks.Config().Version)
			requests[leader].IsolationLevel = sarama.ReadCommitted
		}
		requests[leader].AddBlock(r.config.Topic, p, sarama.OffsetNewest, 1)
	}
	marks := make(map[int32]int64, len(partitions))
	for leader, request := range requests {
		response, err := leader.GetAvailableOffsets(request)
		if err != nil {
			_ = leader.Close() // the library dials again on the next use
			return nil, fmt.Errorf("ask broker %s for the high water of %s: %w", leader.Addr(), r.config.Topic, err)
		}
		for p, block := range response.Blocks[r.config.Topic] {
			if block.Err != sarama.ErrNoError {
				return nil, fmt.Errorf("ask for the high water of %s/%d: %w", r.config.Topic, p, block.Err)
			}
			marks[p] = block.Offset
		}
	}
	if len(marks) != len(distinct(partitions)) {
		return nil, fmt.Errorf("ask for the high water of %s: a broker left out a partition", r.config.Topic)
	}
	return marks, nil
}

// distinct returns the set of partitions.
func distinct(partitions []int32) map[int32]bool {
	set := map[int32]bool{}
	for _, p := range partitions {
		set[p] = true
	}
	return set
}
