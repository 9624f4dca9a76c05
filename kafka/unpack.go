package kafka

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/IBM/sarama"
)

// unpack returns the records of a block from s.at on, without those of
// transactions that were taken back, and moves s.at behind it.
func (f *fetcher) unpack(s *seat, block *sarama.FetchResponseBlock) ([]arrival, error) {
	size := 0
	for _, set := range block.RecordsSet {
		if set.RecordBatch != nil {
			size += len(set.RecordBatch.Records)
		}
	}
	arrivals := make([]arrival, 0, size)
	undone := newUndone(block)
	for _, set := range block.RecordsSet {
		batch := set.RecordBatch
		switch {
		case set.MsgSet != nil:
			return nil, fmt.Errorf("read %s/%d at offset %d: the topic's messages are of a format before Kafka 0.11", f.feed.topic, s.partition, s.at)
		case batch == nil || batch.PartialTrailingRecord:
			return arrivals, nil
		case !undone.drops(batch):
			for _, rec := range batch.Records {
				if offset := batch.FirstOffset + rec.OffsetDelta; offset >= s.at {
					arrivals = append(arrivals, arrival{from: s.assignment, record: f.record(s.partition, batch, rec)})
				}
			}
		}
		s.at = max(s.at, batch.LastOffset()+1)
	}
	return arrivals, nil
}

// record returns one record. Its bytes are the response's.
func (f *fetcher) record(partition int32, batch *sarama.RecordBatch, rec *sarama.Record) Record {
	r := Record{
		Topic: f.feed.topic, Partition: partition, Offset: batch.FirstOffset + rec.OffsetDelta,
		Timestamp: batch.FirstTimestamp.Add(rec.TimestampDelta), Key: rec.Key, Value: rec.Value,
	}
	if batch.LogAppendTime {
		r.Timestamp = batch.MaxTimestamp
	}
	if len(rec.Headers) > 0 {
		r.Headers = make([]Header, len(rec.Headers))
		for i, h := range rec.Headers {
			r.Headers[i] = Header{Key: f.names.of(h.Key), Value: h.Value}
		}
	}
	return r
}

// partial tells whether a block holds the beginning of a batch and nothing else.
func partial(block *sarama.FetchResponseBlock) bool {
	if block.Partial {
		return true
	}
	return len(block.RecordsSet) == 1 && block.RecordsSet[0].RecordBatch != nil && block.RecordsSet[0].RecordBatch.PartialTrailingRecord
}

// names keeps the names of headers: they are few, and the same in every record.
type names map[string]string

// maxNames bounds the names that are kept.
const maxNames = 256

func (n names) of(name []byte) string {
	if known, ok := n[string(name)]; ok {
		return known
	}
	fresh := string(name)
	if len(n) < maxNames && len(fresh) < maxNames {
		n[fresh] = fresh
	}
	return fresh
}

// undone knows which producers' transactions have been taken back at a place in a
// block.
type undone struct {
	begin  []*sarama.AbortedTransaction // those that begin further on, in order
	active map[int64]bool               // producers in one
}

func newUndone(block *sarama.FetchResponseBlock) *undone {
	u := &undone{}
	if len(block.AbortedTransactions) > 0 {
		u.begin = slices.SortedFunc(slices.Values(block.AbortedTransactions), func(a, b *sarama.AbortedTransaction) int {
			return cmp.Compare(a.FirstOffset, b.FirstOffset)
		})
		u.active = map[int64]bool{}
	}
	return u
}

// drops reports whether a batch, the next in order, has nothing for a reader: it
// ends a transaction, or is part of one that was taken back.
func (u *undone) drops(batch *sarama.RecordBatch) bool {
	for len(u.begin) > 0 && u.begin[0].FirstOffset <= batch.LastOffset() {
		u.active[u.begin[0].ProducerID] = true
		u.begin = u.begin[1:]
	}
	if batch.Control {
		if aborts(batch) {
			delete(u.active, batch.ProducerID)
		}
		return true
	}
	return batch.IsTransactional && u.active[batch.ProducerID]
}

// aborts reports whether a control batch takes a transaction back: its record's
// key is a version and a type of two bytes each, and type 0 says so.
func aborts(batch *sarama.RecordBatch) bool {
	if len(batch.Records) == 0 || len(batch.Records[0].Key) < 4 {
		return false
	}
	return binary.BigEndian.Uint16(batch.Records[0].Key[2:]) == 0
}
