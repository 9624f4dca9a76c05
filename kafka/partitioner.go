package kafka

import "github.com/IBM/sarama"

// partitioner honours a record's own partition, and else is Kafka's default:
// murmur2 of the key, a random partition without a key.
type partitioner struct {
	byKey sarama.Partitioner
}

func newPartitioner(topic string) sarama.Partitioner {
	return &partitioner{byKey: sarama.NewMurmur2Partitioner(topic)}
}

// Partition chooses m's partition among n.
func (p *partitioner) Partition(m *sarama.ProducerMessage, n int32) (int32, error) {
	if m.Partition != ByKey {
		return m.Partition, nil
	}
	return p.byKey.Partition(m, n)
}

// RequiresConsistency says that a choice may fall on an unavailable partition.
func (p *partitioner) RequiresConsistency() bool { return true }

// MessageRequiresConsistency lets only a record with neither key nor partition
// of its own evade an unavailable partition.
func (p *partitioner) MessageRequiresConsistency(m *sarama.ProducerMessage) bool {
	return m.Partition != ByKey || m.Key != nil
}
