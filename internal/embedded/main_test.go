package embedded

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// asBroker, set to a folder, makes the test binary an embedded broker on it
// that prints its address and ends when killed.
const asBroker = "EMBEDDED_TEST_AS_BROKER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asBroker); dir != "" {
		runBroker(dir)
	}
	os.Exit(m.Run())
}

func runBroker(dir string) {
	kafka, err := StartKafka(context.Background(), KafkaConfig{Dir: dir, NoSync: true})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(kafka.Brokers()[0])
	_, _ = io.Copy(io.Discard, os.Stdin) // ends when the test does
	os.Exit(0)
}

// brokerProcess starts an embedded broker in a process of its own and returns
// its address.
func brokerProcess(t *testing.T, dir string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), asBroker+"="+dir)
	cmd.Stderr = os.Stderr
	_, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line := make([]byte, 64)
	n, err := stdout.Read(line)
	require.NoError(t, err)
	return cmd, strings.TrimSpace(string(line[:n]))
}
