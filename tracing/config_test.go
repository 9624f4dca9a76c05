package tracing

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

func getenv(pairs map[string]string) func(string) string {
	return func(name string) string { return pairs[name] }
}

func TestOffByDefault(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env map[string]string
		on  bool
	}{
		"nothing set":            {nil, false},
		"an endpoint":            {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, true},
		"an endpoint for traces": {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1"}, true},
		"the exporter":           {map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, true},
		"grpc":                   {map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, true},
		"no exporter":            {map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, false},
		"the SDK disabled":       {map[string]string{"OTEL_SDK_DISABLED": "TRUE", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracer, err := Setup(t.Context(), Config{Getenv: getenv(c.env)})
			require.NoError(t, err)
			require.Equal(t, c.on, tracer != nil)
			require.NoError(t, tracer.Shutdown(context.Background()))
		})
	}
}

func TestConfigFaults(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, Config{}.Validate(), "Getenv is missing")
	err := Config{Getenv: getenv(map[string]string{
		"OTEL_TRACES_EXPORTER": "zipkin", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json", "OTEL_TRACES_SAMPLER": "jaeger_remote",
	})}.Validate()
	require.ErrorContains(t, err, `OTEL_TRACES_EXPORTER "zipkin"`)
	require.ErrorContains(t, err, `OTEL_EXPORTER_OTLP_PROTOCOL "http/json"`)
	require.ErrorContains(t, err, `OTEL_TRACES_SAMPLER "jaeger_remote"`)
	for _, arg := range []string{"2", "-0.1", "NaN", "half"} {
		_, err := Setup(t.Context(), Config{Getenv: getenv(map[string]string{"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": arg})})
		require.ErrorContains(t, err, "OTEL_TRACES_SAMPLER_ARG", arg)
	}
}

func TestSampled(t *testing.T) {
	t.Parallel()
	for sampler, want := range map[string]float64{"": 1, "always_on": 1, "parentbased_always_off": 0, "parentbased_traceidratio": 0.25, "traceidratio": 0.25} {
		tracer, err := Setup(t.Context(), Config{Getenv: getenv(map[string]string{
			"OTEL_TRACES_EXPORTER": "otlp", "OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": "0.25",
		})})
		require.NoError(t, err)
		yes := 0
		const all = 4000
		for i := range all {
			id := saga.ID{0: 1, 6: 0x70, 8: 0x80, 14: byte(i >> 8), 15: byte(i)}
			if tracer.Sampled(id) {
				yes++
			}
		}
		require.InDelta(t, want*all, yes, all/50, sampler)
		require.NoError(t, tracer.Shutdown(context.Background()))
	}
}
