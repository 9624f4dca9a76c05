package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/server"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
)

// TestMetrics runs sagas of several fates and compares what /metrics counts with
// what REST and the participants say.
func TestMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 0)
	port, err := server.FreePort(1)
	require.NoError(t, err)
	address := server.Address(port)
	w.nodes = append(w.nodes, &node{})
	w.begin(0, "UNWIND_METRICS_LISTEN="+address)
	w.define(t)

	no := []string{"reject"}
	fates := []fate{
		{"trip", nil, saga.Completed, ""},
		{"trip", script{"hotels": no}, saga.Compensated, ""},
		{"trip", script{"payments": no}, saga.Compensated, ""},
		{"trip", script{"flights": {"fail", "ok"}}, saga.Completed, ""},
	}
	started := map[saga.ID]fate{}
	for round := range 20 {
		f := fates[round%len(fates)]
		started[w.start(t, f.definition, f.script)] = f
	}
	for id, f := range started {
		w.ended(t, id, f.status)
	}

	got := metrics(t, address)
	for line, want := range map[string]float64{
		`sagas_started_total{definition=trip}`:                          20,
		`sagas_ended_total{definition=trip,status=completed}`:           10,
		`sagas_ended_total{definition=trip,status=compensated}`:         10,
		`saga_duration_seconds{definition=trip,status=completed}`:       10,
		`sagas_turned_back_total{definition=trip}`:                      10,
		`steps_ended_total{definition=trip,outcome=undone,step=flight}`: 10,
		`steps_ended_total{definition=trip,outcome=refused,step=hotel}`: 5,
		`http_requests_total{class=2xx,operation=startSaga}`:            20,
		`scrape_errors_total{}`:                                         0,
		`brokers_reached{}`:                                             1,
		`buckets_owned{}`:                                               64,
		`replies_total{effect=repeated}`:                                0,
		`attention_oldest_saga_age_seconds{}`:                           0,
	} {
		require.Contains(t, got, line)
		require.InDelta(t, want, got[line], 0, line)
	}
	outcomes := map[string]float64{}
	for line, value := range got {
		if strings.HasPrefix(line, "command_outcomes_total{") && strings.Contains(line, "participant=flights") {
			outcomes[line] = value
		}
	}
	require.Len(t, outcomes, 3, "done, failed, undone: %v", outcomes)
	require.InDelta(t, 35, sum(outcomes), 0, "20 done, 5 failed before, 10 undone: %v", outcomes)
	for _, status := range []string{"completed", "compensated"} {
		listed := w.call(t, request{method: http.MethodGet, path: "/v1/sagas?limit=100&status=" + status, want: http.StatusOK})
		require.Equal(t, 10, strings.Count(string(listed), `"id"`), status)
	}
	require.GreaterOrEqual(t, got["relay_published_total{}"], got["replies_total{effect=applied}"])
}

func sum(values map[string]float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}

// metrics reads a page: the value of a counter or gauge, a histogram's count, by
// name without unwind_ and labels in the order of their names.
func metrics(t *testing.T, address string) map[string]float64 {
	t.Helper()
	response, err := http.Get("http://" + address + "/metrics")
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	require.NoError(t, err)
	values := map[string]float64{}
	for name, family := range families {
		for _, m := range family.GetMetric() {
			labels := make([]string, len(m.GetLabel()))
			for i, l := range m.GetLabel() {
				labels[i] = l.GetName() + "=" + l.GetValue()
			}
			line := fmt.Sprintf("%s{%s}", strings.TrimPrefix(name, "unwind_"), strings.Join(labels, ","))
			values[line] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return values
}
