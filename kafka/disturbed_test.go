package kafka_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/kafka"
)

// errCut is a connection that broke.
var errCut = errors.New("connection cut by the test")

// disturbed is a connection to a real broker on which much goes wrong.
type disturbed struct {
	kafka.Wire
	*weather
}

// weather is what goes wrong, the same in each run.
type weather struct {
	mu   sync.Mutex
	dice *rand.Rand
}

func (w *weather) roll() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dice.IntN(8)
}

// AsyncProduce cuts the connection before a request, or after it, or says that it
// timed out when it did not.
func (d *disturbed) AsyncProduce(request *sarama.ProduceRequest, done sarama.ProduceCallback) error {
	kind := d.roll()
	if kind == 0 {
		return errCut
	}
	return d.Wire.AsyncProduce(request, func(answer *sarama.ProduceResponse, err error) {
		if kind == 1 {
			done(nil, errCut)
			return
		}
		if err == nil && kind < 4 {
			for _, partitions := range answer.Blocks {
				for _, block := range partitions {
					if d.roll() < 4 {
						block.Err = []sarama.KError{sarama.ErrRequestTimedOut, sarama.ErrNotLeaderForPartition}[kind-2]
					}
				}
			}
		}
		done(answer, err)
	})
}

// A real broker has everything once and in order, however often it was asked, and
// whatever became of its answers.
func TestOrderUnderLostAnswers(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4)
	p := newProducer(t, c.config)
	storm := &weather{dice: rand.New(rand.NewPCG(1, 2))}
	kafka.Disturb(p, func(w kafka.Wire) kafka.Wire { return &disturbed{w, storm} })
	records := numbered(c.topic, 600, 12)
	var all sync.WaitGroup
	all.Add(len(records))
	for i := range records { // one by one, so that batches form
		p.Produce(t.Context(), records[i:i+1], func(_ int, _ int32, _ int64, err error) {
			defer all.Done()
			if err != nil {
				t.Errorf("record %d: %v", i, err)
			}
		})
		if i%20 == 0 {
			produceAll(t, p, kafka.Record{Topic: c.topic, Partition: int32(i / 20 % 4), Key: fmt.Appendf(nil, "pinned%d", i/20%4), Value: records[i].Value})
		}
	}
	all.Wait()
	r := newReader(t, c, 0)
	for partition := range int32(4) {
		require.NoError(t, r.Assign(partition, kafka.OffsetOldest))
	}
	read := poll(t, r, 630, 100)
	require.Len(t, read, 630, "nothing is there twice")
	requireOrderPerKey(t, read)
	marks, err := r.HighWater(t.Context(), []int32{0, 1, 2, 3})
	require.NoError(t, err)
	require.EqualValues(t, 630, marks[0]+marks[1]+marks[2]+marks[3])
}

// What a broker answers decides whether a record is sent again.
func TestAnswersOfABroker(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answers   []sarama.KError // the last one for good
		requests  int
		err       error
		permanent bool
	}{
		"well":                           {[]sarama.KError{0}, 1, nil, false},
		"led by another":                 {[]sarama.KError{sarama.ErrNotLeaderForPartition, 0}, 2, nil, false},
		"timed out, perhaps after all":   {[]sarama.KError{sarama.ErrRequestTimedOut, sarama.ErrDuplicateSequenceNumber}, 2, nil, false},
		"too few replicas":               {[]sarama.KError{sarama.ErrNotEnoughReplicasAfterAppend, 0}, 2, nil, false},
		"it has forgotten this producer": {[]sarama.KError{sarama.ErrUnknownProducerID, sarama.ErrOutOfOrderSequenceNumber, 0}, 3, nil, false},
		"too large":                      {[]sarama.KError{sarama.ErrMessageSizeTooLarge}, 1, sarama.ErrMessageSizeTooLarge, true},
		"not allowed":                    {[]sarama.KError{sarama.ErrTopicAuthorizationFailed}, 1, sarama.ErrTopicAuthorizationFailed, true},
		"unheard of":                     {[]sarama.KError{sarama.ErrUnknown}, 1, sarama.ErrUnknown, false},
		"never well":                     {[]sarama.KError{sarama.ErrNotEnoughReplicas}, 11, sarama.ErrNotEnoughReplicas, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broker := sarama.NewMockBroker(t, 1)
			t.Cleanup(broker.Close)
			var sequence []any
			for _, code := range tc.answers {
				sequence = append(sequence, sarama.NewMockProduceResponse(t).SetError("t", 0, code))
			}
			broker.SetHandlerByMap(map[string]sarama.MockResponse{
				"ApiVersionsRequest":    sarama.NewMockApiVersionsResponse(t).SetApiKeys([]sarama.ApiVersionsResponseKey{{ApiKey: 0, MaxVersion: 9}, {ApiKey: 3, MaxVersion: 9}, {ApiKey: 22, MaxVersion: 4}}),
				"MetadataRequest":       sarama.NewMockMetadataResponse(t).SetBroker(broker.Addr(), 1).SetLeader("t", 0, 1),
				"InitProducerIDRequest": sarama.NewMockInitProducerIDResponse(t).SetProducerID(5),
				"ProduceRequest":        sarama.NewMockSequence(sequence...),
			})
			p := newProducer(t, kafka.Config{Brokers: []string{broker.Addr()}})
			o := produce(t, p, kafka.Record{Topic: "t", Value: []byte("v")})[0]
			require.ErrorIs(t, o.err, tc.err)
			require.Equal(t, tc.permanent, kafka.IsPermanent(o.err), "%v", o.err)
			requests := 0
			for _, r := range broker.History() {
				if _, ok := r.Request.(*sarama.ProduceRequest); ok {
					requests++
				}
			}
			require.Equal(t, tc.requests, requests)
		})
	}
}

// A broker that takes less than we send gets halves of it, and refuses only what
// is too large by itself.
func TestBatchesAboveTheTopicsLimit(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	c.config.MaxMessageBytes = 4 << 20 // above the broker's own limit of 1 MiB
	p := newProducer(t, c.config)
	produceAll(t, p, kafka.Record{Topic: c.topic, Value: []byte("the way is known")})
	records := make([]kafka.Record, 9)
	for i := range records {
		records[i] = kafka.Record{Topic: c.topic, Partition: 0, Key: []byte("k"), Value: noise(300 << 10)}
	}
	records[4].Value = noise(2 << 20)
	for i, o := range produce(t, p, records...) {
		if i == 4 {
			require.True(t, kafka.IsPermanent(o.err), "%v", o.err)
			continue
		}
		require.NoError(t, o.err, "record %d", i)
	}
}

// noise cannot be compressed.
func noise(n int) []byte {
	dice, b := rand.New(rand.NewPCG(uint64(n), uint64(time.Now().UnixNano()))), make([]byte, n)
	for i := range b {
		b[i] = byte(dice.Uint32())
	}
	return b
}
