package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// trips is how many the test books; make it 5000 to see more.
func trips(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("UNWIND_TEST_TRIPS"))
	if err != nil {
		return 200
	}
	return n
}

// TestEveryTripIsBookedAsAWhole kills the program in the midst of its trips, with
// SIGKILL, and starts it again until all have ended: each is whole or nothing, and
// no step was carried out twice.
func TestEveryTripIsBookedAsAWhole(t *testing.T) {
	t.Parallel()
	program := built(t)
	t.Run("local", func(t *testing.T) {
		t.Parallel()
		killed(t, program, 0, []int{10, 3, 2})
	})
	t.Run("kafka", func(t *testing.T) {
		t.Parallel()
		killed(t, program, 1, []int{3}, "-kafka", strings.Join(testserver.Kafka(t), ","), "-topic-prefix", "booking"+strings.ToLower(rand.Text()[:8])+".")
	})
}

func built(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "booking")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	return program
}

// killed is the test with those arguments: the program is killed when such shares of
// the trips are booked. In the end there are so many contracts.
func killed(t *testing.T, program string, contracts int, shares []int, more ...string) {
	t.Helper()
	url, n := testserver.Postgres(t), trips(t)
	args := append([]string{"-database", url, "-trips", strconv.Itoa(n)}, more...)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	for _, share := range shares {
		cmd := exec.CommandContext(ctx, program, args...)
		pipe, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		require.True(t, bufio.NewScanner(pipe).Scan(), "it serves")
		require.Eventually(t, func() bool {
			var booked int
			return conn.QueryRow(ctx, whole).Scan(&booked) == nil && booked >= n/share/2
		}, 3*time.Minute, 20*time.Millisecond)
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
	}
	last := exec.CommandContext(ctx, program, args...)
	var log bytes.Buffer
	last.Stderr = &log
	said, err := last.Output()
	require.NoError(t, err, log.String())
	want := 0
	for i := range n {
		if i%7 != 0 && i%11 != 0 {
			want++
		}
	}
	require.Contains(t, string(said), strconv.Itoa(want)+" booked, 0 broken\n")
	require.NotContains(t, strings.ToLower(log.String()), "attention")
	replayed, err := exec.CommandContext(ctx, program, "replay", "-database", url, "-since", "1h").CombinedOutput()
	require.NoError(t, err, string(replayed))
	require.Contains(t, string(replayed), strconv.Itoa(n)+" sagas (")
	var unended int
	require.NoError(t, conn.QueryRow(ctx, `SELECT count(*) FROM unwind.sagas WHERE status < 3 OR attention <> '{}'`).Scan(&unended))
	require.Zero(t, unended)
	var started int
	require.NoError(t, conn.QueryRow(ctx, `SELECT count(*) FROM unwind.sagas`).Scan(&started))
	require.Equal(t, n, started)
	require.NoError(t, conn.QueryRow(ctx, `SELECT count(*) FROM unwind.contracts`).Scan(&started))
	require.Equal(t, contracts, started)
}
