// Package allows has what a saga function may do: nothing is said of it.
package allows

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand"
	randv2 "math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/saga/sagapg"
)

var (
	prices = map[string]int{"x": 1}
	mu     sync.Mutex
	served int
)

// outside is no saga function: all of this is its own affair.
func outside(in int) time.Time {
	mu.Lock()
	served++
	done := make(chan int)
	go func() { done <- rand.Int() }()
	<-done
	_, _ = os.ReadFile("x")
	return time.Now()
}

func trip(c *code.Context, in map[string]int) (int, error) {
	day := time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC).Add(time.Hour)
	if c.Now().After(day) || c.Now().Sub(day) > 0 {
		c.Sleep(time.Hour)
	}
	dice := randv2.New(c)
	_ = dice.IntN(6)
	_ = rand.New(rand.NewSource(1)).Int()
	_ = uuid.MustParse("x")
	_ = net.ParseIP("::1").String() + net.JoinHostPort("x", "1")
	_, _ = url.Parse("x")
	_ = (&net.TCPAddr{Port: 1}).String()
	_ = (&os.SyscallError{}).Error()
	_ = (&os.SyscallError{}).Unwrap()
	_ = http.StatusText(http.StatusOK)
	_, err := code.Do[int](c, "x", in)
	var failed *os.PathError
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, pgx.ErrNoRows) || errors.As(err, &failed) {
		return 0, fmt.Errorf("at %v: %w", c.ID(), failed)
	}
	total := 0
	for name, n := range in {
		total += n * prices[name]
		in[name] = c.Now().Day() + len(c.ID())
	}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		_, _ = code.Do[int](c, name, 1)
	}
	branch := code.Go(c, func(c *code.Context) (int, error) {
		total++
		return total, nil
	})
	_ = code.First(c, branch, c.Timer(time.Hour))
	served := 0
	served++
	code.Query(c, "served", func() string { return fmt.Sprint(served, c.ID(), c.Now(), c.HistoryLength()) })
	code.Update(c, "serve", func(n int) error {
		rest := n - served
		rest++
		if rest < 0 {
			return errors.New("too few")
		}
		return nil
	}, func(n int) (string, error) { served += n; return c.NewID(), nil })
	code.Update(c, "stop", nil, func(n int) (int, error) { served = 0; return n, nil })
	c.Until(func() bool { return served > 3 && c.Now().After(day) })
	return branch.Get(c)
}

// contexts hands its Context on as one of the standard library.
func contexts(c *code.Context, in map[string]int) (int, error) {
	ctx, cancel := context.WithCancel(context.WithValue(c, "tenant", "x"))
	defer cancel()
	for name := range in {
		look(c, name)
	}
	select {
	case <-c.Done():
		return 0, c.Err()
	default:
	}
	select {
	default:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	at, _ := c.Deadline()
	code.Query(c, "late", func() bool { return look(c, "x") || c.Now().After(at) || c.Value("x") != nil })
	return code.SideEffect(c, "rate", func() int {
		ctx, cancel := context.WithTimeout(c, time.Second)
		defer cancel()
		_, _ = http.NewRequestWithContext(ctx, "GET", "x", nil)
		<-c.Done()
		return len(c.ID())
	}), nil
}

func look(ctx context.Context, name string) bool { return ctx.Err() != nil }

func effects(c *code.Context, in int) (int, error) {
	_ = code.SideEffect(c, "now", time.Now)
	_ = code.SideEffect[int64](c, "host", func() int64 {
		mu.Lock()
		defer mu.Unlock()
		served++
		_ = os.Getpid()
		return time.Now().Unix()
	})
	_ = sagapg.Local("charge", func(ctx context.Context, in int) (int, error) {
		_, _ = os.ReadFile("x")
		return rand.Int(), nil
	})
	return in, nil
}

func says(c *code.Context, in int) (int, error) {
	text := fmt.Sprintf("booking %d", in)
	if !c.Replaying() {
		fmt.Println(text)
		slog.Info(text, "saga", c.ID(), "at", c.Now())
	}
	first := code.Go(c, func(own *code.Context) (int, error) {
		if !own.Replaying() {
			println(c.ID())
		}
		return code.Do[int](own, "hotel", in)
	})
	return first.Get(c)
}
