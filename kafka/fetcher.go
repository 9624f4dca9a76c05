package kafka

import (
	"fmt"
	"math"
	"runtime"

	"github.com/IBM/sarama"
)

const (
	// fetchVersion is that of the requests: the newest that every supported broker
	// speaks.
	fetchVersion = 10
	// fetchSize is how much is asked for of one partition; a batch that is larger
	// is asked for again with more.
	fetchSize = 1 << 20
	// untold is the told of a seat that the session does not know.
	untold = math.MinInt64
	// sessionless is the epoch of a request outside of any session.
	sessionless = -1
)

// fetcher reads all of a feed's partitions that one broker leads, on a
// connection of its own and with one request at a time. It keeps a session with
// the broker (KIP-227): a request names only the partitions that have moved, and
// an answer those that have news, so that a reply costs the same whether its
// topic has one partition or sixty-four.
type fetcher struct {
	feed    *feed
	broker  int32
	conn    *sarama.Broker
	wake    chan struct{} // somebody joins, or has room again
	joining []*seat       // guarded by the feed's mutex

	// The rest belongs to the goroutine.
	seats   map[int32]*seat
	session int32
	epoch   int32 // of the session's next request; 0 begins a session
	names   names
}

// seat is an assignment that is being read.
type seat struct {
	*assignment
	epoch int32 // the leader's, for the broker to compare
	at    int64 // the offset to fetch; negative: to be asked for
	told  int64 // the at that the session knows, or untold
	size  int32 // how much is asked for
	idle  bool  // its taker is full: it is left out
}

func newFetcher(from *feed, leader *sarama.Broker) *fetcher {
	return &fetcher{
		feed: from, broker: leader.ID(), conn: sarama.NewBroker(leader.Addr()), wake: make(chan struct{}, 1),
		seats: map[int32]*seat{}, names: names{},
	}
}

// run reads until the feed's end, or until the broker cannot be read from: then every
// partition is given back.
func (f *fetcher) run() {
	err := f.conn.Open(f.feed.client.Config())
	for err == nil && f.feed.ctx.Err() == nil {
		err = f.round()
	}
	_ = f.conn.Close() // it may be closed already
	f.leave(err)
}

// leave gives the seats back.
func (f *fetcher) leave(err error) {
	from := f.feed
	from.mu.Lock()
	delete(from.fetchers, f.broker)
	for _, s := range f.joining {
		f.seats[s.partition] = s
	}
	from.mu.Unlock()
	var list []*assignment
	for _, s := range f.seats {
		s.trouble = err
		list = append(list, s.assignment)
	}
	if err != nil && len(list) > 0 {
		from.warn(list[0], err)
	}
	from.unseat(list...)
}

// round is one request and what it brought.
func (f *fetcher) round() error {
	f.join()
	if err := f.resolve(); err != nil {
		return err
	}
	if f.choose() == 0 {
		select {
		case <-f.wake:
		case <-f.feed.ctx.Done():
		}
		return nil
	}
	response, err := f.conn.Fetch(f.request())
	if err != nil {
		return err
	}
	switch fault := sarama.KError(response.ErrorCode); fault {
	case sarama.ErrNoError:
		f.remember(response)
		return f.take(response)
	case sarama.ErrFetchSessionIDNotFound, sarama.ErrInvalidFetchSessionEpoch: // the broker has dropped it
		f.session, f.epoch = 0, 0
		return nil
	default:
		return fault
	}
}

// join takes new seats in, and lets revoked ones go.
func (f *fetcher) join() {
	f.feed.mu.Lock()
	fresh := f.joining
	f.joining = nil
	f.feed.mu.Unlock()
	for _, s := range fresh {
		f.seats[s.partition] = s
	}
	for _, s := range f.seats {
		if s.revoked() {
			f.drop(s)
		}
	}
}

// choose leaves out the seats whose takers are full, and counts the others. A
// session that knows one of them would bring its records again and again.
func (f *fetcher) choose() (hungry int) {
	for _, s := range f.seats {
		if s.idle = s.to.full(); !s.idle {
			hungry++
			continue
		}
		if s.told != untold {
			s.told, f.epoch = untold, 0
		}
	}
	return hungry
}

// drop takes a seat out. A session cannot be told so: the next request begins
// another one.
func (f *fetcher) drop(s *seat) {
	delete(f.seats, s.partition)
	f.epoch = 0
}

// lose gives a seat back that this broker cannot serve.
func (f *fetcher) lose(s *seat, err error) {
	f.drop(s)
	s.trouble = err
	f.feed.warn(s.assignment, err)
	f.feed.unseat(s.assignment)
}

