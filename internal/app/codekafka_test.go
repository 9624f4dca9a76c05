package app_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/saga/participant"
)

const cardsContract = `unwind: v1
participant: cards
owner: team-cards
commands:
  charge: {compensation: refund}
  refund: {}
`

// payTwice is a saga that is code and says beforehand what it asks cards for.
func payTwice(t *testing.T, version string, steps ...saga.Step) *saga.Code {
	t.Helper()
	made, err := code.Func(saga.Definition{Name: "payTwice", Version: version, Steps: steps}, func(c *code.Context, cents int) (int, error) {
		for range 2 {
			if _, err := code.Do[int](c, charge, cents); err != nil {
				return 0, err
			}
		}
		return cents, nil
	})
	require.NoError(t, err)
	return made
}

var charge = saga.Step{Name: "charge", Participant: "cards", Command: "charge", Compensation: "refund", Do: saga.Policy{Timeout: time.Minute, Backoff: 10 * time.Millisecond}}

// TestCodeWithParticipantsIsLikeAnyOther: topics, contracts, who uses them, metrics
// and the verbs are those of declared sagas.
func TestCodeWithParticipantsIsLikeAnyOther(t *testing.T) {
	t.Parallel()
	config := app.Config{
		DatabaseURL: testserver.Postgres(t), Brokers: testserver.Kafka(t), Prefix: "code." + time.Now().Format("150405.000000") + ".", Partitions: 1,
		Listen: "127.0.0.1:0", MetricsListen: "127.0.0.1:0", Migrate: true, CreateTopics: true, Code: []*saga.Code{payTwice(t, "r1", charge)},
	}
	a, c := startApp(t, config)
	_, err := c.ApplyContract(t.Context(), "cards.yaml", []byte(cardsContract), false, "")
	require.NoError(t, err)
	found, err := c.Participant(t.Context(), "cards", "")
	require.NoError(t, err)
	require.Equal(t, []client.ContractUser{{Definition: "payTwice", Version: "r1", Latest: true, Commands: []string{"charge", "refund"}}}, found.Users)
	_, err = c.ApplyContract(t.Context(), "cards.yaml", []byte(strings.Replace(cardsContract, "  charge: {compensation: refund}\n", "", 1)), false, "")
	require.ErrorContains(t, err, "payTwice")

	runCards(t, config)
	good, _, err := c.Start(t.Context(), client.Start{Definition: "payTwice", Input: 7})
	require.NoError(t, err)
	bad, _, err := c.Start(t.Context(), client.Start{Definition: "payTwice", Input: 13})
	require.NoError(t, err)
	require.Equal(t, "completed", wait(t, c, good.ID, client.End).Status)
	ended := wait(t, c, bad.ID, client.End)
	require.Equal(t, "compensated", ended.Status)
	require.Equal(t, "undone", ended.Steps[0].Phase)
	require.Equal(t, "refused", ended.Steps[1].Phase)
	page := metricsOf(t, a.MetricsURL())
	for _, line := range []string{
		`unwind_commands_sent_total{command="charge",direction="do",participant="cards"} 4`,
		`unwind_commands_sent_total{command="refund",direction="undo",participant="cards"} 1`,
		`unwind_steps_ended_total{definition="payTwice",outcome="done",step="charge"} 3`,
		`unwind_steps_ended_total{definition="payTwice",outcome="refused",step="charge"} 1`,
		`unwind_breaker_state{direction="do",participant="cards"} 0`,
	} {
		require.Contains(t, page, line)
	}
}

// TestCodeIsHeldToItsContracts: a program that asks for what nobody offers does not
// begin.
func TestCodeIsHeldToItsContracts(t *testing.T) {
	t.Parallel()
	config := app.Config{DatabaseURL: testserver.Postgres(t), Listen: "127.0.0.1:0", Migrate: true}
	first, c := startApp(t, config)
	require.NotNil(t, first)
	_, err := c.ApplyContract(t.Context(), "cards.yaml", []byte(cardsContract), false, "")
	require.NoError(t, err)
	wrong := charge
	wrong.Command = "chrage"
	config.Code = []*saga.Code{payTwice(t, "r1", wrong)}
	a, err := app.New(config)
	require.NoError(t, err)
	require.ErrorContains(t, a.Run(t.Context()), `cards has no command "chrage"; did you mean charge?`)
}

