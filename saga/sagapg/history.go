package sagapg

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// Histories implements coordinator.Batch. It is a statement after the lock, so
// what it reads is complete.
func (b *batch) Histories(ctx context.Context, ids []saga.ID) (map[saga.ID]saga.History, error) {
	if b.conn == nil {
		return nil, fmt.Errorf("read histories before the batch is open: %w", coordinator.ErrStale)
	}
	histories := make(map[saga.ID]saga.History, len(ids))
	after := make([]int64, len(ids))
	for i, id := range ids {
		row, _ := b.Saga(id)
		histories[id] = b.s.read.known(id, row.State.Seq)
		after[i] = int64(len(histories[id]))
	}
	rows, err := b.conn.Query(ctx, b.s.sql.readEvents, uuids(ids), after)
	if err != nil {
		return nil, fmt.Errorf("read histories: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		row, err := scanEvent(rows)
		if err != nil {
			return nil, err
		}
		histories[row.Saga] = append(histories[row.Saga], row.Event)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read histories: %w", err)
	}
	for id, h := range histories {
		b.s.read.keep(id, h)
	}
	return histories, nil
}

// The bounds of a shelf.
const (
	shelfSagas  = 16       // histories that are kept at once
	shelfEvents = 50       // a shorter one is read anew as fast
	shelfBytes  = 32 << 20 // of payloads and events, about
	eventBytes  = 400      // an event without its payload, about
)

// shelf keeps the long histories that were read last. A saga amid a thousand items
// needs its history for each of them, to read its list: with the shelf every event is
// read once, not once for each that follows. Events never change, and only committed
// ones are read, so what is kept is always a true beginning.
type shelf struct {
	mu    sync.Mutex
	kept  []shelved // the last used one at the end
	bytes int
}

// shelved is one history; none writes to it but behind its end.
type shelved struct {
	id      saga.ID
	history saga.History
	bytes   int
}

// known returns the beginning that is kept of a saga's history, whose last event has
// this number. A longer one is of a database that has gone back in the meantime.
func (s *shelf) known(id saga.ID, last int64) saga.History {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.kept, func(k shelved) bool { return k.id == id })
	if i < 0 {
		return nil
	}
	k := s.kept[i]
	s.drop(i)
	if int64(len(k.history)) > last {
		return nil
	}
	s.put(k) // it is the last used one now
	return slices.Clip(k.history)
}

// keep keeps a history, and lets those go that were used the longest ago.
func (s *shelf) keep(id saga.ID, h saga.History) {
	if len(h) < shelfEvents {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	from, size := 0, 0
	if i := slices.IndexFunc(s.kept, func(k shelved) bool { return k.id == id }); i >= 0 {
		from, size = len(s.kept[i].history), s.kept[i].bytes
		s.drop(i)
	}
	for n := from; n < len(h); n++ {
		size += eventBytes + len(h[n].Payload.Data)
	}
	if size <= shelfBytes {
		s.put(shelved{id, h, size})
	}
	for len(s.kept) > shelfSagas || s.bytes > shelfBytes {
		s.drop(0)
	}
}

func (s *shelf) put(k shelved) {
	s.kept = append(s.kept, k)
	s.bytes += k.bytes
}

func (s *shelf) drop(i int) {
	s.bytes -= s.kept[i].bytes
	s.kept = slices.Delete(s.kept, i, i+1)
}

// uuids are ids as Postgres takes them.
func uuids(ids []saga.ID) []pgtype.UUID {
	list := make([]pgtype.UUID, len(ids))
	for i, id := range ids {
		list[i] = pgtype.UUID{Bytes: id, Valid: true}
	}
	return list
}
