package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/sagapg"
)

func TestLocalStepsNeedOnlyPostgres(t *testing.T) {
	t.Parallel()
	type order struct{ Cents int }
	add := sagapg.Local("addUp", func(_ context.Context, _ pgx.Tx, in order) (order, error) { return order{in.Cents + 1}, nil })
	c := start(t, app.Config{
		DatabaseURL: testserver.Postgres(t), Listen: "127.0.0.1:0", Migrate: true, Locals: []sagapg.LocalStep{add},
	})
	_, err := c.ApplyDefinition(t.Context(), "count.yaml", []byte(`unwind: v1
saga: countUp
steps:
  - {step: first, local: addUp, noCompensation: it only counts}
  - {step: second, local: addUp, noCompensation: it only counts, input: "${steps.first.output}"}
`))
	require.NoError(t, err)
	started, _, err := c.Start(t.Context(), client.Start{Definition: "countUp", Input: order{40}})
	require.NoError(t, err)
	ended := wait(t, c, started.ID, client.End)
	require.Equal(t, "completed", ended.Status)
	events, err := c.History(t.Context(), started.ID, 0, 0)
	require.NoError(t, err)
	require.JSONEq(t, `{"Cents":42}`, string(events.Events[len(events.Events)-1].Payload))
}

func wait(t *testing.T, c *client.Client, id string, until client.Until) client.Saga {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	found, err := c.Wait(ctx, id, until)
	require.NoError(t, err)
	return found
}

// answer plays a participant: it answers every command of a topic with outcome
// until the test ends.
func answer(t *testing.T, brokers []string, topic string, outcome func(saga.Command) saga.Outcome) {
	t.Helper()
	config := kafka.Config{Brokers: brokers}
	reader, err := kafka.NewReader(kafka.ReaderConfig{Config: config, Topic: topic})
	require.NoError(t, err)
	producer, err := kafka.NewProducer(config)
	require.NoError(t, err)
	require.NoError(t, reader.Assign(0, kafka.OffsetOldest))
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	t.Cleanup(func() {
		stop()
		<-ended
		require.NoError(t, producer.Close(context.Background()))
		require.NoError(t, reader.Close())
	})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			records, _ := reader.Poll(ctx, 100) // its end, or the topic is not there yet
			for _, r := range records {
				producer.Produce(ctx, []kafka.Record{reply(r, outcome)}, func(int, int32, int64, error) {})
			}
		}
	}()
}

func reply(r kafka.Record, outcome func(saga.Command) saga.Outcome) kafka.Record {
	cmd, err := saga.DecodeCommand(r.Headers, r.Value)
	if err != nil {
		panic(err)
	}
	out := saga.Reply{
		ID: cmd.ID, Participant: cmd.Participant, Attempt: cmd.Attempt, Epoch: cmd.Epoch, Outcome: outcome(cmd),
		Payload: saga.JSON([]byte(`{}`)), Route: cmd.Route,
	}
	return kafka.Record{
		Topic: cmd.Route.ReplyTopic, Partition: cmd.Route.ReplyPartition, Key: r.Key, Value: out.Payload.Data,
		Headers: saga.ReplyHeaders(r.Headers, out, time.Now()),
	}
}

func TestASagaRunsForwardAndInReverse(t *testing.T) {
	t.Parallel()
	brokers := testserver.Kafka(t)
	prefix := "trip" + time.Now().Format("150405.000000") + "."
	c := start(t, app.Config{
		DatabaseURL: testserver.Postgres(t), Brokers: brokers, Listen: "127.0.0.1:0", Migrate: true, CreateTopics: true, Prefix: prefix, Partitions: 1,
	})
	admin, err := kafka.NewAdmin(kafka.Config{Brokers: brokers})
	require.NoError(t, err)
	require.NoError(t, admin.Create(t.Context(), app.Topics{Prefix: prefix, Partitions: 1}.Plan("flights", "payments")...))
	answer(t, brokers, prefix+"commands.flights", func(saga.Command) saga.Outcome { return saga.Succeeded })
	answer(t, brokers, prefix+"commands.payments", func(cmd saga.Command) saga.Outcome {
		if string(cmd.Payload.Data) == `{"card":"declined"}` {
			return saga.Rejected
		}
		return saga.Succeeded
	})
	_, err = c.ApplyDefinition(t.Context(), "trip.yaml", []byte(trip))
	require.NoError(t, err)

	good, _, err := c.Start(t.Context(), client.Start{Definition: "bookTrip", Input: []byte(`{"card":"fine"}`)})
	require.NoError(t, err)
	bad, _, err := c.Start(t.Context(), client.Start{Definition: "bookTrip", Input: []byte(`{"card":"declined"}`)})
	require.NoError(t, err)
	require.Equal(t, "done", wait(t, c, good.ID, client.Pivot).Steps[1].Phase)
	require.Equal(t, "completed", wait(t, c, good.ID, client.End).Status)
	reversed := wait(t, c, bad.ID, client.End)
	require.Equal(t, "compensated", reversed.Status)
	require.Equal(t, "undone", reversed.Steps[0].Phase)
	require.Equal(t, "refused", reversed.Steps[1].Phase)

	_, err = c.Cancel(t.Context(), good.ID, client.Verb{})
	require.Equal(t, client.PastPivot, client.CodeOf(err))
	page, err := c.List(t.Context(), client.Filter{Status: "completed"})
	require.NoError(t, err)
	require.Len(t, page.Sagas, 1)
}
