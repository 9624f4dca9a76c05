// Command checker looks at what a run of sagas has left behind, once it has come to
// rest, and says which invariants do not hold: package rules has the list. It
// reads Postgres, the topics from offset 0 and the participants' ledgers, and knows
// nothing of the engine's code.
//
//	checker --database-url URL --schema unwind --kafka-brokers A --topic-prefix P \
//	  --effects flights=URL --effects hotels=URL --started FILE --wait 1m -o table
//
// A participant's ledger is the table effects (saga, step, direction, at) that its
// URL's search_path finds. FILE has a line {"key":"…","id":"…"} for each start that
// was acknowledged. It ends with 0 when it found nothing, 1 when it found something,
// 2 when it could not look.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/unwindhq/unwind/e2e/checker/rules"
)

// The codes that the program ends with.
const (
	clean = iota
	broken
	blind
)

// options are the flags.
type options struct {
	database, schema, brokers, prefix, started, output string
	ledgers                                            map[string]string
	noDeadLetters                                      bool
	wait                                               time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run looks and tells, and returns the code to end with.
func run(ctx context.Context, args []string, out, trouble io.Writer) int {
	o, err := parse(args, trouble)
	if errors.Is(err, flag.ErrHelp) {
		return clean
	}
	var seen rules.Run
	if err == nil {
		seen, err = look(ctx, o)
	}
	if err == nil {
		var found int
		if found, err = tell(out, o.output, seen); err == nil && found > 0 {
			return broken
		}
	}
	if err != nil {
		_, _ = fmt.Fprintln(trouble, "checker:", err)
		return blind
	}
	return clean
}

// parse reads the flags.
func parse(args []string, trouble io.Writer) (options, error) {
	o := options{ledgers: map[string]string{}}
	f := flag.NewFlagSet("checker", flag.ContinueOnError)
	f.SetOutput(trouble)
	f.StringVar(&o.database, "database-url", "", "the coordinators' database; required")
	f.StringVar(&o.schema, "schema", "unwind", "its schema")
	f.StringVar(&o.brokers, "kafka-brokers", "", "brokers, separated by commas; empty: the topics are not looked at")
	f.StringVar(&o.prefix, "topic-prefix", "unwind.", "what the names of the topics begin with")
	f.StringVar(&o.started, "started", "", "a file with the acknowledged starts, a JSON object on each line")
	f.StringVar(&o.output, "o", "table", "table or json")
	f.BoolVar(&o.noDeadLetters, "no-dead-letters", false, "a dead letter is a fault (I10)")
	f.DurationVar(&o.wait, "wait", 0, "how long to wait for the sagas to end and the outboxes to be empty")
	f.Func("effects", "participant=URL of a ledger; may be repeated", func(text string) error {
		name, url, ok := strings.Cut(text, "=")
		if !ok || name == "" || url == "" {
			return errors.New("write it like flights=postgres://…")
		}
		o.ledgers[name] = url
		return nil
	})
	if err := f.Parse(args); err != nil {
		return o, err
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("%q is no flag", f.Arg(0))
	case o.database == "":
		return o, errors.New("--database-url is missing")
	case o.output != "table" && o.output != "json":
		return o, fmt.Errorf("-o %s: write table or json", o.output)
	}
	return o, nil
}

// look reads everything: the databases first, because a record that is written later
// is then at worst one that no row knows yet.
func look(ctx context.Context, o options) (rules.Run, error) {
	seen := rules.Run{NoDeadLetters: o.noDeadLetters, Ledgers: map[string]bool{}}
	if err := settle(ctx, o); err != nil {
		return seen, err
	}
	if err := readCoordinators(ctx, o, &seen); err != nil {
		return seen, fmt.Errorf("look into the coordinators' database: %w", err)
	}
	for name, url := range o.ledgers {
		if err := readLedger(ctx, name, url, &seen); err != nil {
			return seen, fmt.Errorf("look into the ledger of %s: %w", name, err)
		}
	}
	if o.started != "" {
		if err := readStarts(o.started, &seen); err != nil {
			return seen, fmt.Errorf("read the acknowledged starts: %w", err)
		}
	}
	if o.brokers == "" {
		return seen, nil
	}
	if err := readTopics(ctx, o, &seen); err != nil {
		return seen, fmt.Errorf("look into the topics: %w", err)
	}
	return seen, nil
}

// readStarts reads the acknowledged starts. A last line that was cut off by a kill is
// none.
func readStarts(path string, seen *rules.Run) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var start rules.Start
		if err := json.Unmarshal(line, &start); err != nil {
			return fmt.Errorf("line %d: %w", len(seen.Starts)+1, err)
		}
		seen.Starts = append(seen.Starts, start)
	}
}
