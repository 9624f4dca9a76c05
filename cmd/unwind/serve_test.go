package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
)

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

// TestFromNothingToARunningSaga goes the way of an operator's first day.
func TestFromNothingToARunningSaga(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	env := []string{
		"UNWIND_DATABASE_URL=" + testserver.Postgres(t), "UNWIND_KAFKA_BROKERS=" + strings.Join(testserver.Kafka(t), ","),
		"UNWIND_LISTEN=" + listen, "UNWIND_URL=http://" + listen, "UNWIND_SCHEMA=sagas", "UNWIND_LOG=error", "UNWIND_METRICS_LISTEN=off",
		fmt.Sprintf("UNWIND_TOPIC_PREFIX=cli%d.", time.Now().UnixNano()), "UNWIND_COMMAND_PARTITIONS=2",
	}
	run := func(want int, line string) string {
		t.Helper()
		code, out, errs := unwind(t.Context(), env, strings.Fields(line)...)
		require.Equal(t, want, code, "%s: %s%s", line, out, errs)
		return out + errs
	}
	require.Contains(t, run(exitFailed, "serve"), "unwind migrate up")
	run(exitOK, "migrate up")
	require.NotContains(t, run(exitOK, "migrate status"), "pending")
	require.Contains(t, run(exitFailed, "topics check"), "missing")

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan int, 1)
	go func() {
		code, _, _ := unwind(ctx, env, "serve")
		ended <- code
	}()
	require.Eventually(t, func() bool {
		code, _, _ := unwind(ctx, env, "def", "apply", "testdata/good.yaml")
		return code == exitOK
	}, 30*time.Second, 50*time.Millisecond)
	require.Contains(t, run(exitFailed, "saga start bookTrip"), "unwind topics apply")
	require.Contains(t, run(exitOK, "topics plan"), "commands.payments ")
	run(exitOK, "topics apply")
	require.NotContains(t, run(exitOK, "topics check"), "missing")
	require.Eventually(t, func() bool {
		code, _, _ := unwind(ctx, env, "saga", "start", "bookTrip", "--key", "one")
		return code == exitOK
	}, 30*time.Second, 50*time.Millisecond)
	require.Contains(t, run(exitOK, "saga start bookTrip --key one"), "doing")
	require.Contains(t, run(exitOK, "saga list --status running"), "bookTrip r1")
	stop()
	require.Equal(t, exitOK, <-ended)
}
