package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/record"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
)

// records reads partition 0 of a topic until enough is there.
func (c *crowd) records(t *testing.T, topic string, enough int) (found []kafka.Record) {
	t.Helper()
	reader, err := kafka.NewReader(kafka.ReaderConfig{Config: kafka.Config{Brokers: testserver.Kafka(t)}, Topic: topic})
	require.NoError(t, err)
	defer func() { require.NoError(t, reader.Close()) }()
	require.NoError(t, reader.Assign(0, kafka.OffsetOldest))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for len(found) < enough {
		more, err := reader.Poll(ctx, enough)
		require.NoError(t, err, "%d of %d", len(found), enough)
		found = append(found, more...)
	}
	return found
}

func header(rec kafka.Record, name string) string {
	value, _ := record.Get(rec.Headers, name)
	return string(value)
}

// TestEndsAreAnnounced: each end goes out, whichever coordinator brings it, with a
// payload or, if that cannot be made, with a reason; and what goes out can start sagas.
func TestEndsAreAnnounced(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	events := c.prefix + "events.default"
	apply := func(text string) {
		_, err := c.ApplyDefinition(t.Context(), "x.yaml", []byte(text))
		require.NoError(t, err)
	}
	apply(`unwind: v1
saga: quick
key: ${input.n}
onEnd: {payload: {n: "${input.n}", status: "${status}", half: "${input.whole / 2}"}}
steps: [{step: rest, sleep: 1ms}]
`)
	apply("unwind: v1\nsaga: long\nonEnd: {when: [compensated, abandoned], type: com.example.over}\nsteps: [{step: rest, sleep: 1h}]\n")
	start := func(definition string, input any) string {
		started, _, err := c.Start(t.Context(), client.Start{Definition: definition, Input: input})
		require.NoError(t, err)
		return started.ID
	}
	good := start("quick", map[string]int{"n": 1, "whole": 4})
	bad := start("quick", map[string]int{"n": 2})
	apply(`unwind: v1
saga: chained
startOn: {topic: ` + events + `, when: "${event.headers.ce_type == 'com.example.over'}", key: "${event.headers.ce_id}", input: {saga: "${event.value.saga}"}}
steps: [{step: rest, sleep: 1ms}]
`)
	var ids []string
	for n := range 20 { // verbs through both coordinators, so about half by one that does not own the saga
		id := start("long", nil)
		ids = append(ids, id)
		api := []*client.Client{c.Client, c.second}[n%2]
		verb := []func(context.Context, string, client.Verb) (client.Saga, error){api.Terminate, api.Cancel}[n/10]
		_, err := verb(t.Context(), id, client.Verb{Reason: "enough"})
		require.NoError(t, err)
	}
	byID := map[string]kafka.Record{}
	for _, rec := range c.records(t, events, 22) {
		byID[header(rec, "ce_id")] = rec
		require.Equal(t, header(rec, "unwind-saga"), string(rec.Key))
		require.Equal(t, "/unwind/default", header(rec, "ce_source"))
	}
	require.Len(t, byID, 22)
	require.JSONEq(t, `{"n":1,"status":"completed","half":2}`, string(byID[good+"/completed"].Value))
	require.Equal(t, "io.unwindhq.saga.completed", header(byID[good+"/completed"], "ce_type"))
	require.Equal(t, "1", header(byID[good+"/completed"], "ce_subject"))
	require.Empty(t, header(byID[good+"/completed"], "unwind-payload-fault"))
	require.Equal(t, "null", string(byID[bad+"/completed"].Value), "it has ended all the same")
	require.Contains(t, header(byID[bad+"/completed"], "unwind-payload-fault"), "onEnd.payload.half: ${input.whole / 2}: no such key: whole")
	require.Equal(t, "completed", wait(t, c.Client, bad, client.End).Status)
	for n, id := range ids {
		rec := byID[id+"/"+[]string{"abandoned", "compensated"}[n/10]]
		require.Equal(t, "com.example.over", header(rec, "ce_type"))
		var ended map[string]string
		require.NoError(t, json.Unmarshal(rec.Value, &ended))
		require.Equal(t, map[string]string{"saga": id, "definition": "long", "status": header(rec, "unwind-status"), "cause": "enough"}, ended)
	}
	eventually(t, "an end that goes out can start another saga", func() bool { return c.sagas(t, "chained") == len(ids) })

	other := "others-" + c.prefix + "ends"
	require.False(t, slices.ContainsFunc(c.list(t), func(topic kafka.Topic) bool { return topic.Name == other }))
	apply(fmt.Sprintf("unwind: v1\nsaga: elsewhere\nonEnd: {topic: %s}\nsteps: [{step: rest, sleep: 1ms}]\n", other))
	id := start("elsewhere", nil)
	require.Equal(t, id, string(c.records(t, other, 1)[0].Key))
}

func (c *crowd) list(t *testing.T) []kafka.Topic {
	t.Helper()
	topics, err := c.admin.List(t.Context())
	require.NoError(t, err)
	return topics
}