// runCards runs the participant: it refuses the second charge of 13.
func runCards(t *testing.T, config app.Config) {
	t.Helper()
	runParticipant(t, config, func(p *participant.Participant) {
		participant.HandleFunc(p, "charge", func(ctx context.Context, cents int) (int, error) {
			if cents == 13 && participant.Info(ctx).ID.Step.Visit == 1 {
				return 0, participant.Reject("unlucky")
			}
			return cents, nil
		})
		participant.HandleUndoFunc(p, "refund", func(context.Context, int) error { return nil })
	})
}

// runParticipant runs the participant cards with its handlers until the test ends.
func runParticipant(t *testing.T, config app.Config, handle func(*participant.Participant)) {
	t.Helper()
	p, err := participant.New(participant.Config{Name: "cards", Kafka: kafka.Config{Brokers: config.Brokers}, TopicPrefix: config.Prefix})
	require.NoError(t, err)
	handle(p)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() { stop(); require.NoError(t, <-ended) })
}

// TestHeartbeatsOfCodeOverKafka: a participant works at a function's step for several
// times its heartbeat and says so, with how far it is. It is not asked again, also when
// the coordinator is another one in between; its progress is shown; the history is run
// again by the function.
func TestHeartbeatsOfCodeOverKafka(t *testing.T) {
	t.Parallel()
	const heartbeat = 2 * time.Second
	pack := saga.Step{Name: "pack", Participant: "cards", Command: "pack", Reason: "boxes are kept", Do: saga.Policy{Heartbeat: heartbeat}}
	made, err := code.Func(saga.Definition{Name: "packAll", Version: "r1", Steps: []saga.Step{pack}}, func(c *code.Context, boxes int) (int, error) {
		return code.Do[int](c, pack, boxes)
	})
	require.NoError(t, err)
	config := app.Config{
		DatabaseURL: testserver.Postgres(t), Brokers: testserver.Kafka(t), Prefix: "beat." + time.Now().Format("150405.000000") + ".", Partitions: 1,
		Listen: "127.0.0.1:0", Migrate: true, CreateTopics: true, Code: []*saga.Code{made},
	}
	a, end := run(t, config)
	c, err := client.New(client.Config{URL: a.URL()})
	require.NoError(t, err)
	enough := make(chan struct{})
	var attempts atomic.Int32
	runParticipant(t, config, func(p *participant.Participant) {
		participant.HandleFunc(p, "pack", func(ctx context.Context, boxes int) (int, error) {
			attempts.Add(1)
			beat := time.NewTicker(participant.Info(ctx).Heartbeat / 10)
			defer beat.Stop()
			for packed := 1; ; packed++ {
				if err := participant.Heartbeat(ctx, map[string]int{"packed": packed, "of": boxes}); err != nil {
					return 0, err
				}
				select {
				case <-beat.C:
				case <-enough:
					return packed, nil
				}
			}
		})
	})
	started, _, err := c.Start(t.Context(), client.Start{Definition: "packAll", Input: 99})
	require.NoError(t, err)
	packedFor := func(c *client.Client, d time.Duration) {
		t.Helper()
		require.Eventually(t, func() bool {
			s, err := c.Get(t.Context(), started.ID)
			return err == nil && len(s.Steps) == 1 && s.Steps[0].ProgressAt != nil && s.Steps[0].ProgressAt.Sub(*s.StartedAt) > d
		}, time.Minute, 10*time.Millisecond)
	}
	packedFor(c, 2*heartbeat)
	end()
	_, c = startApp(t, config)
	packedFor(c, 4*heartbeat)
	s, err := c.Get(t.Context(), started.ID)
	require.NoError(t, err)
	require.Equal(t, []any{"pack", "doing", 1}, []any{s.Steps[0].Step, s.Steps[0].Phase, s.Steps[0].Attempt})
	require.Regexp(t, `^\{"of": ?99, ?"packed": ?\d+\}$`, string(s.Steps[0].Progress))
	close(enough)
	require.Equal(t, "completed", wait(t, c, started.ID, client.End).Status)
	require.EqualValues(t, 1, attempts.Load())
}

// metricsOf reads a page of metrics.
func metricsOf(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	page, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(page)
}
