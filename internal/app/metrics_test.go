package app_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// scrape reads a page of metrics as Prometheus does.
func scrape(t *testing.T, url string) map[string]float64 {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, http.StatusOK, response.StatusCode)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	require.NoError(t, err)
	values := map[string]float64{}
	for name, family := range families {
		for _, m := range family.GetMetric() {
			labels := make([]string, len(m.GetLabel()))
			for i, l := range m.GetLabel() {
				labels[i] = l.GetValue()
			}
			key := strings.TrimPrefix(strings.Join(append([]string{name}, labels...), " "), "unwind_")
			switch {
			case m.GetCounter() != nil:
				values[key] = m.GetCounter().GetValue()
			case m.GetGauge() != nil:
				values[key] = m.GetGauge().GetValue()
			case m.GetHistogram() != nil:
				values[key] = float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return values
}

func TestMetricsTellWhatWasDone(t *testing.T) {
	t.Parallel()
	type order struct{ Refuse bool }
	add := sagapg.Local("check", func(_ context.Context, _ pgx.Tx, in order) (order, error) {
		if in.Refuse {
			return in, sagapg.Refuse("told to")
		}
		return in, nil
	})
	a, c := startApp(t, app.Config{
		DatabaseURL: testserver.Postgres(t), Listen: "127.0.0.1:0", MetricsListen: "127.0.0.1:0", Migrate: true, Locals: []sagapg.LocalStep{add},
	})
	_, err := c.ApplyDefinition(t.Context(), "check.yaml", []byte(`unwind: v1
saga: check
steps:
  - {step: first, local: check, noCompensation: it only looks}
`))
	require.NoError(t, err)
	for _, in := range []order{{}, {}, {Refuse: true}} {
		started, _, err := c.Start(t.Context(), client.Start{Definition: "check", Input: in})
		require.NoError(t, err)
		wait(t, c, started.ID, client.End)
	}
	_, err = c.Get(t.Context(), "00000000-0000-7000-8000-000000000000")
	require.Error(t, err)

	var got map[string]float64
	require.Eventually(t, func() bool {
		got = scrape(t, a.MetricsURL())
		return got["buckets_owned"] == 64 // they come one after the other
	}, 30*time.Second, 20*time.Millisecond)
	for key, want := range map[string]float64{
		"sagas_started_total check":                         3,
		"sagas_ended_total check completed":                 2,
		"sagas_ended_total check compensated":               1,
		"saga_duration_seconds check completed":             2,
		"sagas_turned_back_total check":                     1,
		"steps_ended_total check done first":                2,
		"steps_ended_total check refused first":             1,
		"saga_events_total started":                         3,
		"saga_events_total replied":                         3,
		"commands_sent_total check do local":                3,
		"command_outcomes_total check do succeeded local":   2,
		"command_outcomes_total check do rejected local":    1,
		"command_duration_seconds check do succeeded local": 2,
		"buckets_owned":                                     64,
		"nodes_alive":                                       1,
		"relay_published_total":                             3,
		"http_requests_total 2xx applyDefinition":           1,
		"http_requests_total 2xx startSaga":                 3,
		"http_requests_total 4xx getSaga":                   1,
		"http_request_duration_seconds startSaga":           3,
		"scrape_errors_total":                               0,
		"attention_oldest_saga_age_seconds":                 0,
		"far_wakes":                                         0,
		"pool_max_connections leases":                       3,
	} {
		require.Contains(t, got, key)
		require.InDelta(t, want, got[key], 0, key)
	}
	require.Positive(t, got["lease_remaining_seconds"])
	require.Positive(t, got["go_goroutines"])
	require.NotContains(t, got, "brokers_reached", "without Kafka")
}

func TestMetricsNeedAPort(t *testing.T) {
	t.Parallel()
	_, err := app.New(app.Config{DatabaseURL: "postgres://localhost/x", MetricsListen: "0.0.0.0:9464"})
	require.ErrorContains(t, err, "--metrics-insecure")
	_, err = app.New(app.Config{DatabaseURL: "postgres://localhost/x", MetricsListen: "0.0.0.0:9464", MetricsInsecure: true})
	require.NoError(t, err)

	running, _ := startApp(t, app.Config{DatabaseURL: testserver.Postgres(t), Listen: "127.0.0.1:0", MetricsListen: "127.0.0.1:0", Migrate: true})
	taken := strings.TrimSuffix(strings.TrimPrefix(running.MetricsURL(), "http://"), "/metrics")
	second, err := app.New(app.Config{DatabaseURL: testserver.Postgres(t), Listen: "127.0.0.1:0", MetricsListen: taken, Migrate: true})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.ErrorContains(t, second.Run(ctx), "--metrics-listen")

	response, err := http.Get("http://" + taken + "/healthz")
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, "ok\n", string(body))
}
