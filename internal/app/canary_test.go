package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// canary is what must never be seen in a log or in the metrics.
const canary = "CANARY4711"

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

const leaky = `unwind: v1
saga: leaky
steps:
  - {step: look, local: look, noCompensation: it only looks}
  - {step: count, local: look, noCompensation: it only looks, input: {word: "${{'a': 1}[steps.look.output.word]}"}}
---
unwind: v1
saga: picky
steps:
  - {step: look, local: look, noCompensation: it only looks, input: {word: "${int(input.word)}"}}
---
unwind: v1
saga: refused
steps:
  - {step: look, local: refuse, noCompensation: it only looks}
`

// TestPayloadsStayOutOfLogsAndMetrics sends a word through everything that could
// say it aloud.
func TestPayloadsStayOutOfLogsAndMetrics(t *testing.T) {
	t.Parallel()
	type words struct {
		Word string `json:"word"`
	}
	look := sagapg.Local("look", func(_ context.Context, _ pgx.Tx, in words) (words, error) { return in, nil })
	refuse := sagapg.Local("refuse", func(_ context.Context, _ pgx.Tx, in words) (words, error) { return in, sagapg.Refuse(in.Word) })
	brokers, prefix, log := testserver.Kafka(t), "canary"+time.Now().Format("150405.000000")+".", &journal{}
	a, c := startApp(t, app.Config{
		DatabaseURL: testserver.Postgres(t), Brokers: brokers, Listen: "127.0.0.1:0", MetricsListen: "127.0.0.1:0", Migrate: true,
		CreateTopics: true, Prefix: prefix, Partitions: 1, Locals: []sagapg.LocalStep{look, refuse},
		Log: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	for text := range strings.SplitSeq(leaky, "---\n") {
		_, err := c.ApplyDefinition(t.Context(), "leaky.yaml", []byte(text))
		require.NoError(t, err)
	}
	in := words{Word: canary}
	stuck, _, err := c.Start(t.Context(), client.Start{Definition: "leaky", Input: in}) // its mapping chokes on an output
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		s, err := c.Get(t.Context(), stuck.ID)
		return err == nil && len(s.Attention) > 0
	}, 30*time.Second, 20*time.Millisecond)
	_, _, err = c.Start(t.Context(), client.Start{Definition: "picky", Input: in}) // it cannot even begin
	require.Error(t, err)
	no, _, err := c.Start(t.Context(), client.Start{Definition: "refused", Input: in, Key: canary})
	require.NoError(t, err)
	require.Equal(t, "compensated", wait(t, c, no.ID, client.End).Status)
	garble(t, brokers, prefix+"replies.g1")
	garble(t, brokers, prefix+"start.default")
	require.Eventually(t, func() bool {
		return scrape(t, a.MetricsURL())["replies_dead_total undecodable"] == 1
	}, 30*time.Second, 20*time.Millisecond)

	for line := range strings.SplitSeq(strings.TrimSpace(log.String()), "\n") {
		require.True(t, json.Valid([]byte(line)), line)
		require.NotContains(t, line, canary)
	}
	require.Contains(t, log.String(), stuck.ID, "the trouble itself is logged")
	require.NotContains(t, page(t, a.MetricsURL()), canary)
	require.NotContains(t, page(t, a.MetricsURL()), stuck.ID)
}

// garble writes what nobody can read.
func garble(t *testing.T, brokers []string, topic string) {
	t.Helper()
	producer, err := kafka.NewProducer(kafka.Config{Brokers: brokers})
	require.NoError(t, err)
	defer func() { require.NoError(t, producer.Close(context.Background())) }()
	done := make(chan error, 1)
	producer.Produce(t.Context(), []kafka.Record{{
		Topic: topic, Partition: 0, Key: []byte(canary), Value: []byte(canary),
		Headers: []kafka.Header{{Key: "ce_id", Value: []byte(canary)}, {Key: "unwind-step", Value: []byte(canary)}},
	}}, func(_ int, _ int32, _ int64, err error) { done <- err })
	require.NoError(t, <-done)
}

// page reads the metrics as they are.
func page(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	var text bytes.Buffer
	_, err = text.ReadFrom(response.Body)
	require.NoError(t, err)
	return text.String()
}
