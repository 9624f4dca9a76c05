package kafka

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"
)

// Errors that callers may tell apart.
var (
	// ErrClosed is returned by everything that was closed.
	ErrClosed = errors.New("kafka: closed")
	// ErrBufferFull refuses a record because MaxBufferedRecords are waiting.
	ErrBufferFull = errors.New("kafka: producer's buffer is full")
	// ErrTooLarge refuses a record above MaxMessageBytes. It is permanent.
	ErrTooLarge = errors.New("kafka: record is too large")
	// ErrTopicMissing says that the topic has been unknown to the cluster for
	// longer than TopicGrace. It is permanent.
	ErrTopicMissing = errors.New("kafka: topic does not exist")
	// ErrOffsetOutOfRange says that a partition no longer, or not yet, holds the
	// offset to read from.
	ErrOffsetOutOfRange = errors.New("kafka: offset out of range")
	// ErrAuthentication says that a broker and this client do not accept each
	// other: password, token or certificate. It is not permanent, because all of
	// these may be replaced while the program runs.
	ErrAuthentication = errors.New("kafka: not authenticated")
)

// permanent are the errors that the same record will meet again.
var permanent = []error{
	ErrTooLarge,
	ErrTopicMissing,
	sarama.ErrMessageSizeTooLarge,
	sarama.ErrMessageTooLarge,
	sarama.ErrInvalidTopic,
	sarama.ErrInvalidPartition,
	sarama.ErrInvalidRecord,
	sarama.ErrInvalidTimestamp,
	sarama.ErrPolicyViolation,
	sarama.ErrTopicAuthorizationFailed,
	sarama.ErrClusterAuthorizationFailed,
}

// IsPermanent reports whether sending the same record again cannot help: it is
// too large or invalid, its topic is missing, or writing is not authorised. Any
// other error of a Producer means that the outcome is unknown: the record may
// be in the log, and must be sent again.
func IsPermanent(err error) bool {
	for _, p := range permanent {
		if errors.Is(err, p) {
			return true
		}
	}
	var config sarama.ConfigurationError
	var encoding sarama.PacketEncodingError
	return errors.As(err, &config) || errors.As(err, &encoding)
}

// PartitionError is a fault of one partition.
type PartitionError struct {
	// Topic and Partition name the partition.
	Topic     string
	Partition int32
	// Offset is where reading was to go on.
	Offset int64
	// Err is the cause.
	Err error
}

// Error names the partition, the offset and the cause.
func (e *PartitionError) Error() string {
	return fmt.Sprintf("read %s/%d from offset %d: %v", e.Topic, e.Partition, e.Offset, e.Err)
}

// StoppedPartition returns Partition.
func (e *PartitionError) StoppedPartition() int32 { return e.Partition }

// Unwrap returns the cause.
func (e *PartitionError) Unwrap() error { return e.Err }
