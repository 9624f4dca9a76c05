package kafka

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// errCut is a connection that broke.
var errCut = errors.New("connection cut")

// ledger is a partition of a broker that takes each batch of a producer once and in
// order, as Kafka does.
type ledger struct {
	log    []string
	most   int  // records in a batch
	known  bool // the producer
	epoch  int16
	next   int32
	firsts map[int32]int // sequences of the epoch's batches, and their records
}

// write is a batch on its way.
type write struct {
	to       *ledger
	line     *line
	identity identity
	values   []string
}

func (l *ledger) append(w write) sarama.KError {
	at := w.identity
	size, there := l.firsts[at.sequence]
	switch {
	case len(w.values) > l.most:
		return sarama.ErrMessageSizeTooLarge
	case l.known && at.epoch < l.epoch:
		return sarama.ErrInvalidProducerEpoch
	case l.known && at.epoch == l.epoch && there && size == len(w.values):
		return sarama.ErrNoError // it is there already
	case l.known && at.epoch == l.epoch && at.sequence != l.next:
		return sarama.ErrOutOfOrderSequenceNumber
	case (!l.known || at.epoch > l.epoch) && at.sequence != 0:
		return sarama.ErrUnknownProducerID
	case !l.known || at.epoch > l.epoch:
		l.known, l.epoch, l.firsts = true, at.epoch, map[int32]int{}
	}
	l.firsts[at.sequence] = len(w.values)
	l.next = at.sequence + int32(len(w.values))
	l.log = append(l.log, w.values...)
	return sarama.ErrNoError
}

// fakeCluster is a sarama.Client that knows one broker.
type fakeCluster struct {
	sarama.Client
	partitions []int32
	trouble    error // of the next question for leaders
}

func (c *fakeCluster) Config() *sarama.Config                     { return sarama.NewConfig() }
func (c *fakeCluster) Partitions(string) ([]int32, error)         { return c.partitions, nil }
func (c *fakeCluster) WritablePartitions(string) ([]int32, error) { return c.partitions, nil }
func (c *fakeCluster) LeastLoadedBroker() *sarama.Broker          { return nil }
func (c *fakeCluster) Leader(string, int32) (*sarama.Broker, error) {
	return sarama.NewBroker("b:1"), nil
}

func (c *fakeCluster) RefreshMetadata(...string) error {
	err := c.trouble
	c.trouble = nil
	return err
}

func (c *fakeCluster) InitProducerID() (*sarama.InitProducerIDResponse, error) {
	return &sarama.InitProducerIDResponse{ProducerID: 7}, nil
}

// nowhere is a connection that a test answers for.
type nowhere struct{ wire }

func (nowhere) Close() error { return nil }
func (nowhere) AsyncProduce(*sarama.ProduceRequest, sarama.ProduceCallback) error {
	return nil
}

// sea is a producer without goroutines whose network is the test's.
type sea struct {
	p       *Producer
	cluster *fakeCluster
	ledgers []*ledger
	late    []func() // writes that arrive whenever they like
	sent    int
	told    map[string]error
	order   []string // as told, by partition
	failed  map[string]bool
}

func newSea(t *rapid.T) *sea {
	p := newProducer(Config{Brokers: []string{"b:1"}, MaxMessageBytes: 4 * (recordOverhead + 6)}.withDefaults())
	s := &sea{p: p, cluster: &fakeCluster{}, told: map[string]error{}, failed: map[string]bool{}}
	for n := range rapid.Int32Range(1, 3).Draw(t, "partitions") {
		s.cluster.partitions = append(s.cluster.partitions, n)
		s.ledgers = append(s.ledgers, &ledger{most: rapid.IntRange(1, 4).Draw(t, "most")})
	}
	p.client, p.identity = s.cluster, identity{producer: 7}
	p.dial = func(string) wire { return nowhere{} }
	s.connect()
	return s
}

// connect makes a carrier whose goroutine is the test.
func (s *sea) connect() {
	c := newCarrier(s.p, "b:1")
	c.up = true
	s.p.carriers[c.addr] = c
}

func (s *sea) produce(t *rapid.T) {
	var records []Record
	for range rapid.IntRange(1, 5).Draw(t, "records") {
		partition := rapid.SampledFrom(s.cluster.partitions).Draw(t, "partition")
		s.sent++
		records = append(records, Record{Topic: "t", Partition: partition, Value: fmt.Appendf(nil, "%d-%04d", partition, s.sent)})
	}
	s.p.Produce(t.Context(), records, func(i int, partition int32, _ int64, err error) {
		value := string(records[i].Value)
		_, twice := s.told[value]
		require.False(t, twice, "%s is told of twice", value)
		require.Equal(t, records[i].Partition, partition)
		s.told[value] = err
		s.order = append(s.order, value)
		s.failed[value] = err != nil
	})
}

