package kafka

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
)

// seated is a fetcher of one topic with seats at offset 0, without a broker.
func seated(partitions int32) *fetcher {
	f := &fetcher{feed: &feed{topic: "t"}, seats: map[int32]*seat{}, names: names{}}
	for p := range partitions {
		f.seats[p] = &seat{assignment: newAssignment(p, 0, newQueue(1)), told: untold, size: fetchSize}
	}
	return f
}

// A session's request costs what has moved, not what there is.
func TestRequestsNameWhatTheSessionDoesNotKnow(t *testing.T) {
	t.Parallel()
	f := seated(64)
	size := func() int {
		named := 0
		before := map[int32]int64{}
		for p, s := range f.seats {
			before[p] = s.told
		}
		all := f.epoch == 0
		f.request()
		for p, s := range f.seats {
			require.Equal(t, s.at, s.told)
			if all || before[p] != s.told {
				named++
			}
		}
		return named
	}
	require.Equal(t, 64, size(), "a session begins with everything")
	f.remember(&sarama.FetchResponse{SessionID: 7})
	require.EqualValues(t, 1, f.epoch)
	f.seats[3].at = 5
	require.Equal(t, 1, size())
	f.remember(&sarama.FetchResponse{SessionID: 7})
	require.Zero(t, size())
	require.EqualValues(t, 2, f.epoch)
	f.drop(f.seats[3])
	require.Equal(t, 63, size(), "a session cannot be told to forget")
	f.remember(&sarama.FetchResponse{})
	require.Equal(t, 63, size(), "a broker without room for sessions is asked for everything")
}

func TestUnpack(t *testing.T) {
	t.Parallel()
	const kept, undoneProducer = 1, 2
	var response sarama.FetchResponse
	at := time.UnixMilli(1000)
	add := func(offset, producer int64, transactional bool) {
		response.AddRecordBatchWithTimestamp("t", 0, nil, sarama.StringEncoder(strconv.FormatInt(offset, 10)), offset, producer, transactional, at)
	}
	end := func(offset, producer int64, kind sarama.ControlRecordType) {
		response.AddControlRecordWithTimestamp("t", 0, offset, producer, kind, at)
	}
	add(10, 0, false)
	add(11, undoneProducer, true)
	add(12, kept, true)
	add(13, 0, false)
	end(14, undoneProducer, sarama.ControlRecordAbort)
	end(15, kept, sarama.ControlRecordCommit)
	add(16, undoneProducer, true) // of its next transaction
	end(17, undoneProducer, sarama.ControlRecordCommit)
	block := response.GetBlock("t", 0)
	block.AbortedTransactions = []*sarama.AbortedTransaction{{ProducerID: undoneProducer, FirstOffset: 11}}

	f := seated(1)
	s := f.seats[0]
	s.at = 10
	arrivals, err := f.unpack(s, block)
	require.NoError(t, err)
	require.Equal(t, []string{"10", "12", "13", "16"}, values(arrivals))
	require.EqualValues(t, 18, s.at, "behind the end of the last transaction")
	s.at = 13
	arrivals, err = f.unpack(s, block)
	require.NoError(t, err)
	require.Equal(t, []string{"13", "16"}, values(arrivals), "a batch may begin before what was asked for")

	block.RecordsSet = []*sarama.Records{{RecordBatch: &sarama.RecordBatch{FirstOffset: 18, PartialTrailingRecord: true}}}
	arrivals, err = f.unpack(s, block)
	require.NoError(t, err)
	require.Empty(t, arrivals)
	require.EqualValues(t, 18, s.at)
	require.True(t, partial(block))
	block.RecordsSet = []*sarama.Records{{MsgSet: &sarama.MessageSet{}}}
	_, err = f.unpack(s, block)
	require.ErrorContains(t, err, "before Kafka 0.11")
}

func values(arrivals []arrival) []string {
	var list []string
	for i := range arrivals {
		list = append(list, string(arrivals[i].record.Value))
	}
	return list
}

func TestNamesAreBounded(t *testing.T) {
	t.Parallel()
	n := names{}
	for i := range 2 * maxNames {
		require.Equal(t, strconv.Itoa(i), n.of([]byte(strconv.Itoa(i))))
	}
	require.Len(t, n, maxNames)
}

// What does not fit waits; what is taken makes room.
func TestQueueIsBoundedAndInOrder(t *testing.T) {
	t.Parallel()
	q := newQueue(3)
	done := make(chan struct{}, 2)
	for range 2 {
		go func() {
			q.put(t.Context(), make([]arrival, 10))
			done <- struct{}{}
		}()
	}
	taken := 0
	for taken < 20 {
		<-q.ready
		got := q.take(2)
		require.LessOrEqual(t, len(got), 2)
		taken += len(got)
	}
	<-done
	<-done
	require.Empty(t, q.take(1))
}

// choosy is a taker that is full as the test says.
type choosy struct{ sated bool }

func (c *choosy) put(context.Context, []arrival) {}
func (c *choosy) full() bool                     { return c.sated }

// A session knows no partition whose taker is full, else it would bring the same
// records again and again; the others are not held up, and it joins in again.
func TestWhoIsFullIsLeftOut(t *testing.T) {
	t.Parallel()
	f := seated(3)
	one := &choosy{}
	f.seats[1].to = one
	round := func() (hungry int, wait time.Duration) {
		hungry = f.choose()
		request := f.request()
		f.remember(&sarama.FetchResponse{SessionID: 7})
		return hungry, time.Duration(request.MaxWaitTime) * time.Millisecond
	}
	hungry, wait := round()
	require.Equal(t, 3, hungry)
	require.Equal(t, maxFetchWait, wait)
	require.EqualValues(t, 1, f.epoch)

	one.sated = true
	hungry, wait = round()
	require.Equal(t, 2, hungry)
	require.Equal(t, crowdedFetchWait, wait)
	require.EqualValues(t, 1, f.epoch, "another session")
	require.EqualValues(t, untold, f.seats[1].told)
	require.EqualValues(t, 0, f.seats[2].told)
	hungry, _ = round()
	require.Equal(t, 2, hungry)
	require.EqualValues(t, 2, f.epoch, "the same session")

	one.sated = false
	hungry, wait = round()
	require.Equal(t, 3, hungry)
	require.Equal(t, maxFetchWait, wait)
	require.EqualValues(t, 3, f.epoch, "a session takes in who is new")
	require.EqualValues(t, 0, f.seats[1].told)
}
