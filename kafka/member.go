package kafka

import (
	"errors"

	"github.com/IBM/sarama"
)

// member is the client of a group's member. The library joins the group, says that
// it lives and stores the offsets; the records come by the subscription's feed. So
// no partition is readable for the library: it waits in each one's stead until the
// session ends, without a consumer, its goroutines, and two requests for offsets
// at every join.
type member struct{ sarama.Client }

// PartitionNotReadable keeps the library from reading.
func (member) PartitionNotReadable(string, int32) bool { return true }

// errReads would end a session in which the library reads after all.
var errReads = errors.New("the library reads by itself")

// Setup is part of sarama's handler: it begins a session's claims, each where the
// group has left off.
func (s *subscription) Setup(session sarama.ConsumerGroupSession) error {
	partitions := session.Claims()[s.topic]
	if len(partitions) == 0 {
		return nil
	}
	offsets, err := storedOffsets(s.client, s.config.Group, s.topic, partitions)
	if err != nil {
		return err
	}
	for _, p := range partitions {
		from, stored := offsets[p]
		if !stored {
			from = OffsetOldest
		}
		s.claims = append(s.claims, newClaim(s, session, p))
		s.claims[len(s.claims)-1].begin(from)
	}
	return nil
}

// Cleanup is part of sarama's handler: it ends the session's claims and waits for
// their handlers. The offsets are stored after it.
func (s *subscription) Cleanup(sarama.ConsumerGroupSession) error {
	for _, c := range s.claims {
		s.draining.Go(c.end)
	}
	s.draining.Wait()
	s.claims = nil
	return nil
}

// ConsumeClaim is part of sarama's handler; no claim is ever readable.
func (s *subscription) ConsumeClaim(sarama.ConsumerGroupSession, sarama.ConsumerGroupClaim) error {
	return errReads
}
