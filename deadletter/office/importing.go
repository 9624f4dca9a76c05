package office

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/internal/postgres"
	"github.com/unwindhq/unwind/internal/record"
)

// Range is what a partition holds: offsets from Oldest to below Next.
type Range struct{ Oldest, Next int64 }

// Place names a partition.
type Place struct {
	Topic     string // Topic is the topic's name.
	Partition int32  // Partition is its partition.
}

// Source reads dead-letter topics.
type Source interface {
	// Ranges returns what the partitions of the dead-letter topics hold; a topic
	// that does not exist has none.
	Ranges(ctx context.Context) (map[Place]Range, error)
	// Read gives take the records of a partition within a range, in order and in
	// portions, until the range is read, nothing more comes, or take fails.
	Read(ctx context.Context, from Place, what Range, take func([]record.Record) error) error
}

// bringIn imports what the dead-letter topics hold beyond what was imported. A
// record that the coordinator has put there itself is a letter already, by the
// place that it was read from.
func (c *Carrier) bringIn(ctx context.Context) error {
	ranges, err := c.cfg.Source.Ranges(ctx)
	if err != nil {
		return err
	}
	positions, err := c.cfg.Store.positions(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for place, held := range ranges {
		position, seen := positions[place]
		from := max(position, held.Oldest)
		if !seen || position > held.Next { // never read, or made anew
			from = held.Oldest
		}
		if from == held.Next || !c.cfg.Mine() {
			continue
		}
		err := c.cfg.Source.Read(ctx, place, Range{from, held.Next}, func(records []record.Record) error {
			return c.cfg.Store.importAll(ctx, place, records)
		})
		if err != nil {
			faults = append(faults, fmt.Errorf("import %s/%d: %w", place.Topic, place.Partition, err))
		}
	}
	return errors.Join(faults...)
}

// positions returns the next offsets to import.
func (s *Store) positions(ctx context.Context) (map[Place]int64, error) {
	rows, err := s.pool.Query(ctx, postgres.In(s.schema, readPositions))
	if err != nil {
		return nil, fmt.Errorf("read how far dead letters were imported: %w", err)
	}
	positions := map[Place]int64{}
	var place Place
	var position int64
	_, err = pgx.ForEachRow(rows, []any{&place.Topic, &place.Partition, &position}, func() error {
		positions[place] = position
		return nil
	})
	return positions, err
}

// importAll stores the letters of records from a dead-letter topic and how far it
// was read, in one transaction.
func (s *Store) importAll(ctx context.Context, place Place, records []record.Record) error {
	if len(records) == 0 {
		return nil
	}
	letters := make([]Letter, len(records))
	for i, rec := range records {
		letters[i] = Imported(rec)
	}
	var b pgx.Batch
	Queue(&b, s.schema, letters)
	b.Queue(postgres.In(s.schema, savePosition), place.Topic, place.Partition, records[len(records)-1].Offset+1)
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return tx.SendBatch(ctx, &b).Close() })
}

// Imported returns the letter of a record that lies on a dead-letter topic: of the
// record that it is the dead letter of. One that does not say which, or names
// another topic than the one it lies beside, is foreign: it is the letter of itself.
func Imported(dead record.Record) Letter {
	original, why, err := deadletter.Original(dead)
	if err == nil && deadletter.Topic(original.Topic) == dead.Topic && original.Offset >= 0 {
		l := NewLetter(original, why, dead.Topic, given(dead))
		l.Unsent = Nothing
		return l
	}
	if err == nil {
		err = fmt.Errorf("%w: it names the place %q/%d", deadletter.ErrNotDeadLetter, original.Topic, original.Offset)
	}
	l := NewLetter(dead, deadletter.Reason{Class: ClassForeign, Text: err.Error()}, dead.Topic, dead.Timestamp)
	l.Unsent = Nothing
	return l
}

// given returns when a dead letter was given up, as it says, else when it was
// written.
func given(dead record.Record) time.Time {
	for _, h := range slices.Backward(dead.Headers) {
		if h.Key == deadletter.HeaderAt {
			if at, err := time.Parse(time.RFC3339Nano, string(h.Value)); err == nil && at.Year() < 10_000 && at.Year() > 0 {
				return at
			}
			break
		}
	}
	return dead.Timestamp
}
