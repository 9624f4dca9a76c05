package kafka

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ThreeDotsLabs/watermill/message"
)

// uuidHeader carries a message's UUID. It is the header that watermill's own
// Kafka adapter writes, so that both understand each other.
const uuidHeader = "_watermill_message_uuid"

// cloudEventID is the CloudEvents header with an event's id.
const cloudEventID = "ce_id"

// NewMessage returns r as a watermill message. Any record can be one: the UUID is
// its _watermill_message_uuid or ce_id header, or else "topic/partition/offset";
// the metadata holds the last value of each header; the payload is the value; and
// the record itself travels in the message's context, for RecordFrom and for
// Publisher.
func NewMessage(ctx context.Context, r Record) *message.Message {
	m := message.NewMessageWithContext(WithRecord(ctx, r), messageUUID(r), r.Value)
	for _, h := range r.Headers {
		if h.Key != uuidHeader {
			m.Metadata.Set(h.Key, string(h.Value))
		}
	}
	return m
}

// messageUUID is the UUID of r's message; it is never empty.
func messageUUID(r Record) string {
	for _, name := range []string{uuidHeader, cloudEventID} {
		if v := lastHeader(r.Headers, name); v != "" {
			return v
		}
	}
	return fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Offset)
}

// lastHeader is the last value of the header named key.
func lastHeader(headers []Header, key string) string {
	for _, h := range slices.Backward(headers) {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// fromMessage returns the record to publish m as, on topic. A message that
// carries its own record is that record, with what was changed in payload and
// metadata since; any other one gets key, its metadata in the order of their
// names, and its UUID.
func fromMessage(topic string, m *message.Message, key string) Record {
	r := Record{Topic: topic, Partition: ByKey, Value: m.Payload}
	if key != "" {
		r.Key = []byte(key)
	}
	raw, ok := RecordFrom(m.Context())
	if !ok || messageUUID(raw) != m.UUID {
		r.Headers = append(metadataHeaders(m.Metadata, nil), Header{Key: uuidHeader, Value: []byte(m.UUID)})
		return r
	}
	if raw.Topic == "" || raw.Topic == topic {
		r.Partition = raw.Partition
	}
	if key == "" {
		r.Key = raw.Key
	}
	r.Headers = mergeHeaders(raw.Headers, m.Metadata)
	return r
}

// mergeHeaders returns headers as they were, save for those that the metadata no
// longer has or has with another value: these are dropped, and what is new
// follows.
func mergeHeaders(headers []Header, metadata message.Metadata) []Header {
	var kept []Header
	known := map[string]bool{}
	for _, h := range headers {
		v, ok := metadata[h.Key]
		if h.Key == uuidHeader || ok && v == lastHeader(headers, h.Key) {
			known[h.Key] = true
			kept = append(kept, h)
		}
	}
	return append(kept, metadataHeaders(metadata, known)...)
}

// metadataHeaders returns metadata as headers in the order of their names,
// without those in except and without the UUID's.
func metadataHeaders(metadata message.Metadata, except map[string]bool) []Header {
	var headers []Header
	for _, k := range slices.Sorted(maps.Keys(metadata)) {
		if k != uuidHeader && !except[k] {
			headers = append(headers, Header{Key: k, Value: []byte(metadata[k])})
		}
	}
	return headers
}
