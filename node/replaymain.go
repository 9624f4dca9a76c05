package node

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/unwindhq/unwind/internal/recording"
	"github.com/unwindhq/unwind/saga"
)

// Codes that ReplayMain returns.
const (
	replaySame    = 0 // every function does what it did
	replayDiffers = 1 // some do not
	replayBlind   = 2 // it could not look
)

// ReplayMain is Replay as a command of your program: it reads args as flags, prints
// each difference to out and how far it is to progress, and returns what to exit with:
// 0 if every function does what it did, 1 if one does not, 2 if it could not look. With
// -json it prints one line of JSON instead, in the end. unwind def replay calls it so.
//
//	if len(os.Args) > 1 && os.Args[1] == "replay" {
//		os.Exit(node.ReplayMain(ctx, os.Args[2:], os.Stdout, os.Stderr, functions...))
//	}
func ReplayMain(ctx context.Context, args []string, out, progress io.Writer, code ...*saga.Code) int {
	r := Replay{Code: code, Found: func(d Difference) { fmt.Fprintln(out, d) }}
	var record, recorded string
	var asJSON bool
	flags := flag.NewFlagSet("replay", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.StringVar(&r.DatabaseURL, "database", os.Getenv("UNWIND_DATABASE_URL"), "Postgres, as a URL; it is only read. Default $UNWIND_DATABASE_URL")
	flags.StringVar(&r.Schema, "schema", "unwind", "the database schema")
	flags.StringVar(&r.Namespace, "namespace", "default", "the tenant")
	flags.StringVar(&r.Definition, "definition", "", "only the sagas of this one; default all that this program has")
	flags.DurationVar(&r.Since, "since", 0, "only sagas with an event within that time, such as 24h; 0 is all")
	flags.StringVar(&record, "record", "", "write the histories to this file too, a JSON object a line, for tests")
	flags.StringVar(&recorded, "recorded", "", "read such a file instead of a database")
	flags.BoolVar(&asJSON, "json", false, "print one JSON object in the end, for programs")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return replaySame
	case err != nil:
		return replayBlind
	case flags.NArg() > 0:
		fmt.Fprintf(progress, "replay: %q is no flag\n", flags.Arg(0))
		return replayBlind
	}
	report := recording.Report{Definitions: r.chosen()}
	if asJSON {
		r.Found = func(d Difference) { report.Found = append(report.Found, d) }
	}
	sum, err := r.run(ctx, record, recorded, progress)
	if err != nil {
		fmt.Fprintln(progress, err)
		return replayBlind
	}
	report.Sagas, report.Events, report.Differences = sum.Sagas, sum.Events, sum.Differences
	return tellReplay(out, asJSON, report)
}

// tellReplay prints what a replay came to, and returns what to exit with.
func tellReplay(out io.Writer, asJSON bool, report recording.Report) int {
	switch {
	case asJSON:
		if err := json.NewEncoder(out).Encode(report); err != nil {
			return replayBlind
		}
	case report.Differences > 0:
		fmt.Fprintf(out, "%d of %d sagas (%d events) would not do what they did\n", report.Differences, report.Sagas, report.Events)
	default:
		fmt.Fprintf(out, "%d sagas (%d events) do what they did\n", report.Sagas, report.Events)
	}
	if report.Differences > 0 {
		return replayDiffers
	}
	return replaySame
}

// run runs what was recorded, or what is in the database.
func (r Replay) run(ctx context.Context, record, recorded string, progress io.Writer) (sum ReplayedSoFar, err error) {
	if recorded != "" {
		file, err := os.Open(recorded)
		if err != nil {
			return sum, err
		}
		defer func() { _ = file.Close() }() // it was only read
		return r.runRecorded(file)
	}
	last := time.Now()
	r.Progress = func(s ReplayedSoFar) {
		if time.Since(last) > time.Second {
			last = time.Now()
			fmt.Fprintf(progress, "%d sagas, %d differences …\n", s.Sagas, s.Differences)
		}
	}
	if record == "" {
		return r.Run(ctx)
	}
	file, err := os.Create(record)
	if err != nil {
		return sum, err
	}
	r.Record = file
	sum, err = r.Run(ctx)
	return sum, errors.Join(err, file.Close())
}

// runRecorded is Run of a file that Record has written.
func (r Replay) runRecorded(file io.Reader) (sum ReplayedSoFar, err error) {
	if err := r.checkCode(); err != nil {
		return sum, err
	}
	for one, err := range recording.Read(file) {
		if err != nil {
			return sum, err
		}
		if r.Definition == "" || r.Definition == one.Definition {
			r.again(one, &sum)
		}
	}
	return sum, nil
}
