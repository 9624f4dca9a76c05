package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Defaults and limits of KafkaConfig.
const (
	defaultKafkaTimeout = 90 * time.Second
	defaultSession      = 30 * time.Second
	defaultHeapMB       = 256
	minHeapMB           = 128
	maxNodes            = 5
)

// KafkaConfig says where and how a Kafka cluster runs.
type KafkaConfig struct {
	// Dir holds the nodes' data, logs and ports; required, created where missing.
	Dir string
	// JarsDir holds Kafka's jars, downloaded there once; default CacheDir("kafka-" + KafkaVersion).
	JarsDir string
	// Nodes is the number of combined brokers and controllers, 1 to 5; default 1.
	Nodes int
	// Port of the first node; node n listens on Port+2(n-1) and, for the other
	// controllers, on the port after it. 0: the port of the last start in Dir,
	// else a free one.
	Port int
	// HeapMB limits each node's Java heap, at least 128; default 256.
	HeapMB int
	// Listeners are ports beside the first one, for one node only; default none.
	Listeners []Listener
	// Scram are users of SCRAM that a new broker has, as
	// SCRAM-SHA-256=[name=ada,password=secret]; default none.
	Scram []string
	// Session is how long a silent node counts as alive, at least 1 s; default 30 s.
	// On a busy machine a shorter one fences healthy brokers; a node that was killed
	// comes back only after it.
	Session time.Duration
	// StartTimeout limits one start, the download of the jars excepted; default 90 seconds.
	StartTimeout time.Duration
	// Progress receives a line every few seconds while jars are downloaded; nil: none.
	Progress io.Writer
	// Log receives what is worth knowing; nil discards it.
	Log *slog.Logger
}

// Validate returns all faults of the config joined.
func (c KafkaConfig) Validate() error {
	var faults []error
	if c.Dir == "" {
		faults = append(faults, errors.New("KafkaConfig.Dir is empty: name the folder for the broker's data"))
	}
	if c.Nodes < 0 || c.Nodes > maxNodes {
		faults = append(faults, fmt.Errorf("KafkaConfig.Nodes %d is not between 0 (default) and %d", c.Nodes, maxNodes))
	}
	if c.Port < 0 || c.Port > 65535-2*maxNodes {
		faults = append(faults, fmt.Errorf("KafkaConfig.Port %d is not between 0 and %d", c.Port, 65535-2*maxNodes))
	}
	if c.HeapMB != 0 && c.HeapMB < minHeapMB {
		faults = append(faults, fmt.Errorf("KafkaConfig.HeapMB %d is below %d", c.HeapMB, minHeapMB))
	}
	if c.Nodes > 1 && len(c.Listeners) > 0 {
		faults = append(faults, errors.New("KafkaConfig.Listeners are for one node"))
	}
	if c.Session != 0 && c.Session < time.Second {
		faults = append(faults, fmt.Errorf("KafkaConfig.Session %s is below 1s", c.Session))
	}
	if c.StartTimeout < 0 {
		faults = append(faults, fmt.Errorf("KafkaConfig.StartTimeout %s is negative", c.StartTimeout))
	}
	return errors.Join(faults...)
}

// withDefaults returns the config with all zero fields filled in.
func (c KafkaConfig) withDefaults() (KafkaConfig, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.JarsDir == "" {
		c.JarsDir = CacheDir("kafka-" + KafkaVersion)
	}
	if c.Nodes == 0 {
		c.Nodes = 1
	}
	if c.HeapMB == 0 {
		c.HeapMB = defaultHeapMB
	}
	if c.Session == 0 {
		c.Session = defaultSession
	}
	if c.StartTimeout == 0 {
		c.StartTimeout = defaultKafkaTimeout
	}
	var dirErr, jarsErr error
	c.Dir, dirErr = filepath.Abs(c.Dir)
	c.JarsDir, jarsErr = filepath.Abs(c.JarsDir)
	return c, errors.Join(dirErr, jarsErr)
}

// Kafka is a real Kafka cluster (KRaft, plaintext, loopback) of this process's
// own. Topics are not created by use. Its methods may be called concurrently.
type Kafka struct {
	cfg  KafkaConfig
	jvm  jvm
	port int

	mu    sync.Mutex
	nodes []*kafkaNode
	lock  *Lock
}

