package e2e

import (
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/sagatest/contract"
)

// TestAParticipantIsHeldToTheContract: `unwind participant check` finds nothing in a
// participant that was made with the SDK, and in others, which speak Kafka by themselves,
// just what is wrong with them.
func TestAParticipantIsHeldToTheContract(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 0)
	w.host(t, "tickets", "forgetful", "careless", "polite")
	hands := w.employ("tickets")
	eventually(t, "the good participant runs", func() bool { return strings.Contains(hands.output(), "running") })
	w.misbehave(t, &stray{name: "forgetful"})
	w.misbehave(t, &stray{name: "careless", remembers: true, careless: true})
	w.misbehave(t, &stray{name: "polite", remembers: true, polite: true})

	good, all := w.conforms(t, "tickets/book", "--refused", `{"script": {"tickets": ["reject"]}}`)
	require.True(t, good, "%v", contract.Broken(all))
	require.Len(t, all, 12)
	require.Equal(t, []string{"docs/wire-contract.md#the-guard crash-before-commit", "docs/wire-contract.md#the-guard crash-after-commit"}, skipped(all))

	for of, want := range map[string][]string{
		"forgetful": {"#the-guard repeat", "#the-guard do-after-undo", "#the-guard undo-first", "#incarnation-epoch-attempt stale-epoch"},
		"careless":  {"#reply headers", "#incarnation-epoch-attempt stale-epoch"},
		"polite":    {"#incarnation-epoch-attempt stale-epoch", "#dead-letters unreadable"},
	} {
		good, all := w.conforms(t, of+"/book")
		require.False(t, good)
		require.Equal(t, want, brokenRules(all), "%s: %v", of, contract.Broken(all))
	}
	good, said := attempt(t, w.env(), "participant", "check", "careless/book", "--undo", "cancel", "--timeout", "2s")
	require.False(t, good)
	require.Contains(t, said, "FAIL  docs/wire-contract.md#reply headers\n      the rule: a reply copies every unwind- header")
	require.Contains(t, said, `the header unwind-from-tomorrow: want "as it is", got ""`)
	require.Contains(t, said, "the reply's partition: want 2, as the command says, got 0")
	good, said = attempt(t, w.env(), "participant", "check", "nobody/book")
	require.False(t, good)
	require.Contains(t, said, "commands.nobody.dlt; make them with unwind topics apply")
}

// host makes the topics of participants.
func (w *world) host(t *testing.T, names ...string) {
	t.Helper()
	admin, err := kafka.NewAdmin(kafka.Config{Brokers: w.brokers})
	require.NoError(t, err)
	for _, name := range names {
		topic := w.commandTopic(name)
		require.NoError(t, admin.Create(t.Context(), kafka.Topic{Name: topic, Partitions: commandPartitions}, kafka.Topic{Name: topic + ".dlt", Partitions: 1}))
	}
}

// conforms runs the check.
func (w *world) conforms(t *testing.T, what string, args ...string) (good bool, all []contract.Result) {
	t.Helper()
	good, said := attempt(t, w.env(), append([]string{"participant", "check", what, "--undo", "cancel", "--timeout", "20s", "-o", "json"}, args...)...)
	require.NoError(t, json.Unmarshal([]byte(said), &all), said)
	return good, all
}

func brokenRules(all []contract.Result) (rules []string) {
	for _, r := range all {
		if len(r.Findings) > 0 {
			rules = append(rules, strings.TrimPrefix(r.Rule, "docs/wire-contract.md"))
		}
	}
	return rules
}

func skipped(all []contract.Result) (rules []string) {
	for _, r := range all {
		if r.Skipped != "" {
			rules = append(rules, r.Rule)
		}
	}
	return rules
}

// stray is a participant that was written in a hurry.
type stray struct {
	name      string
	remembers bool // it keeps its answers and knows what was undone
	careless  bool // it copies the headers that it knows, and lets its client choose the partition
	polite    bool // it answers failed to what it cannot read
	producer  sarama.SyncProducer

	mu    sync.Mutex
	calls int
	known map[string]string // answers by saga/step; empty once undone
}

// Setup and Cleanup are sarama's.
func (s *stray) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (s *stray) Cleanup(sarama.ConsumerGroupSession) error { return nil }

