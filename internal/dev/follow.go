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

// follow tells OnSaga of every saga that changes after seen was taken.
func (s *Session) follow(ctx context.Context, seen map[string]time.Time) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		page, err := s.client.List(ctx, client.Filter{Limit: followed})
		if err != nil {
			continue // the next look shows it
		}
		for _, found := range slices.Backward(page.Sagas) { // the oldest first
			if at, known := seen[found.ID]; !known || !at.Equal(changed(found)) {
				s.tell(ctx, found.ID)
			}
		}
		seen = moments(page)
	}
}

// moments are the times when the sagas of a page changed last.
func moments(page client.Page) map[string]time.Time {
	at := make(map[string]time.Time, len(page.Sagas))
	for _, found := range page.Sagas {
		at[found.ID] = changed(found)
	}
	return at
}

func changed(s client.Saga) time.Time {
	if s.ChangedAt == nil {
		return time.Time{}
	}
	return *s.ChangedAt
}

// tell passes one saga on, with its steps.
func (s *Session) tell(ctx context.Context, id string) {
	if found, err := s.client.Get(ctx, id); err == nil { // else the next change shows it
		s.cfg.OnSaga(found)
	}
}
