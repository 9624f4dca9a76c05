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
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
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

// report tries every mutant and prints how each fared.
func report(ctx context.Context, chosen []mutant) int {
	code, caught := 0, 0
	for _, m := range chosen {
		began := time.Now()
		err := try(ctx, m)
		word := "caught"
		switch {
		case err == nil:
			caught++
		case ctx.Err() != nil:
			return exitTrouble
		default:
			word, code = "NOT CAUGHT", max(code, codeOf(err))
		}
		fmt.Printf("%-4s %-24s %-10s %5.1fs  %s %s\n", m.invariant, m.name, word, time.Since(began).Seconds(), m.pkg, m.test)
		if err != nil {
			fmt.Printf("     %v\n", err)
		}
	}
	fmt.Printf("%d of %d mutants caught\n", caught, len(chosen))
	return code
}