// StartKafka starts the cluster of cfg.Dir and returns when clients can use
// it. Errors: ErrNoJava, ErrNoMaven, ErrInUse, or what the broker said. The
// caller ends it with Stop.
func StartKafka(ctx context.Context, cfg KafkaConfig) (*Kafka, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		k, err := newKafka(ctx, cfg)
		if err != nil {
			return nil, fmt.Errorf("start kafka in %s: %w", cfg.Dir, err)
		}
		err = k.Start(ctx)
		if err == nil {
			return k, nil
		}
		// A JVM takes seconds before it listens; meanwhile its port may be taken by
		// another server that was starting. Then it stops, and another port helps.
		if try == portRounds || cfg.Port != 0 || !errors.Is(err, errStopped) {
			return nil, err
		}
		if err := os.Remove(filepath.Join(cfg.Dir, portFile)); err != nil {
			return nil, fmt.Errorf("forget the port of kafka in %s: %w", cfg.Dir, err)
		}
	}
}

const (
	portFile   = "kafka.port" // in Dir: the first port, kept for the next start
	portRounds = 3            // attempts with a port of our own choice
)

// newKafka finds Java and the jars; it starts nothing.
func newKafka(ctx context.Context, cfg KafkaConfig) (*Kafka, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	java, err := findJava(ctx)
	if err != nil {
		return nil, err
	}
	if err := ensureJars(ctx, cfg.JarsDir, cfg.Progress); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return nil, err
	}
	return &Kafka{cfg: cfg, jvm: jvm{java: java, jars: cfg.JarsDir, heapMB: cfg.HeapMB}}, nil
}

// Brokers returns the addresses of all nodes.
func (k *Kafka) Brokers() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	brokers := make([]string, len(k.nodes))
	for i, node := range k.nodes {
		brokers[i] = Address(node.port)
	}
	return brokers
}

// Listener returns the address of one of the config's Listeners, "" if it has
// none of that name.
func (k *Kafka) Listener(name string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, l := range k.cfg.Listeners {
		if l.Name == name {
			return Address(k.port + 2 + i)
		}
	}
	return ""
}

// Start starts the nodes that do not run, on the same data and ports as
// before, and waits until clients can use them.
func (k *Kafka) Start(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, k.cfg.StartTimeout)
	defer cancel()
	if err := k.start(ctx); err != nil {
		k.kill()
		k.unlock()
		return fmt.Errorf("start kafka in %s: %w", k.cfg.Dir, err)
	}
	return nil
}

// start takes the folder's lock, decides on the ports and runs the nodes.
func (k *Kafka) start(ctx context.Context) error {
	var err error
	if k.lock == nil {
		if k.lock, err = TryLock(filepath.Join(k.cfg.Dir, "kafka.lock")); err != nil {
			return err
		}
	}
	if len(k.nodes) == 0 {
		if err := k.layOut(ctx); err != nil {
			return err
		}
	}
	for _, node := range k.nodes {
		if err := node.start(ctx, k.jvm); err != nil {
			return err
		}
	}
	for _, node := range k.nodes {
		if err := node.await(ctx); err != nil {
			return err
		}
	}
	return nil
}

// layOut ends what a crashed process left running and prepares the nodes.
func (k *Kafka) layOut(ctx context.Context) error {
	nodes := make([]*kafkaNode, k.cfg.Nodes)
	for i := range nodes {
		nodes[i] = &kafkaNode{
			id: i + 1, dir: filepath.Join(k.cfg.Dir, fmt.Sprintf("node%d", i+1)), listeners: k.cfg.Listeners, scram: k.cfg.Scram, session: k.cfg.Session,
		}
		if err := nodes[i].killLeftover(ctx); err != nil {
			return err
		}
	}
	port, err := RememberedPort(k.cfg.Dir, portFile, k.cfg.Port, 2*len(nodes)+len(k.cfg.Listeners))
	if err != nil {
		return err
	}
	for _, node := range nodes {
		node.port = port + 2*(node.id-1)
		if err := node.prepare(ctx, k.jvm, port, len(nodes)); err != nil {
			return err
		}
	}
	k.port, k.nodes = port, nodes
	return nil
}

// Stop ends all nodes in good order, or kills them when ctx ends first.
func (k *Kafka) Stop(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	defer k.unlock()
	var faults []error
	for _, node := range k.nodes {
		node.terminate()
	}
	for _, node := range k.nodes {
		if err := node.proc.wait(ctx); err != nil {
			node.proc.kill()
			faults = append(faults, fmt.Errorf("stop kafka node %d: killed instead: %w", node.id, err))
		}
	}
	k.jvm.keepArchive(k.port, len(faults) == 0)
	return errors.Join(faults...)
}

// Kill ends all nodes at once, as a power cut would. Start revives them.
func (k *Kafka) Kill() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kill()
}

func (k *Kafka) kill() {
	for _, node := range k.nodes {
		node.proc.kill()
	}
}

func (k *Kafka) unlock() {
	k.lock.Unlock()
	k.lock = nil
}
