package node

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/recording"
	"github.com/unwindhq/unwind/internal/replay"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// Replay runs the histories of sagas that are code again with this program's
// functions and says where these would not do what was done: before the program is
// deployed. Database and Code are required. It writes nothing to the database, reads
// it in pages, and has one history in memory at a time.
type Replay struct {
	DatabaseURL string        // DatabaseURL is Postgres. Required.
	Schema      string        // Schema is the database schema. Default "unwind".
	Namespace   string        // Namespace is the tenant. Default "default".
	Definition  string        // Definition, if set, is the only one whose sagas are run again. Default: all of Code.
	Since       time.Duration // Since is how long ago a saga's last event may be. Zero: any time.
	Code        []*saga.Code  // Code are the functions of this program. Required.

	Found    func(Difference)    // Found is told each difference at once. nil: nobody.
	Progress func(ReplayedSoFar) // Progress is told after each page. nil: nobody.
	Record   io.Writer           // Record, if set, gets every history, a JSON object a line: see sagatest.Replayed.

	page int // sagas; a test makes it small
}

// Difference is what a function would not do as it did.
type Difference = recording.Difference

// ReplayedSoFar is how far a Replay is, or what it came to.
type ReplayedSoFar struct {
	Sagas       int // Sagas is how many were run again.
	Events      int // Events is how many events they have.
	Differences int // Differences is how many of them are not what they were.
}

// Validate reports every fault of r at once.
func (r Replay) Validate() error {
	if err := app.CheckDatabaseURL(r.DatabaseURL); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	return r.checkCode()
}

// checkCode is the part of Validate that has nothing to do with the database.
func (r Replay) checkCode() error {
	if len(r.Code) == 0 {
		return fmt.Errorf("replay: Code is empty: hand over the functions that the program would have")
	}
	if r.Definition != "" && !slices.Contains(r.definitions(), r.Definition) {
		return fmt.Errorf("replay: this program has no function %s; it has %v", r.Definition, r.definitions())
	}
	return nil
}

// definitions are the names of the functions, each once.
func (r Replay) definitions() (names []string) {
	for _, code := range r.Code {
		if name := code.Definition().Name; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// chosen are the names of the functions whose sagas are run again.
func (r Replay) chosen() []string {
	if r.Definition != "" {
		return []string{r.Definition}
	}
	return r.definitions()
}

// Run runs the histories again and returns how many there were, and how many differ.
// The error says that it could not, or not to the end.
func (r Replay) Run(ctx context.Context) (ReplayedSoFar, error) {
	var sum ReplayedSoFar
	if err := r.Validate(); err != nil {
		return sum, err
	}
	pool, err := app.OpenReadOnly(ctx, r.DatabaseURL)
	if err != nil {
		return sum, fmt.Errorf("replay: %w", err)
	}
	defer pool.Close()
	if r.Schema == "" {
		r.Schema = "unwind"
	}
	reader := sagapg.NewReader(pool, r.Schema)
	for _, name := range r.chosen() {
		if err := r.definition(ctx, reader, name, &sum); err != nil {
			return sum, fmt.Errorf("replay the sagas of %s: %w", name, err)
		}
	}
	return sum, nil
}

// definition runs the sagas of one definition, page by page.
func (r Replay) definition(ctx context.Context, reader *sagapg.Reader, name string, sum *ReplayedSoFar) error {
	walk := replay.Walk{
		Reader: reader, Since: r.Since, Filter: sagapg.Filter{Namespace: cmp.Or(r.Namespace, "default"), Definition: name, Limit: r.page},
		// One that was declared under the same name is none of ours.
		Want: func(s *saga.State) bool { return s.Extras().Plan != nil },
		Page: func() {
			if r.Progress != nil {
				r.Progress(*sum)
			}
		},
	}
	return walk.Each(ctx, func(one recording.Saga) error {
		if r.Record != nil {
			if err := json.NewEncoder(r.Record).Encode(one); err != nil {
				return fmt.Errorf("record saga %s: %w", one.ID, err)
			}
		}
		r.again(one, sum)
		return nil
	})
}

// again runs one recording again.
func (r Replay) again(one recording.Saga, sum *ReplayedSoFar) {
	sum.Sagas++
	sum.Events += len(one.History)
	if d := recording.Codes(r.Code).Replay(one); d != nil {
		sum.Differences++
		if r.Found != nil {
			r.Found(*d)
		}
	}
}
