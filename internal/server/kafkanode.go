package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clusterID names the cluster in its data: 22 characters of base64, any will do.
const clusterID = "dW53aW5kLWthZmthLWNsdQ"

// startedLine is what a node logs once clients can use it; the port alone is
// open earlier.
const startedLine = "Kafka Server started"

// kafkaNode is one combined broker and controller.
type kafkaNode struct {
	id, port int
	dir      string

	listeners []Listener
	scram     []string
	session   time.Duration

	proc    *process
	logFrom int64 // where this start's log begins
}

// prepare writes the node's properties and formats its data where it is new.
func (n *kafkaNode) prepare(ctx context.Context, vm jvm, firstPort, nodes int) error {
	if err := os.MkdirAll(n.dir, 0o755); err != nil {
		return fmt.Errorf("create node %d: %w", n.id, err)
	}
	if err := os.WriteFile(n.propertiesPath(), []byte(n.properties(firstPort, nodes)), 0o644); err != nil {
		return fmt.Errorf("write node %d's properties: %w", n.id, err)
	}
	if _, err := os.Stat(filepath.Join(n.dataDir(), "meta.properties")); err == nil {
		return nil
	}
	args := []string{"format", "--ignore-formatted", "-t", clusterID, "-c", n.propertiesPath()}
	for _, user := range n.scram {
		args = append(args, "--add-scram", user)
	}
	cmd, err := vm.command(ctx, "kafka.tools.StorageTool", args...)
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("format node %d: %w: %s", n.id, err, out)
	}
	return nil
}

// start runs the node unless it runs already. The command is not bound to ctx,
// which ends when the start is over.
func (n *kafkaNode) start(ctx context.Context, vm jvm) error {
	if n.proc.running() {
		return nil
	}
	n.proc.kill() // sends the guard of an earlier run home
	if n.id == 1 {
		vm.archive = vm.freshArchive(n.port)
	}
	cmd, err := vm.command(context.WithoutCancel(ctx), "kafka.Kafka", n.propertiesPath())
	if err != nil {
		return err
	}
	cmd.Dir = n.dir
	n.logFrom = 0
	if info, err := os.Stat(n.logPath()); err == nil && info.Size() <= logLimit {
		n.logFrom = info.Size()
	}
	if n.proc, err = startProcess(cmd, n.logPath(), "TERM"); err != nil {
		return err
	}
	pid := strconv.Itoa(cmd.Process.Pid)
	if err := os.WriteFile(filepath.Join(n.dir, "pid"), []byte(pid+"\n"), 0o644); err != nil {
		return fmt.Errorf("note the pid of node %d: %w", n.id, err)
	}
	return nil
}

// await waits until clients can use the node.
func (n *kafkaNode) await(ctx context.Context) error {
	return n.proc.awaitReady(ctx, n.logPath(), func() bool { return n.saidStarted() && portOpen(ctx, n.port) })
}

// saidStarted reports whether this run has logged startedLine.
func (n *kafkaNode) saidStarted() bool {
	text, err := os.ReadFile(n.logPath())
	return err == nil && int64(len(text)) > n.logFrom && bytes.Contains(text[n.logFrom:], []byte(startedLine))
}

// terminate asks the node to stop.
func (n *kafkaNode) terminate() {
	if n.proc.running() {
		_ = terminate(n.proc.cmd.Process) // fails only if it has ended by itself
	}
}

// killLeftover ends a node that a crashed process left running here and waits
// until its port is free. The data stays good: a broker recovers from a kill.
func (n *kafkaNode) killLeftover(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(n.dir, "pid"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing has run here
	}
	if err != nil {
		return fmt.Errorf("look for a broker that a crashed process left running: %w", err)
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	for pid > 0 && strings.Contains(commandLine(pid), n.propertiesPath()) {
		if process, err := os.FindProcess(pid); err == nil {
			_ = process.Kill() // fails only if it has just ended
		}
		if err := pause(ctx, readyPoll); err != nil {
			return fmt.Errorf("end the broker that a crashed process left running (pid %d): %w", pid, err)
		}
	}
	return nil
}

func (n *kafkaNode) propertiesPath() string { return filepath.Join(n.dir, "server.properties") }
func (n *kafkaNode) logPath() string        { return filepath.Join(n.dir, "kafka.log") }
func (n *kafkaNode) dataDir() string        { return filepath.Join(n.dir, "data") }

// properties is the node's server.properties: small, quick to start and to
// rebalance, nothing created by use.
func (n *kafkaNode) properties(firstPort, nodes int) string {
	voters := make([]string, nodes)
	for i := range voters {
		voters[i] = fmt.Sprintf("%d@%s", i+1, Address(firstPort+2*i+1))
	}
	replicas, inSync := min(nodes, 3), min(nodes, 2)
	if nodes < 3 {
		replicas, inSync = 1, 1
	}
	more := listenerProperties(n.listeners, n.port+2)
	return fmt.Sprintf(nodeProperties, n.id, Address(n.port), Address(n.port+1), strings.Join(voters, ","),
		filepath.ToSlash(n.dataDir()), replicas, inSync, more.addresses, more.protocols, n.session.Milliseconds(), n.session.Milliseconds()/6) + more.settings
}

const nodeProperties = `process.roles=broker,controller
node.id=%[1]d
listeners=PLAINTEXT://%[2]s,CONTROLLER://%[3]s%[8]s
advertised.listeners=PLAINTEXT://%[2]s%[8]s
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT%[9]s
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
controller.quorum.voters=%[4]s
log.dirs=%[5]s
num.partitions=3
auto.create.topics.enable=false
default.replication.factor=%[6]d
min.insync.replicas=%[7]d
offsets.topic.replication.factor=%[6]d
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=%[6]d
transaction.state.log.min.isr=%[7]d
transaction.state.log.num.partitions=3
share.coordinator.state.topic.replication.factor=%[6]d
share.coordinator.state.topic.min.isr=%[7]d
share.coordinator.state.topic.num.partitions=3
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
num.network.threads=2
num.io.threads=4
background.threads=2
num.recovery.threads.per.data.dir=2
log.cleaner.dedupe.buffer.size=8388608
log.index.size.max.bytes=1048576
log.segment.bytes=134217728
log.retention.hours=24
broker.session.timeout.ms=%[10]d
broker.heartbeat.interval.ms=%[11]d
replica.lag.time.max.ms=4000
controller.quorum.election.timeout.ms=1000
controller.quorum.fetch.timeout.ms=1500
`
