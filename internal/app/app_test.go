package app_test

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// run runs an App until the test ends or end is called.
func run(t *testing.T, cfg app.Config) (a *app.App, end func()) {
	t.Helper()
	a, err := app.New(cfg)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { err = a.Run(ctx); close(ended) }()
	end = sync.OnceFunc(func() {
		stop()
		<-ended
		require.NoError(t, err)
	})
	t.Cleanup(end)
	select {
	case <-a.Ready():
	case <-ended:
		require.NoError(t, err, "the app ended at its start")
		t.FailNow()
	case <-time.After(2 * time.Minute): // a broker that has many topics to make is slow
		require.FailNow(t, "the app is not ready")
	}
	return a, end
}

// start runs an App until the test ends and returns a client of it.
func start(t *testing.T, cfg app.Config) *client.Client {
	t.Helper()
	_, c := startApp(t, cfg)
	return c
}

// startApp is start that returns the App as well.
func startApp(t *testing.T, cfg app.Config) (*app.App, *client.Client) {
	t.Helper()
	a, _ := run(t, cfg)
	c, err := client.New(client.Config{URL: a.URL()})
	require.NoError(t, err)
	return a, c
}

const trip = `unwind: v1
saga: bookTrip
steps:
  - {step: reserve, command: flights/reserve, compensation: release}
  - {step: charge, kind: pivot, command: payments/charge}
`

func TestWithoutKafkaCommandsWait(t *testing.T) {
	t.Parallel()
	c := start(t, app.Config{DatabaseURL: testserver.Postgres(t), Listen: "127.0.0.1:0", Migrate: true})
	applied, err := c.ApplyDefinition(t.Context(), "trip.yaml", []byte(trip))
	require.NoError(t, err)
	require.Equal(t, "r1", applied.Version)

	begin := client.Start{Definition: "bookTrip", Key: "order 1", Input: []byte(`{"cents": 12345678901234567890}`)}
	started, fresh, err := c.Start(t.Context(), begin)
	require.NoError(t, err)
	require.True(t, fresh)
	require.Equal(t, "running", started.Status)
	require.Equal(t, "doing", started.Steps[0].Phase)

	again, fresh, err := c.Start(t.Context(), begin)
	require.NoError(t, err)
	require.False(t, fresh)
	require.Equal(t, started.ID, again.ID)

	events, err := c.History(t.Context(), started.ID, 0, 0)
	require.NoError(t, err)
	require.JSONEq(t, `{"cents": 12345678901234567890}`, string(events.Events[0].Payload))

	cancelled, err := c.Cancel(t.Context(), started.ID, client.Verb{Reason: "not any more"})
	require.NoError(t, err)
	require.Equal(t, "compensating", cancelled.Status)
}

func TestWithKafkaCommandsAreSent(t *testing.T) {
	t.Parallel()
	brokers := testserver.Kafka(t)
	prefix := "app." + time.Now().Format("150405.000000") + "."
	c := start(t, app.Config{
		DatabaseURL: testserver.Postgres(t), Brokers: brokers, Listen: "127.0.0.1:0", Migrate: true, CreateTopics: true, Prefix: prefix, Partitions: 1,
	})
	_, err := c.ApplyDefinition(t.Context(), "trip.yaml", []byte(trip))
	require.NoError(t, err)
	started, _, err := c.Start(t.Context(), client.Start{Definition: "bookTrip"})
	require.NoError(t, err)

	reader, err := kafka.NewReader(kafka.ReaderConfig{Config: kafka.Config{Brokers: brokers}, Topic: prefix + "commands.flights"})
	require.NoError(t, err)
	defer func() { require.NoError(t, reader.Close()) }()
	require.NoError(t, reader.Assign(0, kafka.OffsetOldest))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	records, err := reader.Poll(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, started.ID, string(records[0].Key))
}

func TestConfigFaults(t *testing.T) {
	t.Parallel()
	_, err := app.New(app.Config{Listen: "0.0.0.0:80", Auth: app.AuthNone, Writers: 65})
	require.ErrorContains(t, err, "DatabaseURL is missing")
	require.ErrorContains(t, err, "--insecure")
	require.ErrorContains(t, err, "Writers is 65")
	_, err = app.New(app.Config{DatabaseURL: "postgres://localhost/x", Listen: "[::1]:0"})
	require.NoError(t, err)
}