// resolve asks where the partitions begin or end that are read from there.
func (f *fetcher) resolve() error {
	topic := f.feed.topic
	var request *sarama.OffsetRequest
	for _, s := range f.seats {
		if s.at >= 0 {
			continue
		}
		if request == nil {
			request = sarama.NewOffsetRequest(f.feed.client.Config().Version)
		}
		request.AddBlock(topic, s.partition, s.at, 1)
	}
	if request == nil {
		return nil
	}
	response, err := f.conn.GetAvailableOffsets(request)
	if err != nil {
		return err
	}
	for _, s := range f.seats {
		if s.at >= 0 {
			continue
		}
		switch block := response.GetBlock(topic, s.partition); {
		case block == nil:
			return sarama.ErrIncompleteResponse
		case block.Err != sarama.ErrNoError:
			f.lose(s, block.Err)
		default:
			s.at = block.Offset
		}
	}
	return nil
}

// request asks for what the session's broker does not know yet; without a session,
// for everything.
func (f *fetcher) request() *sarama.FetchRequest {
	request := newFetch(f.session, f.epoch)
	wait := maxFetchWait
	for _, s := range f.seats {
		switch {
		case s.idle:
			wait = crowdedFetchWait
		case f.epoch == 0 || s.told != s.at:
			request.AddBlock(f.feed.topic, s.partition, s.at, s.size, s.epoch)
			s.told = s.at
		}
	}
	request.MinBytes, request.MaxWaitTime = 1, int32(wait.Milliseconds())
	return request
}

func newFetch(session, epoch int32) *sarama.FetchRequest {
	return &sarama.FetchRequest{
		Version: fetchVersion, MaxBytes: maxFetchBytes, Isolation: sarama.ReadCommitted, SessionID: session, SessionEpoch: epoch,
	}
}

// remember keeps the session that the broker has begun, if it has.
func (f *fetcher) remember(response *sarama.FetchResponse) {
	f.session = response.SessionID
	switch {
	case f.session == 0: // the broker has no room for one
		f.epoch = 0
	case f.epoch == math.MaxInt32:
		f.epoch = 1
	default:
		f.epoch++
	}
}

// take hands the records of a response over to their takers.
func (f *fetcher) take(response *sarama.FetchResponse) error {
	var behind *seat
	got := 0
	for partition, block := range response.Blocks[f.feed.topic] {
		s := f.seats[partition]
		if s == nil || s.revoked() {
			continue
		}
		n, err := f.takeBlock(s, block)
		if err != nil {
			return err
		}
		got += n
		if f.seats[partition] == s && n == 0 && s.at >= 0 && block.LastStableOffset > s.at {
			behind = s
		}
	}
	if got == 0 && behind != nil {
		return f.pass(behind)
	}
	if got > 0 {
		runtime.Gosched() // who takes it goes on before we ask for more
	}
	return nil
}

// takeBlock hands over one partition's records, and returns how far it has moved.
func (f *fetcher) takeBlock(s *seat, block *sarama.FetchResponseBlock) (moved int, err error) {
	switch {
	case block.Err == sarama.ErrOffsetOutOfRange:
		f.outOfRange(s)
		return 0, nil
	case block.Err != sarama.ErrNoError:
		f.lose(s, block.Err)
		return 0, nil //nolint:nilerr // it is this partition's alone, and was dealt with
	}
	before := s.at
	arrivals, err := f.unpack(s, block)
	if err != nil {
		return 0, err
	}
	if len(arrivals) > 0 {
		s.to.put(f.feed.ctx, arrivals)
		s.next.Store(arrivals[len(arrivals)-1].record.Offset + 1)
	}
	return int(s.at - before), nil
}

// outOfRange reports that a partition does not hold the offset, once. One that is
// read from its beginning, or end, goes there again.
func (f *fetcher) outOfRange(s *seat) {
	next := s.next.Load()
	if next < 0 {
		s.at = next
		return
	}
	f.drop(s)
	err := &PartitionError{Topic: f.feed.topic, Partition: s.partition, Offset: next, Err: ErrOffsetOutOfRange}
	s.to.put(f.feed.ctx, []arrival{{from: s.assignment, fault: err}})
}

// pass looks at a partition by itself that has something to read and brought
// nothing. A batch that does not fit is asked for with more room. If a broker has
// nothing but empty batches there, where records were compacted away, the offset
// holds no record.
func (f *fetcher) pass(s *seat) error {
	topic := f.feed.topic
	request := newFetch(0, sessionless)
	request.AddBlock(topic, s.partition, s.at, s.size, s.epoch)
	response, err := f.conn.Fetch(request)
	if err != nil {
		return err
	}
	block := response.GetBlock(topic, s.partition)
	if block == nil {
		return nil // throttled
	}
	n, err := f.takeBlock(s, block)
	switch {
	case err != nil || n > 0 || f.seats[s.partition] != s || block.LastStableOffset <= s.at:
		return err
	case partial(block) && s.size >= maxDecompressedBatch:
		return fmt.Errorf("read %s/%d at offset %d: a batch above %d bytes", topic, s.partition, s.at, s.size)
	case partial(block):
		s.size, s.told = min(2*s.size, maxDecompressedBatch), untold
	default:
		s.at++
	}
	return nil
}
