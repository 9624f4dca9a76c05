package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/unwindhq/unwind/internal/failpoint"
)

const (
	// patience bounds each wait for something that must come.
	patience = time.Minute
	// often is the pause between two looks.
	often = 50 * time.Millisecond
	// crowd is how many sagas are in flight at least when something is killed.
	crowd = 50
)

// run is the whole of a run, between the first start and the last look.
func (w *world) run(ctx context.Context) error {
	faults := schedule(w.config.seed, w.config.kills)
	fmt.Printf("seed %d: %d sagas at least, %d kills, %.0f sagas started each second\n", w.config.seed, w.config.sagas, w.config.kills, w.config.rate)
	l, err := newLoad(w)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, err := newGuests(w)
	if err != nil {
		return err
	}
	loading, coming := make(chan error, 1), make(chan error, 1)
	go func() { loading <- l.run(ctx) }()
	go func() { coming <- g.run(ctx, l.stop, l.sent.Load) }()
	err = w.torment(ctx, faults, l)
	took := time.Since(l.began)
	close(l.stop)
	if err != nil {
		cancel()
		return errors.Join(err, <-loading, <-coming)
	}
	if err := errors.Join(<-loading, <-coming); err != nil {
		return err
	}
	rate := float64(l.sent.Load()) / took.Seconds()
	fmt.Printf("load: %d sagas acknowledged in %.0f s, %.1f started each second, %d requests repeated, %d sagas started by events\n",
		l.count(), took.Seconds(), rate, l.retried.Load(), g.arrived)
	found, err := w.look(ctx, l)
	if err != nil {
		return err
	}
	if rate < minRate {
		found = append(found, fmt.Sprintf("only %.1f sagas were started each second, want %d", rate, minRate))
	}
	return w.report(l, rate, found)
}

// torment does all faults, then restarts everybody, and returns when enough sagas
// are acknowledged.
func (w *world) torment(ctx context.Context, faults []fault, l *load) error {
	for _, f := range faults {
		if err := w.suffer(ctx, f); err != nil {
			return err
		}
	}
	for _, v := range w.victims {
		if err := w.restart(ctx, v); err != nil {
			return err
		}
	}
	limit := patience + time.Duration(float64(w.config.sagas)/w.config.rate)*time.Second
	return until(ctx, limit, "enough sagas are acknowledged", func() bool { return l.count() >= w.config.sagas })
}

// suffer does one fault. It waits until its victim works and enough is in flight.
func (w *world) suffer(ctx context.Context, f fault) error {
	v := w.victims[f.role]
	if err := sleep(ctx, f.after); err != nil {
		return err
	}
	if err := w.meet(ctx, v, f.kind); err != nil {
		return err
	}
	if f.kind == faultPause {
		return w.stop(ctx, v, f.down)
	}
	v.kill()
	for _, arm := range f.arms {
		if err := w.trip(ctx, v, arm, f.down); err != nil {
			return err
		}
	}
	if err := sleep(ctx, f.down); err != nil {
		return err
	}
	return v.launch(f.lose)
}

// meet waits until the victim works and enough sagas are in flight, and writes
// the fault down.
func (w *world) meet(ctx context.Context, v *victim, what string) error {
	if err := until(ctx, patience, v.role+" works", v.works); err != nil {
		return err
	}
	n := 0
	err := until(ctx, patience, fmt.Sprintf("%d sagas are in flight", crowd), func() bool {
		n = w.inFlight(ctx)
		return n >= crowd
	})
	if err == nil {
		w.note(what, v, n)
	}
	return err
}

// note writes a fault down and counts it.
func (w *world) note(what string, v *victim, inFlight int) {
	w.counts.add(what, v.role)
	fmt.Printf("%s  %-14s %-14s pid %-7d in flight %d\n", time.Now().UTC().Format("15:04:05.000"), what, v.role, v.cmd.Process.Pid, inFlight)
}

// trip starts a victim with an armed failpoint and waits until it ends there.
func (w *world) trip(ctx context.Context, v *victim, arm string, down time.Duration) error {
	if err := sleep(ctx, down); err != nil {
		return err
	}
	if err := v.launch(arm); err != nil {
		return err
	}
	code, err := v.end(patience)
	if err == nil && code != failpoint.ExitCode {
		err = fmt.Errorf("%s ended with %d before it came to %s", v.role, code, arm)
	}
	if err != nil {
		return err
	}
	w.note(placeOf(arm), v, w.inFlight(ctx))
	return nil
}

// stop stops a coordinator for longer than its lease and lets it go on. The fault
// counts only if somebody took its buckets meanwhile.
func (w *world) stop(ctx context.Context, v *victim, down time.Duration) error {
	before := w.number(ctx, sumEpochs)
	if err := pause(v.cmd); err != nil {
		return fmt.Errorf("stop %s: %w", v.role, err)
	}
	waited := sleep(ctx, down)
	if after := w.number(ctx, sumEpochs); after > before {
		w.counts.add("taken-over", v.role)
	}
	if err := resume(v.cmd); err != nil {
		return fmt.Errorf("let %s go on: %w", v.role, err)
	}
	return waited
}

// restart ends a victim in good order, under load, and starts it again.
func (w *world) restart(ctx context.Context, v *victim) error {
	if err := w.meet(ctx, v, faultRestart); err != nil {
		return err
	}
	if err := terminate(v.cmd); err != nil {
		return fmt.Errorf("terminate %s: %w", v.role, err)
	}
	code, err := v.end(patience)
	if err == nil && code != 0 {
		err = fmt.Errorf("%s ended with %d when it was asked to end", v.role, code)
	}
	if err != nil {
		return err
	}
	if err := v.launch(""); err != nil {
		return err
	}
	return until(ctx, patience, v.role+" works", v.works)
}

// inFlight is how many sagas have not ended; 0 if that cannot be known now.
func (w *world) inFlight(ctx context.Context) int { return w.number(ctx, countInFlight) }

// number reads one number; -1 if it cannot be read.
func (w *world) number(ctx context.Context, query string) int {
	n := -1
	_ = w.pool.QueryRow(ctx, query).Scan(&n) // asked again by those who wait
	return n
}

// ready asks a coordinator whether it is.
func (w *world) ready(i int) bool {
	quick := http.Client{Timeout: time.Second}
	res, err := quick.Get(w.urls[i] + "/readyz")
	if err != nil {
		return false
	}
	_ = res.Body.Close() // nothing of it is read
	return res.StatusCode == http.StatusOK
}

// until waits until something holds.
func until(ctx context.Context, limit time.Duration, what string, holds func() bool) error {
	for end := time.Now().Add(limit); !holds(); {
		if time.Now().After(end) {
			return fmt.Errorf("%w: waited %v until %s", errFound, limit, what)
		}
		if err := sleep(ctx, often); err != nil {
			return err
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
