package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
)

// TestMain is also the program that Run starts again.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && (os.Args[1] == RoleCoordinator || os.Args[1] == RoleParticipants) {
		log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
		if err := Serve(context.Background(), os.Args[1], os.Stdin, os.Stdout, log); err != nil {
			log.Error("served", "role", os.Args[1], "error", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(testserver.Main(m))
}

func TestRun(t *testing.T) {
	t.Parallel()
	for _, via := range []string{ViaDirect, ViaREST} {
		t.Run(via, func(t *testing.T) {
			t.Parallel()
			c := Config{
				Program: []string{os.Args[0]}, DatabaseURL: testserver.Postgres(t), Brokers: testserver.Kafka(t),
				InFlight: 4, Warmup: 100 * time.Millisecond, Duration: 2 * time.Second, LimitTime: 100 * time.Millisecond,
				RejectPercent: 50, Guard: via == ViaREST, Via: via, CPUProfile: filepath.Join(t.TempDir(), "cpu"),
			}
			got, err := Run(t.Context(), c)
			require.NoError(t, err)
			require.Equal(t, via, got.Via)
			require.Positive(t, got.Sagas)
			require.Equal(t, c.Guard, got.Guard)
			require.Positive(t, got.SagasPerS)
			require.Positive(t, got.WAL)
			require.Positive(t, got.LimitPostgres)
			require.GreaterOrEqual(t, got.P99, got.P50)
			require.LessOrEqual(t, got.Compensated, got.Sagas)
			profile, err := os.ReadFile(c.CPUProfile)
			require.NoError(t, err)
			require.NotEmpty(t, profile)
			requireClean(t, c)
		})
	}
}

// Local needs no Kafka: the broker's address is nobody's.
func TestLocalAndCode(t *testing.T) {
	t.Parallel()
	for _, guard := range []bool{false, true} {
		c := Config{
			Program: []string{os.Args[0]}, DatabaseURL: testserver.Postgres(t), Brokers: []string{"127.0.0.1:1"}, Local: true, Code: true, Guard: guard,
			InFlight: 1, Warmup: 100 * time.Millisecond, Duration: 2 * time.Second, LimitTime: 100 * time.Millisecond, RejectPercent: 50,
		}
		got, err := Run(t.Context(), c)
		require.NoError(t, err)
		require.True(t, got.Local)
		require.Positive(t, got.Sagas)
		require.Positive(t, got.LatencyRatio)
		require.NotNil(t, got.Code)
		require.Positive(t, got.Code.Sagas)
		require.InDelta(t, got.Code.SagasPerS/got.SagasPerS, got.CodeRatio, 1e-9)
		require.NotContains(t, got.CPU, RoleParticipants)
		requireClean(t, c)
	}
}

// A kind's turns count as one run of it.
func TestTurnsAreAddedUp(t *testing.T) {
	t.Parallel()
	var l load
	l.add(measured{Seconds: 1, Sagas: 100, P50: 2}, costs{cpu: map[string]time.Duration{RoleCoordinator: time.Second}, counters: counters{wal: 1000}})
	l.add(measured{Seconds: 1, Sagas: 300, P50: 4}, costs{cpu: map[string]time.Duration{RoleCoordinator: time.Second}, counters: counters{wal: 1000}})
	got := l.figures()
	require.InDelta(t, 200, got.SagasPerS, 1e-9)
	require.InDelta(t, 3, got.P50, 1e-9)
	require.InDelta(t, 5, got.WAL, 1e-9)
	require.InDelta(t, 5, got.CPU["total"], 1e-9)
}

// requireClean finds nothing of a run.
func requireClean(t *testing.T, c Config) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.DatabaseURL)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	var schemas int
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'unwind_bench_%'`).Scan(&schemas))
	require.Zero(t, schemas)
}

func TestTopicsAreDeletedAfterAFailure(t *testing.T) {
	t.Parallel()
	c := Config{Program: []string{"/nonexistent"}, DatabaseURL: testserver.Postgres(t), Brokers: testserver.Kafka(t)}.withDefaults()
	w, err := openWorld(t.Context(), c)
	require.NoError(t, err)
	admin, err := kafka.NewAdmin(kafka.Config{Brokers: c.Brokers})
	require.NoError(t, err)
	missing, err := admin.Missing(t.Context(), w.topics...)
	require.NoError(t, err)
	require.Empty(t, missing)
	require.NoError(t, w.close())
	missing, err = admin.Missing(t.Context(), w.topics...)
	require.NoError(t, err)
	require.Equal(t, w.topics, missing)

	_, err = Run(t.Context(), c)
	require.ErrorContains(t, err, "/nonexistent")
	requireClean(t, c)
}

func TestConfigFaults(t *testing.T) {
	t.Parallel()
	err := Config{InFlight: -1, Duration: time.Millisecond, RejectPercent: 101, Via: "pigeon"}.Validate()
	for _, fault := range []string{"Program", "in flight is -1", "duration is 1ms", "percent is 101", `"pigeon"`} {
		require.ErrorContains(t, err, fault)
	}
	require.NoError(t, Config{Program: []string{"unwind", "bench"}}.Validate())
}

func TestServeRefusesToBeCalledByHand(t *testing.T) {
	t.Parallel()
	err := Serve(t.Context(), RoleCoordinator, &bytes.Buffer{}, &bytes.Buffer{}, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "starts it by itself")
	err = Serve(t.Context(), "cook", bytes.NewBufferString("{}"), &bytes.Buffer{}, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "cook")
}

func TestDriverGivesUpWhenSagasFail(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	d := &driver{
		plan: plan{InFlight: 3, Duration: time.Hour}, note: func(string) {},
		one: func(context.Context) (bool, error) { return false, broken },
	}
	_, err := d.run(t.Context())
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "too many sagas failed")
}

func TestDriverCountsWhatEndsInItsWindow(t *testing.T) {
	t.Parallel()
	var events []string
	d := &driver{
		plan: plan{InFlight: 2, Warmup: time.Millisecond, Duration: 20 * time.Millisecond},
		note: func(event string) { events = append(events, event) },
		one: func(ctx context.Context) (bool, error) {
			return true, sleepError(ctx)
		},
	}
	got, err := d.run(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{noteBegin, noteEnd}, events)
	require.Positive(t, got.Sagas)
	require.Equal(t, got.Sagas, got.Compensated)
}

func sleepError(ctx context.Context) error {
	sleep(ctx, 100*time.Microsecond)
	return context.Cause(ctx)
}

func TestResult(t *testing.T) {
	t.Parallel()
	r := Result{
		Via: ViaDirect, InFlight: 64, Figures: Figures{Sagas: 10, Seconds: 2, SagasPerS: 5, P50: 1, P99: 2, CPU: map[string]float64{"total": 1.5, RoleCoordinator: 1.5}},
		Code: &Figures{Sagas: 9, Seconds: 2, SagasPerS: 4.5}, CodeRatio: 0.9,
		LimitPostgres: 10, Ratio: 0.5, LimitLatency: 2, LatencyRatio: 0.5,
	}
	var out bytes.Buffer
	require.NoError(t, r.JSON(&out))
	var back Result
	require.NoError(t, json.Unmarshal(out.Bytes(), &back))
	require.Equal(t, r, back)
	require.Equal(t, 1, bytes.Count(out.Bytes(), []byte("\n")))
	out.Reset()
	require.NoError(t, r.Table(&out))
	require.Contains(t, out.String(), "0.500 of it reached")
	require.Contains(t, out.String(), "code to declared   0.90")
}
