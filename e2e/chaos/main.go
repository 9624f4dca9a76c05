// Command chaos proves on real Kafka and Postgres that no crash loses, repeats or
// forgets a step. It runs two coordinators and three participants under an open
// load of sagas and kills them (kill -9), stops them beyond the lease, ends them
// at exact places, loses answers to what was done, and at last restarts all of
// them in turn. Then every saga has to come to its end, and the checker looks at
// all that is left.
//
//	make chaos SAGAS=2000 KILLS=50 SEED=7
//
// The seed gives the same schedule of faults; when each of them meets what, the
// machine decides. Exit code 0: nothing was found and every fault was really hit
// often enough; 1: not so; 2: it could not be run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// config is what the flags say.
type config struct {
	database, brokers, results, dir string
	sagas, kills                    int
	rate                            float64
	seed                            uint64
	calm                            time.Duration
	code                            bool
}

// errFound says that the run took place and something is wrong.
var errFound = errors.New("chaos found something")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var err error
	if len(os.Args) > 1 && os.Args[1] == roleParticipant {
		err = participate(ctx, os.Args[2:])
	} else {
		err = run(ctx)
	}
	stop()
	if err == nil {
		return
	}
	_, _ = fmt.Fprintln(os.Stderr, "chaos:", err)
	if errors.Is(err, errFound) {
		os.Exit(1)
	}
	os.Exit(2)
}

func run(ctx context.Context) error {
	c, err := read()
	if err != nil {
		return err
	}
	w, err := openWorld(ctx, c)
	if err != nil {
		return errors.Join(err, w.close())
	}
	return errors.Join(w.run(ctx), w.close())
}

// read reads the flags.
func read() (config, error) {
	var c config
	flag.StringVar(&c.database, "database-url", os.Getenv("UNWIND_TEST_DATABASE_URL"), "Postgres, whose user may create databases")
	flag.StringVar(&c.brokers, "kafka-brokers", os.Getenv("UNWIND_TEST_KAFKA_BROKERS"), "Kafka's addresses, separated by commas")
	flag.StringVar(&c.results, "results", "", "append the result to this file, as a line of JSON")
	flag.StringVar(&c.dir, "dir", "", "keep logs and the acknowledged starts in this folder; default: one that is removed after success")
	flag.IntVar(&c.sagas, "sagas", 2000, "sagas at least")
	flag.IntVar(&c.kills, "kills", 50, "kill -9, shared out evenly")
	flag.Float64Var(&c.rate, "rate", 70, "sagas started each second")
	flag.Uint64Var(&c.seed, "seed", 0, "the schedule's seed; 0: one by the clock")
	flag.BoolVar(&c.code, "code", false, "let every third trip be a function; the coordinators are then e2e/codenode instead of unwind serve")
	flag.DurationVar(&c.calm, "calm", 3*time.Minute, "how long the sagas may take to end after the last fault")
	flag.Parse()
	if c.seed == 0 {
		c.seed = uint64(time.Now().UnixNano())
	}
	switch {
	case c.database == "" || c.brokers == "":
		return c, errors.New("name the servers: run make chaos, or give --database-url and --kafka-brokers")
	case c.sagas < 1 || c.kills < len(roles) || c.rate < minRate:
		return c, fmt.Errorf("want at least one saga, %d kills and %d sagas a second", len(roles), minRate)
	}
	return c, nil
}

// minRate is the least load that proves anything, in sagas a second.
const minRate = 50

// brokerList splits the brokers' addresses.
func (c config) brokerList() []string { return strings.Split(c.brokers, ",") }
