package kafka

import (
	"cmp"
	"log/slog"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/rcrowley/go-metrics"
)

// The defaults of Config.
const (
	defaultClientID           = "unwind"
	defaultMaxMessageBytes    = 1 << 20
	defaultMaxBufferedRecords = 1 << 16
	defaultTopicGrace         = 5 * time.Second
	defaultDialTimeout        = 5 * time.Second
	defaultRequestTimeout     = 15 * time.Second
)

// Bounds of memory that are the same for everybody.
const (
	maxDecompressedBatch = 32 << 20 // one decompressed record batch
	maxFetchBytes        = 8 << 20  // one fetch response
	channelRecords       = 32       // sarama's queue per partition
)

// maxFetchWait is how long a broker may hold a fetch that finds nothing. It
// delays no record, only the moment a newly assigned partition joins in.
const maxFetchWait = 250 * time.Millisecond

// crowdedFetchWait is maxFetchWait while a partition is left out of the request
// because its records wait for handlers: it comes back in with the next one.
const crowdedFetchWait = 20 * time.Millisecond

// metadataBackoff and metadataRetries bound a search for a partition's leader.
const (
	metadataBackoff = 200 * time.Millisecond
	metadataRetries = 3
)

// libraryOnce guards sarama's package-wide settings, which must be in place
// before its first client starts.
var libraryOnce sync.Once

// setLibrary sets what sarama offers only for the whole program: a bound on
// decompression (the default is none), and no metrics registry (it leaks when
// clients come and go).
func setLibrary() {
	libraryOnce.Do(func() {
		sarama.MaxDecompressedBatchSize = maxDecompressedBatch
		metrics.UseNilMetrics = true
	})
}

// withDefaults returns c with every zero value replaced.
func (c Config) withDefaults() Config {
	c.ClientID = cmp.Or(c.ClientID, defaultClientID)
	c.Version = cmp.Or(c.Version, defaultVersion)
	c.MaxMessageBytes = cmp.Or(c.MaxMessageBytes, defaultMaxMessageBytes)
	c.MaxBufferedRecords = cmp.Or(c.MaxBufferedRecords, defaultMaxBufferedRecords)
	c.TopicGrace = cmp.Or(c.TopicGrace, defaultTopicGrace)
	c.DialTimeout = cmp.Or(c.DialTimeout, defaultDialTimeout)
	c.RequestTimeout = cmp.Or(c.RequestTimeout, defaultRequestTimeout)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// settings returns sarama's configuration for c, which must be valid and have
// its defaults.
func (c Config) settings() *sarama.Config {
	setLibrary()
	s := sarama.NewConfig()
	s.ClientID = c.ClientID
	s.Version, _ = sarama.ParseKafkaVersion(c.Version) // checked by Validate
	s.ChannelBufferSize = channelRecords
	c.setNetwork(s)
	c.setSecurity(s)
	c.setProducer(s)
	c.setConsumer(s)
	return s
}

// setNetwork sets connections and metadata. Metadata is asked for topic by
// topic, so that a client can be made while no broker answers, and a topic is
// never created by asking for it.
func (c Config) setNetwork(s *sarama.Config) {
	s.Net.DialTimeout = c.DialTimeout
	s.Net.ReadTimeout = c.RequestTimeout
	s.Net.WriteTimeout = c.RequestTimeout
	s.Net.MaxOpenRequests = 1
	s.Metadata.Full = false
	s.Metadata.AllowAutoTopicCreation = false
	s.Metadata.Retry.Max = metadataRetries
	s.Metadata.Retry.Backoff = metadataBackoff
	s.Admin.Timeout = c.RequestTimeout
}

// setProducer sets what the library checks of production: most of it is ours (see
// Producer), acknowledged by all in-sync replicas, which get two thirds of the time
// that we wait for the answer.
func (c Config) setProducer(s *sarama.Config) {
	s.Producer.RequiredAcks = sarama.WaitForAll
	s.Producer.Timeout = c.RequestTimeout * 2 / 3
}

// setConsumer sets consumption: from the oldest record where nothing is stored,
// never a silent jump when the stored place is gone, and nothing of a transaction
// that was taken back: a participant elsewhere may use them.
func (c Config) setConsumer(s *sarama.Config) {
	s.Consumer.Return.Errors = true
	s.Consumer.IsolationLevel = sarama.ReadCommitted
	s.Consumer.Offsets.Initial = sarama.OffsetOldest
	s.Consumer.Offsets.AutoCommit.Enable = true
	s.Consumer.Offsets.AutoCommit.Interval = time.Second
	s.Consumer.Group.ResetInvalidOffsets = false
}
