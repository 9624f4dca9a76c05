package kafka

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/IBM/sarama"

	"github.com/unwindhq/unwind/internal/bucket"
)

// topicFresh is how long the number of a topic's partitions is believed.
const topicFresh = time.Minute

// Upper bounds of what a record adds to its own bytes on the wire.
const (
	recordOverhead = 36
	headerOverhead = 10
)

// compressAbove is the size from which a batch is compressed: below, the frame and
// its checks cost every side more than the bytes that they save.
const compressAbove = 4 << 10

// topic is what a Producer knows of a topic. The Producer's mutex guards it, save
// for existence, which is the router's.
type topic struct {
	name    string
	lines   []*line   // by partition
	led     []int32   // those with a leader, for records that may go anywhere
	fresh   time.Time // until then, lines are all there are
	waiting []parcel  // those that nobody has chosen a line for yet

	existence
}

// parcel is a record to be sent and whom to tell of it.
type parcel struct {
	Record
	index int // of its Produce
	size  int // on the wire, at most
	done  func(i int, partition int32, offset int64, err error)
}

func sizeOf(r *Record) int {
	size := recordOverhead + len(r.Key) + len(r.Value)
	for i := range r.Headers {
		size += headerOverhead + len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	return size
}

// failed is the outcome of a record that was not sent.
func (r *parcel) failed(err error) outcome {
	return outcome{parcel: *r, partition: r.Partition, offset: -1, err: err}
}

// line returns the line of a record: its own partition's, else its key's as Kafka
// chooses, else any that has a leader. nil: none is known.
func (t *topic) line(r *Record) *line {
	n := r.Partition
	switch {
	case n != ByKey:
	case len(t.lines) == 0:
		return nil
	case r.Key != nil:
		n = int32(bucket.Of(string(r.Key), len(t.lines)))
	case len(t.led) > 0:
		n = t.led[rand.IntN(len(t.led))]
	default:
		n = rand.Int32N(int32(len(t.lines)))
	}
	if n < 0 || int(n) >= len(t.lines) {
		return nil
	}
	return t.lines[n]
}

// identity is what a broker knows a line's records by, so that it takes each batch
// once and in order: the next batch of an epoch begins where the last one ended.
type identity struct {
	producer int64
	epoch    int16
	sequence int32
}

// line is the way to one partition. At most one batch is under way, and it is the
// first: it is sent again, the same and under the same sequence, until its outcome
// is known. So nothing overtakes, and nothing is there twice. The Producer's mutex
// guards it; while a line is listed among strays or flying, batch, identity and
// what follows are that holder's.
type line struct {
	topic     *topic
	partition int32
	carrier   *carrier // to the leader; nil: to be sought
	queue     []parcel
	listed    bool // in a carrier's list, or among the strays
	flying    bool // batch is with the carrier

	batch    *batch // nil: none was begun
	identity identity
	known    bool // identity is one
	attempts int  // of batch that failed, weighed
	trouble  error
	retryAt  time.Time
	away     bool // the last batch was given up because no broker took it
}

// batch is the records of one request to one partition.
type batch struct {
	parcels []parcel
	size    int
	sent    bool // it may have reached a broker
	wire    *sarama.RecordBatch
}

// load makes sure of a batch, of at most limit bytes, if there is anything to send,
// and returns how many records have left the queue for it.
func (l *line) load(limit int) int {
	if l.batch != nil || len(l.queue) == 0 {
		return 0
	}
	b := &batch{}
	n := 0
	for n < len(l.queue) && (n == 0 || b.size+l.queue[n].size <= limit) {
		b.size += l.queue[n].size
		n++
	}
	if n == len(l.queue) {
		b.parcels, l.queue = l.queue, nil
	} else {
		b.parcels, l.queue = l.queue[:n:n], l.queue[n:]
	}
	l.batch = b
	return n
}

// split puts the second half of a batch back, for a broker that finds it too large
// and has taken nothing of it.
func (l *line) split() (back int) {
	b := l.batch
	half := len(b.parcels) / 2
	l.queue = append(b.parcels[half:len(b.parcels):len(b.parcels)], l.queue...)
	l.batch = &batch{parcels: b.parcels[:half:half], sent: b.sent}
	for i := range l.batch.parcels {
		l.batch.size += l.batch.parcels[i].size
	}
	return len(b.parcels) - half
}

// renumber begins another epoch: a broker then takes what comes first in it,
// whatever it has or misses of the ones before, and of those nothing more.
func (l *line) renumber() {
	if l.identity.epoch == math.MaxInt16 {
		l.known, l.carrier = false, nil
		return
	}
	l.identity.epoch++
	l.identity.sequence = 0
}

// advance passes n records, which the broker has.
func (l *line) advance(n int) {
	l.identity.sequence = int32((int64(l.identity.sequence) + int64(n)) & math.MaxInt32)
}

// encode returns the batch as it is to be sent now. The records are encoded once.
func (l *line) encode(now time.Time) *sarama.RecordBatch {
	if l.batch.wire == nil {
		l.batch.wire = toWire(l.batch, now)
	}
	w := l.batch.wire
	w.ProducerID, w.ProducerEpoch, w.FirstSequence = l.identity.producer, l.identity.epoch, l.identity.sequence
	return w
}
