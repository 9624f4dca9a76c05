// Package replay runs the histories of a database again, to find what a program or a
// definition to come would decide otherwise. It writes nothing.
package replay

import (
	"context"
	"fmt"
	"time"

	"github.com/unwindhq/unwind/internal/recording"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// Walk says which histories to read.
type Walk struct {
	Reader *sagapg.Reader         // Reader reads them. Required.
	Filter sagapg.Filter          // Filter chooses sagas, and says how many are read at once.
	Since  time.Duration          // Since is how long ago a saga's last event may be. Zero: any time.
	Want   func(*saga.State) bool // Want chooses among those. nil: all.
	Page   func()                 // Page is called after each page that has sagas. nil: nothing is.
}

// Each hands over every saga with its history, of which one is in memory at a time. An
// error of take ends it.
func (w Walk) Each(ctx context.Context, take func(recording.Saga) error) error {
	var after time.Time
	if w.Since > 0 {
		after = time.Now().Add(-w.Since)
	}
	for {
		page, next, err := w.Reader.Changed(ctx, w.Filter, after)
		if err != nil {
			return err
		}
		for i := range page {
			if err := w.one(ctx, &page[i], take); err != nil {
				return err
			}
		}
		if w.Page != nil && len(page) > 0 {
			w.Page()
		}
		if w.Filter.After = next; next.IsZero() {
			return nil
		}
	}
}

// one reads one saga's history up to the state that was read.
func (w Walk) one(ctx context.Context, view *sagapg.View, take func(recording.Saga) error) error {
	s := &view.State
	if w.Want != nil && !w.Want(s) {
		return nil
	}
	var history saga.History
	for int64(len(history)) < s.Seq { // what came since is not of this state
		page, err := w.Reader.History(ctx, s.ID, int64(len(history)), int(min(s.Seq-int64(len(history)), sagapg.MaxPage)))
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return fmt.Errorf("the history of saga %s has %d events, its state %d", s.ID, len(history), s.Seq)
		}
		history = append(history, page...)
	}
	return take(recording.Of(view.Namespace, s, history))
}
