// Command benchpair measures whether a change has made sagas slower: it builds
// the unwind of another commit and of this tree, and lets their `unwind bench`
// take turns on the same servers, because on a shared machine only what was
// measured in turn can be compared.
//
//	make bench-pair BASE=HEAD~1 PAIRS=5 BENCH='--in-flight 64 --duration 10s'
//
// The servers are those of UNWIND_TEST_DATABASE_URL and UNWIND_TEST_KAFKA_BROKERS.
// A first pair warms up and does not count; the order changes from pair to pair.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	base := flag.String("base", "", "the commit to compare with")
	pairs := flag.Int("pairs", 3, "how many pairs count")
	format := flag.String("o", "table", "table or json")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *base, *pairs, *format, flag.Args())
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "benchpair:", err)
		os.Exit(1)
	}
}

// run builds both, measures and prints. Nothing is left behind, also after ctx
// has ended.
func run(ctx context.Context, base string, pairs int, format string, args []string) (err error) {
	if base == "" || pairs < 1 || format != "table" && format != "json" {
		return errors.New("want -base COMMIT, -pairs of at least 1 and -o table or json: make bench-pair BASE=HEAD~1")
	}
	dir, err := os.MkdirTemp("", "benchpair")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	old, err := buildBase(ctx, dir, base)
	if err != nil {
		return err
	}
	head := filepath.Join(dir, "head")
	if err := command(ctx, "go", "build", "-o", head, "./cmd/unwind"); err != nil {
		return err
	}
	var all []pair
	for i := range pairs + 1 {
		p, err := measure(ctx, old, head, i%2 == 1, args)
		if err != nil {
			return err
		}
		if i > 0 {
			all = append(all, p)
		}
	}
	return report(os.Stdout, format, all)
}

// buildBase builds the commit in a work tree of its own and removes that.
func buildBase(ctx context.Context, dir, commit string) (program string, err error) {
	tree := filepath.Join(dir, "tree")
	if err := command(ctx, "git", "worktree", "add", "--quiet", "--detach", tree, commit); err != nil {
		return "", err
	}
	defer func() {
		err = errors.Join(err, command(context.WithoutCancel(ctx), "git", "worktree", "remove", "--force", tree))
	}()
	program = filepath.Join(dir, "base")
	return program, command(ctx, "go", "build", "-C", tree, "-o", program, "./cmd/unwind")
}

// measure runs both, base first unless swapped.
func measure(ctx context.Context, base, head string, swapped bool, args []string) (p pair, err error) {
	order := []side{{base, &p.Base}, {head, &p.Head}}
	if swapped {
		order[0], order[1] = order[1], order[0]
	}
	for _, s := range order {
		if *s.result, err = bench(ctx, s.program, args); err != nil {
			return pair{}, err
		}
	}
	return p, nil
}

type side struct {
	program string
	result  *figures
}

// bench runs one `unwind bench` to its end. It is asked to stop before it is
// killed, so that it cleans up.
func bench(ctx context.Context, program string, args []string) (figures, error) {
	all := append([]string{"bench", "-o", "json", "--limit-duration", "-1s"}, args...)
	if url := os.Getenv("UNWIND_TEST_DATABASE_URL"); url != "" {
		all = append(all, "--database-url", url)
	}
	if brokers := os.Getenv("UNWIND_TEST_KAFKA_BROKERS"); brokers != "" {
		all = append(all, "--kafka-brokers", brokers)
	}
	cmd := exec.CommandContext(ctx, program, all...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var words strings.Builder
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		return figures{}, fmt.Errorf("%s: %w\n%s", program, err, words.String())
	}
	return parse(out)
}

func command(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}
