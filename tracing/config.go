package tracing

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Config configures Setup. All else comes from the standard environment, which
// the OpenTelemetry libraries read: OTEL_EXPORTER_OTLP_… says where to and how.
type Config struct {
	// Getenv reads the variables that turn traces on and choose protocol and
	// sampler; os.Getenv as a rule. Required.
	Getenv func(name string) string
	// Service is the service's name where OTEL_SERVICE_NAME says nothing. Default
	// "unwind".
	Service string
	// Version is the program's version; empty: not told.
	Version string
}

// Validate reports every fault of the configuration and the environment at once.
func (c Config) Validate() error {
	if c.Getenv == nil {
		return errors.New("tracing: Getenv is missing: give os.Getenv")
	}
	_, err1 := c.on()
	_, err2 := c.protocol()
	_, err3 := c.ratio()
	return errors.Join(err1, err2, err3)
}

// on says whether the environment turns traces on.
func (c Config) on() (bool, error) {
	if strings.EqualFold(strings.TrimSpace(c.Getenv("OTEL_SDK_DISABLED")), "true") {
		return false, nil
	}
	switch exporter := strings.TrimSpace(c.Getenv("OTEL_TRACES_EXPORTER")); exporter {
	case "otlp":
		return true, nil
	case "none":
		return false, nil
	case "":
		return c.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "" || c.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "", nil
	default:
		return false, fmt.Errorf("tracing: OTEL_TRACES_EXPORTER %.40q: write otlp or none", exporter)
	}
}

// The protocols of OTLP.
const (
	protocolHTTP = "http/protobuf"
	protocolGRPC = "grpc"
)

func (c Config) protocol() (string, error) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		switch protocol := strings.TrimSpace(c.Getenv(name)); protocol {
		case "":
		case protocolHTTP, protocolGRPC:
			return protocol, nil
		default:
			return "", fmt.Errorf("tracing: %s %.40q: write %s or %s", name, protocol, protocolHTTP, protocolGRPC)
		}
	}
	return protocolHTTP, nil
}

// ratio is the share of the sagas that are traced. A saga's trace has no parent,
// so parentbased_… samplers say the same as their roots' ones.
func (c Config) ratio() (float64, error) {
	name := strings.TrimPrefix(strings.TrimSpace(c.Getenv("OTEL_TRACES_SAMPLER")), "parentbased_")
	switch name {
	case "", "always_on":
		return 1, nil
	case "always_off":
		return 0, nil
	case "traceidratio":
	default:
		return 0, fmt.Errorf("tracing: OTEL_TRACES_SAMPLER %.40q: write always_on, always_off or traceidratio, with or without parentbased_ before it", name)
	}
	text := strings.TrimSpace(c.Getenv("OTEL_TRACES_SAMPLER_ARG"))
	if text == "" {
		return 1, nil
	}
	ratio, err := strconv.ParseFloat(text, 64)
	if err != nil || !(ratio >= 0 && ratio <= 1) {
		return 0, fmt.Errorf("tracing: OTEL_TRACES_SAMPLER_ARG %.40q: write a share from 0 to 1, such as 0.1", text)
	}
	return ratio, nil
}

// exporter makes the OTLP exporter. It connects when it is used.
func (c Config) exporter(ctx context.Context) (sdktrace.SpanExporter, error) {
	protocol, err := c.protocol()
	if err != nil {
		return nil, err
	}
	if protocol == protocolGRPC {
		return otlptracegrpc.New(ctx)
	}
	return otlptracehttp.New(ctx)
}

// resource says who tells. It names no process: two that export the same trace
// after a crash must say the same.
func (c Config) resource(ctx context.Context) (*resource.Resource, error) {
	service := c.Service
	if service == "" {
		service = "unwind"
	}
	about := []attribute.KeyValue{attribute.String("service.name", service)}
	if c.Version != "" {
		about = append(about, attribute.String("service.version", c.Version))
	}
	return resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(about...), resource.WithFromEnv())
}
