package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const (
	defaultJaegerTimeout = 30 * time.Second
	jaegerPorts          = 7
)

// JaegerConfig says where and how a Jaeger runs.
type JaegerConfig struct {
	// Dir holds its log; required, created where missing.
	Dir string
	// BinDir holds Jaeger's binary, built there once from its Go module; default
	// CacheDir("jaeger-" + JaegerVersion).
	BinDir string
	// StartTimeout limits one start, the build excepted; default 30 seconds.
	StartTimeout time.Duration
	// Progress receives a line every few seconds while Jaeger is built; nil: none.
	Progress io.Writer
}

// Validate returns all faults of the config joined.
func (c JaegerConfig) Validate() error {
	var faults []error
	if c.Dir == "" {
		faults = append(faults, errors.New("JaegerConfig.Dir is empty: name the folder for its log"))
	}
	if c.StartTimeout < 0 {
		faults = append(faults, fmt.Errorf("JaegerConfig.StartTimeout %s is negative", c.StartTimeout))
	}
	return errors.Join(faults...)
}

// Jaeger is a real Jaeger of this process's own, with its traces in memory, on
// loopback ports.
type Jaeger struct {
	proc *process
	port int
}

// StartJaeger starts a Jaeger and returns when it answers. Errors: ErrNoGo, or what
// Jaeger or its build said. The caller ends it with Kill.
func StartJaeger(ctx context.Context, cfg JaegerConfig) (*Jaeger, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.StartTimeout == 0 {
		cfg.StartTimeout = defaultJaegerTimeout
	}
	binary, err := ensureJaeger(ctx, jaegerDir(cfg.BinDir), cfg.Progress)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("create the folder of Jaeger: %w", err)
	}
	for try := 1; ; try++ {
		j, err := startJaeger(ctx, cfg, binary)
		// Another server may have taken one of the ports in the meantime.
		if err == nil || try == portRounds || !errors.Is(err, errStopped) {
			return j, err
		}
	}
}

func startJaeger(ctx context.Context, cfg JaegerConfig, binary string) (*Jaeger, error) {
	ctx, cancel := context.WithTimeout(ctx, cfg.StartTimeout)
	defer cancel()
	port, err := FreePort(jaegerPorts)
	if err != nil {
		return nil, err
	}
	j := &Jaeger{port: port}
	var args []string
	for i, name := range []string{
		"query.http-server", "collector.otlp.http", "collector.otlp.grpc", "query.grpc-server", "admin.http", "collector.http-server", "collector.grpc-server",
	} {
		args = append(args, "--"+name+".host-port="+Address(port+i))
	}
	cmd := exec.Command(binary, append(args, "--log-level=warn")...)
	cmd.Env = []string{"SPAN_STORAGE_TYPE=memory", "JAEGER_DISABLED=true", "PATH=" + os.Getenv("PATH")}
	log := filepath.Join(cfg.Dir, "jaeger.log")
	if j.proc, err = startProcess(cmd, log, "KILL"); err != nil {
		return nil, err
	}
	if err := j.proc.awaitReady(ctx, log, func() bool { return j.answers(ctx) && portOpen(ctx, port+1) && portOpen(ctx, port+2) }); err != nil {
		j.Kill()
		return nil, fmt.Errorf("start Jaeger: %w", err)
	}
	return j, nil
}

// answers reports whether its API does.
func (j *Jaeger) answers(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, j.URL()+"/api/services", nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close() // nothing of it is wanted
	return res.StatusCode == http.StatusOK
}

// URL returns the address of its API, such as http://127.0.0.1:20001.
func (j *Jaeger) URL() string { return "http://" + Address(j.port) }

// OTLP returns the address of its collector for OTLP over HTTP.
func (j *Jaeger) OTLP() string { return "http://" + Address(j.port+1) }

// OTLPGRPC returns the address of its collector for OTLP over gRPC.
func (j *Jaeger) OTLPGRPC() string { return "http://" + Address(j.port+2) }

// Kill ends it at once. It keeps nothing.
func (j *Jaeger) Kill() { j.proc.kill() }
