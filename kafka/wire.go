package kafka

import (
	"time"

	"github.com/IBM/sarama"
)

// toWire returns the library's form of a batch. Records without a time have now.
func toWire(b *batch, now time.Time) *sarama.RecordBatch {
	w := &sarama.RecordBatch{
		Version:         2,
		LastOffsetDelta: int32(len(b.parcels) - 1),
		Records:         make([]*sarama.Record, len(b.parcels)),
	}
	if b.size >= compressAbove {
		w.Codec = sarama.CompressionLZ4
	}
	records := make([]sarama.Record, len(b.parcels))
	for i := range b.parcels {
		r := &b.parcels[i]
		at := r.Timestamp
		if at.IsZero() {
			at = now
		}
		at = at.Truncate(time.Millisecond)
		if i == 0 {
			w.FirstTimestamp, w.MaxTimestamp = at, at
		} else if at.After(w.MaxTimestamp) {
			w.MaxTimestamp = at
		}
		records[i] = sarama.Record{
			Key: r.Key, Value: r.Value, Headers: toHeaders(r.Headers),
			OffsetDelta: int64(i), TimestampDelta: at.Sub(w.FirstTimestamp),
		}
		w.Records[i] = &records[i]
	}
	return w
}

func toHeaders(headers []Header) []*sarama.RecordHeader {
	if len(headers) == 0 {
		return nil
	}
	all, list := make([]sarama.RecordHeader, len(headers)), make([]*sarama.RecordHeader, len(headers))
	for i, h := range headers {
		all[i] = sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value}
		list[i] = &all[i]
	}
	return list
}