// ConsumeClaim sees each record to its end, then marks it.
func (s *stray) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for m := range claim.Messages() {
		if _, _, err := s.producer.SendMessage(s.take(m)); err != nil {
			return err
		}
		session.MarkMessage(m, "")
	}
	return nil
}

// take makes a reply, or a dead letter, of a record.
func (s *stray) take(m *sarama.ConsumerMessage) *sarama.ProducerMessage {
	h := map[string]string{}
	var copied []sarama.RecordHeader
	for _, one := range m.Headers {
		h[string(one.Key)] = string(one.Value)
		if key := string(one.Key); strings.HasPrefix(key, "unwind-") && (!s.careless || key != "unwind-from-tomorrow") {
			copied = append(copied, *one)
		}
	}
	_, err := strconv.Atoi(h["unwind-epoch"])
	known := h["unwind-command"] == "book" || h["unwind-command"] == "cancel"
	if h["ce_type"] != "unwind.command.v1" || h["unwind-participant"] != s.name || !known || err != nil || !json.Valid(m.Value) {
		if !s.polite || h["unwind-reply-topic"] == "" {
			return s.bury(m)
		}
		return s.reply(m, h, copied, "failed", "")
	}
	outcome, result := s.act(h["unwind-saga"]+"/"+h["unwind-step"], h["unwind-direction"])
	return s.reply(m, h, copied, outcome, result)
}

// act does what the command says.
func (s *stray) act(key, direction string) (outcome, result string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, known := s.known[key]
	switch {
	case direction == "undo":
		s.known[key] = ""
		return "succeeded", ""
	case s.remembers && known && was == "":
		return "rejected", ""
	case s.remembers && known:
		return "succeeded", was
	}
	s.calls++
	s.known[key] = strconv.Itoa(s.calls)
	return "succeeded", s.known[key]
}

func (s *stray) reply(m *sarama.ConsumerMessage, h map[string]string, headers []sarama.RecordHeader, outcome, result string) *sarama.ProducerMessage {
	partition, _ := strconv.ParseInt(h["unwind-reply-partition"], 10, 32) // the contract says it is a number
	if s.careless {
		partition = 0
	}
	return &sarama.ProducerMessage{
		Topic: h["unwind-reply-topic"], Partition: int32(partition), Key: sarama.ByteEncoder(m.Key), Value: sarama.StringEncoder(result),
		Headers: append(headers, headed(
			"ce_specversion", "1.0", "ce_id", h["ce_id"]+"/reply", "ce_type", "unwind.reply.v1", "ce_source", "/participants/"+s.name,
			"ce_subject", h["unwind-saga"], "ce_time", "2026-01-01T00:00:00Z", "content-type", "application/json", "unwind-outcome", outcome)...),
	}
}

func (s *stray) bury(m *sarama.ConsumerMessage) *sarama.ProducerMessage {
	var headers []sarama.RecordHeader
	for _, one := range m.Headers {
		headers = append(headers, *one)
	}
	return &sarama.ProducerMessage{
		Topic: m.Topic + ".dlt", Key: sarama.ByteEncoder(m.Key), Value: sarama.ByteEncoder(m.Value),
		Headers: append(headers, headed(
			"unwind-dlt-reason", "not for me", "unwind-dlt-class", "undecodable", "unwind-dlt-topic", m.Topic, "unwind-dlt-partition", strconv.Itoa(int(m.Partition)),
			"unwind-dlt-offset", strconv.FormatInt(m.Offset, 10), "unwind-dlt-timestamp", strconv.FormatInt(m.Timestamp.UnixMilli(), 10),
			"unwind-dlt-at", "2026-01-01T00:00:00Z")...),
	}
}

func headed(pairs ...string) (headers []sarama.RecordHeader) {
	for i := 0; i < len(pairs); i += 2 {
		headers = append(headers, sarama.RecordHeader{Key: []byte(pairs[i]), Value: []byte(pairs[i+1])})
	}
	return headers
}

// misbehave runs a stray until the test ends.
func (w *world) misbehave(t *testing.T, s *stray) {
	t.Helper()
	s.known = map[string]string{}
	w.consume(t, s.name, s, &s.producer)
}
