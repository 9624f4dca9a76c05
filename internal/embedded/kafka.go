package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/unwindhq/unwind/internal/server"
)

// minSessionTimeout is the shortest session a consumer group may ask for.
const minSessionTimeout = time.Second

// KafkaConfig says where the embedded broker keeps its state and listens.
type KafkaConfig struct {
	// Dir is the folder of the state; default DefaultDir.
	Dir string
	// Brokers, if given, are used and nothing is started.
	Brokers []string
	// Port on 127.0.0.1; 0: the port of the last start in Dir, else a free one.
	Port int
	// NoSync leaves it to the system when records reach the disk: quicker, and
	// a power cut (not a crash of this process) may lose the last ones.
	NoSync bool
	// Log receives the broker's warnings; nil discards them.
	Log *slog.Logger
}

// Validate returns the config's fault.
func (c KafkaConfig) Validate() error {
	if c.Port < 0 || c.Port > 65535 {
		return fmt.Errorf("embedded.KafkaConfig.Port %d is not between 0 and 65535", c.Port)
	}
	return nil
}

// Kafka is the broker to use: an embedded one or given ones.
type Kafka struct {
	brokers []string
	cluster *kfake.Cluster // nil for given brokers
	lock    *server.Lock
	stop    sync.Once
}

// StartKafka starts the broker in this process, with the topics, records and
// group offsets that it had when it last ran in cfg.Dir, however that ended.
// Topics are created by request only, not by use. It returns ErrInUse if
// another process runs on the folder. The caller ends it with Stop.
func StartKafka(ctx context.Context, cfg KafkaConfig) (*Kafka, error) {
	if err := errors.Join(cfg.Validate(), ctx.Err()); err != nil {
		return nil, err
	}
	if len(cfg.Brokers) > 0 {
		return &Kafka{brokers: cfg.Brokers}, nil
	}
	cfg.Dir = orDefaultDir(cfg.Dir)
	lock, err := server.TryLock(kafkaLock(cfg.Dir))
	if err != nil {
		return nil, fmt.Errorf("start the embedded broker: %w", inUse(cfg.Dir, err))
	}
	cluster, err := startCluster(cfg)
	for n := 0; n < morePorts && cfg.Port == 0 && errors.Is(err, syscall.EADDRINUSE); n++ {
		cluster, err = startCluster(cfg) // somebody was faster; it looks for another port
	}
	if err != nil {
		lock.Unlock()
		return nil, fmt.Errorf("start the embedded broker in %s: %w", cfg.Dir, err)
	}
	return &Kafka{brokers: cluster.ListenAddrs(), cluster: cluster, lock: lock}, nil
}

// morePorts is how often another port is looked for when one that was free has
// been taken before it was used.
const morePorts = 3

// startCluster opens the state and listens.
func startCluster(cfg KafkaConfig) (*kfake.Cluster, error) {
	port, err := server.RememberedPort(kafkaDir(cfg.Dir), "kafka.port", cfg.Port, 1)
	if err != nil {
		return nil, err
	}
	data, err := filepath.Abs(filepath.Join(kafkaDir(cfg.Dir), "data"))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return nil, err
	}
	options := []kfake.Opt{
		kfake.Ports(port),
		kfake.ClusterID("unwind-embedded"),
		kfake.DataDir(data),
		kfake.GroupMinSessionTimeout(minSessionTimeout),
		kfake.WithLogger(brokerLog{log: orDiscard(cfg.Log)}),
	}
	if !cfg.NoSync {
		options = append(options, kfake.SyncWrites())
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		return nil, err
	}
	answerUnknownGroups(cluster)
	return cluster, nil
}

// Brokers returns the addresses for clients.
func (k *Kafka) Brokers() []string { return k.brokers }

// Stop ends the embedded broker and writes its state; given brokers are left
// alone. Further calls do nothing.
func (k *Kafka) Stop() {
	k.stop.Do(func() {
		if k.cluster != nil {
			k.cluster.Close()
			k.lock.Unlock()
		}
	})
}

// brokerLog passes the broker's warnings and errors on.
type brokerLog struct{ log *slog.Logger }

// Logf implements kfake.Logger.
func (b brokerLog) Logf(level kfake.LogLevel, format string, args ...any) {
	switch level {
	case kfake.LogLevelError:
		b.log.Error("embedded broker: " + fmt.Sprintf(format, args...))
	case kfake.LogLevelWarn:
		b.log.Warn("embedded broker: " + fmt.Sprintf(format, args...))
	default: // each request: of use only to the broker's own authors
	}
}
