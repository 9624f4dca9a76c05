package e2e

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

// guest is a participant written from docs/wire-contract.md alone: a Kafka client
// and header names, nothing of the SDK. Its handlers are idempotent by themselves.
type guest struct {
	producer sarama.SyncProducer

	mu     sync.Mutex
	booked map[string]bool // by saga/step; false once undone
	traced bool            // a command had a traceparent
}

// Setup and Cleanup are sarama's.
func (g *guest) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (g *guest) Cleanup(sarama.ConsumerGroupSession) error { return nil }

// ConsumeClaim answers each command, then marks it.
func (g *guest) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for m := range claim.Messages() {
		if _, _, err := g.producer.SendMessage(g.answer(m)); err != nil {
			return err
		}
		session.MarkMessage(m, "")
	}
	return nil
}

// answer does what the command says and writes the reply.
func (g *guest) answer(m *sarama.ConsumerMessage) *sarama.ProducerMessage {
	h := map[string]string{}
	var headers []sarama.RecordHeader
	put := func(key, value string) {
		headers = append(headers, sarama.RecordHeader{Key: []byte(key), Value: []byte(value)})
	}
	for _, one := range m.Headers {
		h[string(one.Key)] = string(one.Value)
		if strings.HasPrefix(string(one.Key), "unwind-") {
			headers = append(headers, *one)
		}
	}
	put("ce_specversion", "1.0")
	put("ce_id", h["ce_id"]+"/reply")
	put("ce_type", "unwind.reply.v1")
	put("ce_source", "/participants/guests")
	put("ce_subject", h["unwind-saga"])
	put("ce_time", time.Now().UTC().Format(time.RFC3339Nano))
	put("content-type", "application/json")
	outcome, result := g.act(h["unwind-saga"]+"/"+h["unwind-step"], h["unwind-direction"], m.Value, h["traceparent"] != "")
	put("unwind-outcome", outcome)
	partition, _ := strconv.ParseInt(h["unwind-reply-partition"], 10, 32) // the contract says it is a number
	return &sarama.ProducerMessage{
		Topic: h["unwind-reply-topic"], Partition: int32(partition), Key: sarama.ByteEncoder(m.Key), Value: sarama.StringEncoder(result), Headers: headers,
	}
}

func (g *guest) act(key, direction string, input []byte, traced bool) (outcome, result string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.traced = g.traced || traced
	_, known := g.booked[key]
	var order struct{ Script map[string][]string }
	switch {
	case direction == "undo":
		g.booked[key] = false
		return "succeeded", ""
	case json.Unmarshal(input, &order) != nil:
		return "failed", ""
	case len(order.Script["guests"]) > 0 || known && !g.booked[key]:
		return "rejected", ""
	}
	g.booked[key] = true
	return "succeeded", `{"number":"G-1"}`
}

// visit runs a guest until the test ends.
func (w *world) visit(t *testing.T) *guest {
	t.Helper()
	g := &guest{booked: map[string]bool{}}
	w.consume(t, "guests", g, &g.producer)
	return g
}

// consume runs a consumer of a participant's commands until the test ends. producer is
// set before, to what it may write replies with.
func (w *world) consume(t *testing.T, name string, handler sarama.ConsumerGroupHandler, producer *sarama.SyncProducer) {
	t.Helper()
	config := sarama.NewConfig()
	config.Version = sarama.V3_6_0_0
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Producer.Return.Successes = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Partitioner = sarama.NewManualPartitioner
	written, err := sarama.NewSyncProducer(w.brokers, config)
	require.NoError(t, err)
	*producer = written
	group, err := sarama.NewConsumerGroup(w.brokers, w.prefix+name, config)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			_ = group.Consume(ctx, []string{w.commandTopic(name)}, handler) // tried again until the test ends
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		require.NoError(t, group.Close())
		require.NoError(t, written.Close())
	})
}

// hosted: whoever has read the contract can take part, forward and in reverse.
func hosted(t *testing.T, w *world) {
	g := w.visit(t)
	for _, c := range []struct {
		script        script
		status        saga.Status
		booked, known bool
	}{
		{nil, saga.Completed, true, true},
		{script{"payments": {"reject"}}, saga.Compensated, false, true},
		{script{"guests": {"reject"}}, saga.Compensated, false, false},
	} {
		id := w.start(t, "hosted", c.script)
		unburned(t, w.ended(t, id, c.status))
		g.mu.Lock()
		booked, known := g.booked[id.String()+"/guest"]
		g.mu.Unlock()
		require.Equal(t, []bool{c.booked, c.known}, []bool{booked, known})
	}
	require.False(t, g.traced, "tracing is off by default")
	var notes int
	require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT count(*) FROM unwind.trace_queue`).Scan(&notes))
	require.Zero(t, notes, "and writes nothing")
}
