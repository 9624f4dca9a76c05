package kafka

import (
	"fmt"

	"github.com/IBM/sarama"
)

const (
	tailBytes = 1 << 20 // what one look at a partition's end reads
	tailLooks = 16      // the most looks, should there be that many empty batches
)

// settle lowers the mark of a partition whose last offsets hold no record, where
// reading would never arrive: they are those of a transaction's end, or their
// records were aborted or have expired. It asks only where reading has not moved
// since the last time.
func (r *Reader) settle(marks map[int32]int64) error {
	for p, mark := range marks {
		a := r.assignment(p)
		if a == nil {
			continue
		}
		next := max(a.next.Load(), 0)
		if moved := a.asked.Swap(next) != next; next >= mark || moved {
			continue
		}
		empty, err := r.empty(p, next, mark)
		if err != nil {
			return fmt.Errorf("look at the end of %s/%d: %w", r.config.Topic, p, err)
		}
		if empty {
			marks[p] = next
		}
	}
	return nil
}

// assignment returns the assignment under which partition is being read, or nil.
func (r *Reader) assignment(partition int32) *assignment {
	r.assigning.Lock()
	defer r.assigning.Unlock()
	if a := r.assignments[partition]; a != nil && !a.revoked() {
		return a
	}
	return nil
}

// empty tells whether there is no record to read from one offset up to another.
func (r *Reader) empty(partition int32, from, to int64) (bool, error) {
	oldest, err := r.marks.GetOffset(r.config.Topic, partition, sarama.OffsetOldest)
	if err != nil {
		return false, err
	}
	from = max(from, oldest)
	for look := 0; from < to && look < tailLooks; look++ {
		block, err := r.fetch(partition, from)
		if err != nil {
			return false, err
		}
		next, none := recordless(block, from)
		if !none || next == from {
			return false, nil
		}
		from = next
	}
	return from >= to, nil
}

// fetch reads one response's worth of a partition.
func (r *Reader) fetch(partition int32, from int64) (*sarama.FetchResponseBlock, error) {
	leader, err := r.marks.Leader(r.config.Topic, partition)
	if err != nil {
		return nil, err
	}
	request := &sarama.FetchRequest{Version: 10, MaxBytes: tailBytes, Isolation: sarama.ReadCommitted, SessionEpoch: -1}
	request.AddBlock(r.config.Topic, partition, from, tailBytes, -1)
	response, err := leader.Fetch(request)
	if err != nil {
		_ = leader.Close() // the library dials again on the next use
		return nil, err
	}
	block := response.GetBlock(r.config.Topic, partition)
	if block == nil {
		return nil, sarama.ErrIncompleteResponse
	}
	if block.Err != sarama.ErrNoError {
		return nil, block.Err
	}
	return block, nil
}

// recordless tells whether a response has no record that a reader would be given,
// and at which offset it ends.
func recordless(block *sarama.FetchResponseBlock, from int64) (next int64, none bool) {
	next = from
	for _, set := range block.RecordsSet {
		batch := set.RecordBatch
		if batch == nil || batch.PartialTrailingRecord {
			return next, false
		}
		if !batch.Control && len(batch.Records) > 0 && !aborted(block, batch) {
			return next, false
		}
		next = max(next, batch.FirstOffset+int64(batch.LastOffsetDelta)+1)
	}
	return next, true
}

// aborted tells whether a batch belongs to a transaction that was taken back: the
// last one of its producer to begin before it, if that has no end in between.
func aborted(block *sarama.FetchResponseBlock, batch *sarama.RecordBatch) bool {
	began := int64(-1)
	for _, t := range block.AbortedTransactions {
		if t.ProducerID == batch.ProducerID && t.FirstOffset <= batch.FirstOffset {
			began = max(began, t.FirstOffset)
		}
	}
	if !batch.IsTransactional || began < 0 {
		return false
	}
	for _, set := range block.RecordsSet {
		if end := set.RecordBatch; end != nil && end.Control && end.ProducerID == batch.ProducerID &&
			end.FirstOffset > began && end.FirstOffset < batch.FirstOffset {
			return false
		}
	}
	return true
}
