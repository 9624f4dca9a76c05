package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/examples/travel"
)

// config says what to start, and where.
type config struct {
	urls     string        // urls are the coordinators', separated by commas; they are used in turn.
	key      string        // key is the API key; empty shows none.
	rate     float64       // rate is how many sagas are started a second.
	inFlight int           // inFlight is how many may be under way; above it, starts wait.
	failing  float64       // failing is the share of trips that cannot be booked.
	every    time.Duration // every is how often a line is printed.
	count    int64         // count ends the program after so many sagas; 0 never.
}

func (c *config) flags(flags *flag.FlagSet) {
	flags.StringVar(&c.urls, "url", "http://127.0.0.1:8080", "the coordinators, separated by commas")
	flags.Float64Var(&c.rate, "rate", 5, "sagas to start a second, 0.1 to 1000")
	flags.IntVar(&c.inFlight, "in-flight", 200, "sagas that may be under way, 1 to 10000; above it, starts wait")
	flags.Float64Var(&c.failing, "failing", 0.2, "the share of trips that cannot be booked, 0 to 1")
	flags.DurationVar(&c.every, "every", 5*time.Second, "how often to say how it goes")
	flags.Int64Var(&c.count, "count", 0, "end after so many sagas; 0 never ends")
}

// Validate reports every fault of c at once.
func (c *config) Validate() error {
	var faults []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	need(c.rate >= 0.1 && c.rate <= 1000, "rate is %v, must be 0.1 to 1000", c.rate)
	need(c.inFlight >= 1 && c.inFlight <= 10_000, "in-flight is %d, must be 1 to 10000", c.inFlight)
	need(c.failing >= 0 && c.failing <= 1, "failing is %v, must be 0 to 1", c.failing)
	need(c.every > 0, "every is %v, must be above zero", c.every)
	need(c.count >= 0, "count is %d, must not be negative", c.count)
	_, err := c.clients()
	need(err == nil, "url: %w", err)
	return errors.Join(faults...)
}

func (c *config) clients() ([]*client.Client, error) {
	var clients []*client.Client
	for url := range strings.SplitSeq(c.urls, ",") {
		one, err := client.New(client.Config{URL: strings.TrimSpace(url), APIKey: c.key})
		if err != nil {
			return nil, err
		}
		clients = append(clients, one)
	}
	return clients, nil
}

// load is what runs.
type load struct {
	config
	clients []*client.Client
	run     string // begins the keys of this run's sagas

	started, completed, compensated, troubles atomic.Int64
	trouble                                   atomic.Pointer[string] // the latest
}

// run starts sagas until ctx ends or config.count have ended. Sagas under way are
// then left to the coordinators.
func run(ctx context.Context, cfg config, out io.Writer) error {
	clients, err := cfg.clients()
	if err != nil {
		return err
	}
	l := &load{config: cfg, clients: clients, run: fmt.Sprintf("load %d ", time.Now().UnixNano())}
	begun, ended := time.Now(), make(chan struct{})
	go func() {
		defer close(ended)
		l.all(ctx)
	}()
	tick := time.NewTicker(cfg.every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.say(out, time.Since(begun))
		case <-ended:
			l.say(out, time.Since(begun))
			return nil
		}
	}
}

// all starts the sagas, each when it is due, and waits for them.
func (l *load) all(ctx context.Context) {
	tick := time.NewTicker(time.Duration(float64(time.Second) / l.rate))
	defer tick.Stop()
	slots := make(chan struct{}, l.inFlight)
	var running sync.WaitGroup
	defer running.Wait()
	for n := int64(0); l.count == 0 || n < l.count; n++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		running.Go(func() {
			defer func() { <-slots }()
			l.one(ctx, n)
		})
	}
}

// one starts the n-th saga and waits for its end. What fails is tried again, on
// the next coordinator, with the same key: it stays one saga.
func (l *load) one(ctx context.Context, n int64) {
	start := client.Start{Definition: "travel", Key: fmt.Sprint(l.run, n), Input: trip(n, l.failing)}
	counted := false
	for attempt := 0; ctx.Err() == nil; attempt++ {
		c := l.clients[(int(n)+attempt)%len(l.clients)]
		s, _, err := c.Start(ctx, start)
		if err == nil && !counted {
			counted = true
			l.started.Add(1)
		}
		if err == nil {
			s, err = c.Wait(ctx, s.ID, client.End)
		}
		if err == nil {
			l.end(s.Status)
			return
		}
		l.failed(ctx, err)
		pause(ctx, time.Second)
	}
}

func (l *load) end(status string) {
	if status == "completed" {
		l.completed.Add(1)
		return
	}
	l.compensated.Add(1)
}

func (l *load) failed(ctx context.Context, err error) {
	if ctx.Err() == nil {
		text := err.Error()
		l.trouble.Store(&text)
		l.troubles.Add(1)
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// say prints how it goes.
func (l *load) say(out io.Writer, since time.Duration) {
	completed, compensated := l.completed.Load(), l.compensated.Load()
	started := l.started.Load()
	line := fmt.Sprintf("%v: %d started, %d completed, %d compensated, %d under way, %d errors",
		since.Round(time.Second), started, completed, compensated, started-completed-compensated, l.troubles.Load())
	if text := l.trouble.Swap(nil); text != nil {
		line += "; the last: " + *text
	}
	_, _ = fmt.Fprintln(out, line) // a reader that has gone hears nothing
}

// trip is the n-th trip. Those that fail do so in turn for want of a seat, a room
// and money, so that every undo is seen.
func trip(n int64, failing float64) travel.Input {
	in := travel.Input{
		Traveller: fmt.Sprintf("traveller %d", n), Nights: int(1 + n%5), Card: "gold", Cents: int(20_000 + n%100*100),
		Flight: []string{"LH100", "BA200", "AF300"}[n%3], Hotel: []string{"Astoria", "Bristol", "Carlton"}[n/3%3],
	}
	fails := int64(float64(n+1)*failing) - int64(float64(n)*failing) // spread evenly
	if fails == 0 {
		return in
	}
	switch int64(float64(n)*failing) % 3 {
	case 0:
		in.Card = "empty"
	case 1:
		in.Hotel = "Full"
	default:
		in.Flight = "FULL1"
	}
	return in
}