// round is what the router does, after any wait.
func (s *sea) round() {
	later := time.Now().Add(time.Hour)
	s.p.notBefore = time.Time{}
	s.p.tellRefused()
	s.p.findLines(later)
	s.p.findCarriers(later)
}

// carrier is the one that there is.
func (s *sea) carrier() *carrier { return s.p.carriers["b:1"] }

// writes are the batches of what is in flight.
func (s *sea) writes() (all []write) {
	for _, l := range s.carrier().flight.lines {
		w := write{to: s.ledgers[l.partition], line: l, identity: l.identity}
		for i := range l.batch.parcels {
			w.values = append(w.values, string(l.batch.parcels[i].Value))
		}
		all = append(all, w)
	}
	return all
}

// cut breaks the connection: each write is lost, arrives, or arrives some time.
func (s *sea) cut(t *rapid.T) {
	c := s.carrier()
	if c.flight == nil {
		return
	}
	for _, w := range s.writes() {
		arrive := func() { _ = w.to.append(w) }
		switch rapid.IntRange(0, 2).Draw(t, "fate") {
		case 0:
			arrive()
		case 1:
			s.late = append(s.late, arrive)
		}
	}
	c.answered(c.flight, nil, errCut)
	c.leave(c.fault)
	s.connect()
}

// refusals are answers of a broker that has not taken a batch.
var refusals = []sarama.KError{
	sarama.ErrNotLeaderForPartition, sarama.ErrNotEnoughReplicas, sarama.ErrUnknownTopicOrPartition,
	sarama.ErrInvalidRecord, sarama.ErrUnknown,
}

// answer answers the flight: some lines are refused, some time out after all.
func (s *sea) answer(t *rapid.T, calm bool) {
	f := s.carrier().flight
	if f == nil {
		return
	}
	answer := &sarama.ProduceResponse{}
	for _, w := range s.writes() {
		kind := 5
		if !calm {
			kind = rapid.IntRange(0, 5).Draw(t, "answer")
		}
		if kind == 0 {
			answer.AddTopicPartition("t", w.line.partition, rapid.SampledFrom(refusals).Draw(t, "refusal"))
			continue
		}
		err := w.to.append(w)
		switch {
		case err != sarama.ErrNoError:
			answer.AddTopicPartition("t", w.line.partition, err)
		case kind == 1:
			answer.AddTopicPartition("t", w.line.partition, sarama.ErrRequestTimedOut)
		case kind == 2: // the answer leaves it out
		default:
			answer.AddTopicPartition("t", w.line.partition, sarama.ErrNoError)
		}
	}
	f.carrier.answered(f, answer, nil)
}

func (s *sea) check(t *rapid.T) {
	seen := map[string]bool{}
	for _, l := range s.ledgers {
		last := ""
		for _, value := range l.log {
			require.False(t, seen[value], "%s is there twice", value)
			require.Less(t, last, value, "overtaken")
			seen[value], last = true, value
		}
	}
	last := map[byte]string{}
	for _, value := range s.order {
		require.Less(t, last[value[0]], value, "told out of order")
		last[value[0]] = value
		require.True(t, s.failed[value] || seen[value], "%s is acknowledged and not there", value)
	}
}

// Whatever is lost, late, refused or forgotten: each record has one outcome, those
// of a partition are in the log in the order in which they were produced, none is
// there twice, and one that succeeded is there.
func TestOrderInAnyWeather(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := newSea(t)
		t.Repeat(map[string]func(*rapid.T){
			"produce": s.produce,
			"round":   func(*rapid.T) { s.round() },
			"depart":  func(*rapid.T) { s.carrier().load() },
			"answer":  func(t *rapid.T) { s.answer(t, false) },
			"cut":     s.cut,
			"late": func(*rapid.T) {
				if len(s.late) > 0 {
					arrive := s.late[0]
					s.late = s.late[1:]
					arrive()
				}
			},
			"astray": func(t *rapid.T) {
				s.cluster.trouble = rapid.SampledFrom([]error{sarama.ErrLeaderNotAvailable, sarama.ErrOutOfBrokers}).Draw(t, "trouble")
			},
			"": s.check,
		})
		for range 1000 {
			s.round()
			s.carrier().load()
			s.answer(t, true)
		}
		s.check(t)
		require.Len(t, s.told, s.sent)
		require.Zero(t, s.p.open)
		require.Zero(t, s.p.waiting)
		require.Empty(t, s.p.strays)
	})
}
