// Command seeds runs the simulator over many seeds, in parts that are appended to a
// result file: a run that was broken off goes on where it was. A part with a seed that
// breaks something has no line; the run goes on with the next one.
//
//	go run ./internal/cmd/seeds -seeds 20000 -file sagatest/proof.txt
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/sagatest"
)

func main() {
	seeds := flag.Uint64("seeds", 20_000, "how many seeds, from 1 on")
	part := flag.Uint64("part", 1000, "how many seeds make a line of the result file")
	file := flag.String("file", "sagatest/proof.txt", "the result file")
	limit := flag.Duration("for", 9*time.Minute, "begin no further part after this time")
	flag.Parse()
	if err := prove(*file, *seeds, *part, time.Now().Add(*limit)); err != nil {
		fmt.Fprintln(os.Stderr, "seeds:", err)
		os.Exit(1)
	}
}

// prove runs the parts that the file has not for this commit.
func prove(path string, seeds, part uint64, end time.Time) error {
	commit, err := commit()
	if err != nil {
		return err
	}
	done, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var broken error
	for from := uint64(1); from <= seeds; from += part {
		to := min(from+part-1, seeds)
		name := fmt.Sprintf("%s seeds %d to %d:", commit, from, to)
		if strings.Contains(string(done), name) {
			continue
		}
		if time.Now().After(end) {
			fmt.Println("not all is done: run it again to go on")
			return broken
		}
		line, err := run(from, to)
		if err != nil {
			fmt.Println(err)
			broken = errors.Join(broken, fmt.Errorf("seeds %d to %d broke something", from, to))
			continue
		}
		if err := add(path, name+" "+line); err != nil {
			return err
		}
	}
	return broken
}

// commit names the code that is run. Changes that are not committed show.
func commit() (string, error) {
	head, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "", fmt.Errorf("which commit is this: %w", err)
	}
	changes, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no", "--", "*.go").Output()
	if err != nil {
		return "", fmt.Errorf("what has changed: %w", err)
	}
	name := strings.TrimSpace(string(head))
	if len(changes) > 0 {
		name += "+changes"
	}
	return name, nil
}

// run simulates a part on all cores and says what it was, or each seed that broke something.
func run(from, to uint64) (string, error) {
	var all errgroup.Group
	all.SetLimit(runtime.GOMAXPROCS(0))
	var mu sync.Mutex
	var broken error
	sagas, transitions, faults, began := 0, 0, 0, time.Now()
	for seed := from; seed <= to; seed++ {
		all.Go(func() error {
			report := sagatest.Simulate(seed, sagatest.Options{})
			mu.Lock()
			defer mu.Unlock()
			if report.Failed() {
				broken = errors.Join(broken, errors.New(report.String()))
			}
			sagas, transitions, faults = sagas+report.Sagas, transitions+report.Transitions, faults+len(report.Faults)
			return nil
		})
	}
	err := errors.Join(all.Wait(), broken)
	return fmt.Sprintf("%d sagas, %d transitions, %d kinds of faults armed, nothing broken (%s)",
		sagas, transitions, faults, time.Since(began).Round(time.Second)), err
}

func add(path, line string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	fmt.Println(line)
	_, err = fmt.Fprintln(f, line)
	return errors.Join(err, f.Close())
}
