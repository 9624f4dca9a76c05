// Command mutants proves that the tests can fail: it breaks the engine on
// purpose, one fault at a time, and expects the test that is named for it to
// notice. The checkout is never touched: go test reads the broken file through
// an overlay.
//
//	go run ./internal/cmd/withservers -- go run ./internal/cmd/mutants [NAME…]
//
// Run it in the root of the module. It exits with 0 if every mutant was caught,
// with 1 if one survived, with 2 if it could not look: an old text that is not
// there exactly once, a mutant that does not compile, a test that fails without
// any mutant.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// Exit codes.
const (
	exitSurvived = 1
	exitTrouble  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run tries the mutants of these names, or all, prints a line for each and
// returns the exit code.
func run(ctx context.Context, names []string) int {
	chosen, err := choose(names)
	if err == nil {
		err = check(".", chosen)
	}
	if err == nil {
		err = sound(ctx, chosen)
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "mutants:", err)
		return exitTrouble
	}
	return report(ctx, chosen)
}

// choose returns the mutants of these names, or all if there are none.
func choose(names []string) ([]mutant, error) {
	if len(names) == 0 {
		return mutants, nil
	}
	var chosen []mutant
	for _, name := range names {
		i := slices.IndexFunc(mutants, func(m mutant) bool { return m.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no mutant %q; they are in internal/cmd/mutants/table.go", name)
		}
		chosen = append(chosen, mutants[i])
	}
	return chosen, nil
}

// pair is how many mutants are tried at a time: most of their time is waiting.
const pair = 2

// report tries every mutant and prints how each fared, in the table's order.
func report(ctx context.Context, chosen []mutant) int {
	results := make([]chan result, len(chosen))
	for i := range results {
		results[i] = make(chan result, 1)
	}
	var group errgroup.Group
	group.SetLimit(pair)
	go func() {
		for i, m := range chosen {
			group.Go(func() error {
				began := time.Now()
				err := try(ctx, m)
				results[i] <- result{err, time.Since(began)}
				return nil
			})
		}
	}()
	code, caught := 0, 0
	for i, m := range chosen {
		r := <-results[i]
		m.print(r)
		if r.err == nil {
			caught++
		}
		code = max(code, r.code())
	}
	fmt.Printf("%d of %d mutants caught\n", caught, len(chosen))
	return code
}

// result is how a mutant fared: no error if it was caught.
type result struct {
	err  error
	took time.Duration
}

func (r result) code() int {
	switch {
	case r.err == nil:
		return 0
	case errors.Is(r.err, errSurvived):
		return exitSurvived
	}
	return exitTrouble
}

func (m mutant) print(r result) {
	word := "caught"
	if r.err != nil {
		word = "NOT CAUGHT"
	}
	fmt.Printf("%-4s %-24s %-10s %5.1fs  %s %s\n", m.invariant, m.name, word, r.took.Seconds(), m.pkg, m.test)
	if r.err != nil {
		fmt.Printf("     %v\n", r.err)
	}
}
