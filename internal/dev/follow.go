package dev

import (
	"context"
	"slices"
	"time"

	"github.com/unwindhq/unwind/client"
)

const (
	// followEvery is how often the sagas are looked at.
	followEvery = 300 * time.Millisecond
	// followed is how many sagas are looked at, the newest ones.
	followed = 100
)

// follow tells OnSaga of every saga that changes, from now on.
func (s *Session) follow(ctx context.Context) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	seen, first := map[string]time.Time{}, true
	for {
		page, err := s.client.List(ctx, client.Filter{Limit: followed})
		if err == nil {
			next := make(map[string]time.Time, len(page.Sagas))
			for _, found := range slices.Backward(page.Sagas) { // the oldest first
				next[found.ID] = changed(found)
				if !first && !seen[found.ID].Equal(changed(found)) {
					s.tell(ctx, found.ID)
				}
			}
			seen, first = next, false
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func changed(s client.Saga) time.Time {
	if s.ChangedAt == nil {
		return time.Time{}
	}
	return *s.ChangedAt
}

// tell passes one saga on, with its steps.
func (s *Session) tell(ctx context.Context, id string) {
	if found, err := s.client.Get(ctx, id); err == nil { // else the next look shows it
		s.cfg.OnSaga(found)
	}
}
