package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/unwindhq/unwind/e2e/checker/rules"
)

// shown is how many findings the table shows of each invariant.
const shown = 20

// report is what the program prints as JSON.
type report struct {
	Findings []rules.Finding `json:"findings"`
	Looked   looked          `json:"looked"`
}

// looked counts what was looked at: to find nothing in nothing proves nothing.
type looked struct {
	Sagas       int `json:"sagas"`
	Completed   int `json:"completed"`
	Compensated int `json:"compensated"`
	Events      int `json:"events"`
	Commands    int `json:"commands"`
	Replies     int `json:"replies"`
	Effects     int `json:"effects"`
	Starts      int `json:"starts"`
	Told        int `json:"told"`     // records that tell of ends
	Happened    int `json:"happened"` // records of topics that definitions listen to
	DeadLetters int `json:"deadLetters"`
}

// tell checks a run, prints what was found and returns how much it is.
func tell(out io.Writer, form string, seen rules.Run) (int, error) {
	r := report{Findings: rules.Check(seen), Looked: count(seen)}
	if form == "json" {
		if r.Findings == nil {
			r.Findings = []rules.Finding{}
		}
		return len(r.Findings), json.NewEncoder(out).Encode(r)
	}
	_, err := io.WriteString(out, table(r))
	return len(r.Findings), err
}

func count(seen rules.Run) looked {
	l := looked{
		Sagas: len(seen.Sagas), Events: len(seen.Events), Commands: len(seen.Commands), Replies: len(seen.Replies),
		Effects: len(seen.Effects), Starts: len(seen.Starts), DeadLetters: len(seen.Letters),
		Told: len(seen.Told), Happened: len(seen.Happened),
	}
	for _, s := range seen.Sagas {
		switch s.Status {
		case rules.Completed:
			l.Completed++
		case rules.Compensated:
			l.Compensated++
		}
	}
	return l
}

// table writes a line for each finding, not all if there are many, and a sum.
func table(r report) string {
	var text strings.Builder
	of := map[string]int{}
	for _, f := range r.Findings {
		if of[f.Invariant]++; of[f.Invariant] <= shown {
			text.WriteString(f.String() + "\n")
		}
	}
	for name, n := range of {
		if n > shown {
			fmt.Fprintf(&text, "%s: and %d more\n", name, n-shown)
		}
	}
	l := r.Looked
	fmt.Fprintf(&text, "%d findings in %d sagas (%d completed, %d compensated), %d events, %d commands, %d replies, %d effects, %d acknowledged starts, %d ends told, %d records that sagas listen to, %d dead letters\n",
		len(r.Findings), l.Sagas, l.Completed, l.Compensated, l.Events, l.Commands, l.Replies, l.Effects, l.Starts, l.Told, l.Happened, l.DeadLetters)
	return text.String()
}
