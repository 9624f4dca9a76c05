package node

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/recording"
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
	for _, name := range r.definitions() {
		if r.Definition != "" && name != r.Definition {
			continue
		}
		if err := r.definition(ctx, reader, name, &sum); err != nil {
			return sum, fmt.Errorf("replay the sagas of %s: %w", name, err)
		}
	}
	return sum, nil
}

// definition runs the sagas of one definition, page by page.
func (r Replay) definition(ctx context.Context, reader *sagapg.Reader, name string, sum *ReplayedSoFar) error {
	filter := sagapg.Filter{Namespace: r.Namespace, Definition: name, Limit: r.page}
	if filter.Namespace == "" {
		filter.Namespace = "default"
	}
	var after time.Time
	if r.Since > 0 {
		after = time.Now().Add(-r.Since)
	}
	for {
		page, next, err := reader.Changed(ctx, filter, after)
		if err != nil {
			return err
		}
		for i := range page {
			if err := r.saga(ctx, reader, &page[i], sum); err != nil {
				return err
			}
		}
		if r.Progress != nil && len(page) > 0 {
			r.Progress(*sum)
		}
		if filter.After = next; next.IsZero() {
			return nil
		}
	}
}

// saga runs one saga's history again. One that was declared under the same name is
// none of ours.
func (r Replay) saga(ctx context.Context, reader *sagapg.Reader, view *sagapg.View, sum *ReplayedSoFar) error {
	s := &view.State
	if s.Extras().Plan == nil {
		return nil
	}
	var history saga.History
	for int64(len(history)) < s.Seq { // what came since is not of this state
		page, err := reader.History(ctx, s.ID, int64(len(history)), int(min(s.Seq-int64(len(history)), sagapg.MaxPage)))
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return fmt.Errorf("the history of saga %s has %d events, its state %d", s.ID, len(history), s.Seq)
		}
		history = append(history, page...)
	}
	one := recording.Of(view.Namespace, s, history)
	if r.Record != nil {
		if err := json.NewEncoder(r.Record).Encode(one); err != nil {
			return fmt.Errorf("record saga %s: %w", s.ID, err)
		}
	}
	r.again(one, sum)
	return nil
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
