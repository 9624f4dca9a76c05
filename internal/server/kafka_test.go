package server

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tool runs one of Kafka's command line tools and returns what it prints.
func tool(t *testing.T, k *Kafka, class string, args ...string) string {
	t.Helper()
	args = append([]string{"--bootstrap-server", strings.Join(k.Brokers(), ",")}, args...)
	cmd, err := k.jvm.command(t.Context(), class, args...)
	require.NoError(t, err)
	return run(t, cmd)
}

func run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	return string(out)
}

// consume reads n records of the topic "orders" from its start.
func consume(t *testing.T, k *Kafka, n string) string {
	t.Helper()
	return tool(t, k, "org.apache.kafka.tools.consumer.ConsoleConsumer",
		"--topic", "orders", "--from-beginning", "--max-messages", n, "--timeout-ms", "30000")
}

func TestKafkaKeepsDataAndPortOverStopAndKill(t *testing.T) {
	t.Parallel()
	cfg := KafkaConfig{Dir: t.TempDir(), Session: 3 * time.Second}
	kafka, err := StartKafka(t.Context(), cfg)
	installed(t, err)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, kafka.Stop(context.Background())) })
	brokers := kafka.Brokers()
	tool(t, kafka, "org.apache.kafka.tools.TopicCommand", "--create", "--topic", "orders", "--partitions", "1")
	produce(t, kafka, "first\n")

	kafka.Kill()
	require.False(t, portOpen(t.Context(), kafka.port))
	require.NoError(t, kafka.Start(t.Context()))
	require.Equal(t, brokers, kafka.Brokers())
	produce(t, kafka, "second\n")
	require.NoError(t, kafka.Stop(t.Context()))

	again, err := StartKafka(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(again.Kill)
	require.Equal(t, brokers, again.Brokers())
	require.Contains(t, consume(t, again, "2"), "first\nsecond\n")
	_, err = StartKafka(t.Context(), cfg)
	require.ErrorIs(t, err, ErrInUse)
}

// produce writes lines to the topic "orders".
func produce(t *testing.T, k *Kafka, lines string) {
	t.Helper()
	cmd, err := k.jvm.command(t.Context(), "org.apache.kafka.tools.ConsoleProducer",
		"--bootstrap-server", strings.Join(k.Brokers(), ","), "--topic", "orders")
	require.NoError(t, err)
	cmd.Stdin = strings.NewReader(lines)
	run(t, cmd)
}

func TestKafkaRunsThreeNodes(t *testing.T) {
	t.Parallel()
	kafka, err := StartKafka(t.Context(), KafkaConfig{Dir: t.TempDir(), Nodes: 3, HeapMB: 160})
	installed(t, err)
	require.NoError(t, err)
	t.Cleanup(func() {
		kafka.Kill() // its data goes, too
		require.NoError(t, kafka.Stop(context.Background()))
	})
	require.Len(t, kafka.Brokers(), 3)
	tool(t, kafka, "org.apache.kafka.tools.TopicCommand", "--create", "--topic", "orders", "--replication-factor", "3")
}

func TestKafkaConfigJoinsAllFaults(t *testing.T) {
	t.Parallel()
	_, err := StartKafka(t.Context(), KafkaConfig{Nodes: 9, Port: -1, HeapMB: 1, StartTimeout: -1})
	for _, fault := range []string{"Dir", "Nodes", "Port", "HeapMB", "StartTimeout"} {
		require.ErrorContains(t, err, "KafkaConfig."+fault)
	}
}
