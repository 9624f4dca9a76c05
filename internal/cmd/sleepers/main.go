// Command sleepers measures what sagas cost that only wait: it starts many that
// sleep and as many that await a signal on one coordinator, kills it with SIGKILL,
// starts another and looks how late they wake. Figures are printed as one line of
// JSON.
//
//	go run ./internal/cmd/withservers -- go run ./internal/cmd/sleepers -n 100000
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	n := flag.Int("n", 100_000, "how many sagas sleep, and how many await")
	nap := flag.Duration("sleep", 5*time.Minute, "how long they sleep; longer than starting them takes")
	flag.Parse()
	if err := run(ctx, *n, *nap); err != nil {
		fmt.Fprintln(os.Stderr, "sleepers:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

// figures are what was measured.
type figures struct {
	Sleeping        int     `json:"sleeping"`
	Awaiting        int     `json:"awaiting"`
	StartsPerSecond float64 `json:"starts_per_s"`
	ResidentMB      int     `json:"resident_mb"`         // the most that the coordinator has had, with all of them waiting
	AgainMB         int     `json:"resident_mb_again"`   // the most that its successor has had, with the first half woken
	AgainSeconds    float64 `json:"ready_after_kill_s"`  // from its start until it was ready
	OwnedSeconds    float64 `json:"signal_after_kill_s"` // from its start until a signal had been taken
	LateP50         float64 `json:"late_p50_ms"`
	LateP99         float64 `json:"late_p99_ms"`
	LateMax         float64 `json:"late_max_ms"`
}

func run(ctx context.Context, n int, nap time.Duration) error {
	dir, err := os.MkdirTemp("", "sleepers")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	w, err := newWorld(ctx, filepath.Join(dir, "unwind"))
	if err != nil {
		return err
	}
	defer w.close(context.WithoutCancel(ctx))
	var f figures
	if err := w.measure(ctx, n, nap, &f); err != nil {
		return err
	}
	line, err := json.Marshal(f)
	fmt.Println(string(line))
	return err
}

// measure fills in the figures.
func (w *world) measure(ctx context.Context, n int, nap time.Duration, f *figures) error {
	if err := w.apply(ctx, nap); err != nil {
		return err
	}
	if _, err := w.serve(ctx); err != nil {
		return err
	}
	began := time.Now()
	if err := w.start(ctx, "nap", n); err != nil {
		return err
	}
	if err := w.start(ctx, "wait", n); err != nil {
		return err
	}
	took := time.Since(began)
	f.Sleeping, f.Awaiting, f.StartsPerSecond = n, n, float64(2*n)/took.Seconds()
	if took > nap {
		return fmt.Errorf("the first have woken before the last were started (%s): sleep longer", took.Round(time.Second))
	}
	f.ResidentMB = w.resident()
	w.kill()
	ready, err := w.serve(ctx)
	if err != nil {
		return err
	}
	f.AgainSeconds = ready.Seconds()
	taken, err := w.signal(ctx)
	if err != nil {
		return err
	}
	f.OwnedSeconds = taken.Seconds()
	err = w.lateness(ctx, n, nap, f)
	f.AgainMB = w.resident()
	return err
}
