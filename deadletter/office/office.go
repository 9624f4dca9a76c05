package office

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/unwindhq/unwind/internal/postgres"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// Sagas reads sagas. *sagapg.Reader implements it.
type Sagas interface {
	// Get returns one saga, or coordinator.ErrNotFound.
	Get(ctx context.Context, id saga.ID) (coordinator.Row, error)
}

// Config configures an Office.
type Config struct {
	Store       *Store                  // Store holds the letters. Required.
	Sagas       Sagas                   // Sagas reads sagas. Required.
	Definitions coordinator.Definitions // Definitions finds deciders. Required.
	Keys        saga.Keys               // Keys verify reply tokens. Required.
	Incarnation int64                   // Incarnation is the database's.
	MaxRedrives int                     // MaxRedrives is how often a record may be redriven unless forced. Default 10.
}

// Validate reports every fault of c at once.
func (c Config) Validate() error {
	var faults []error
	if c.Store == nil || c.Sagas == nil || c.Definitions == nil || len(c.Keys) == 0 {
		faults = append(faults, errors.New("office: Store, Sagas, Definitions and Keys are required"))
	}
	if c.MaxRedrives < 0 {
		faults = append(faults, errors.New("office: MaxRedrives must not be negative; zero is the default"))
	}
	return errors.Join(faults...)
}

// Office decides about letters. It is safe for concurrent use.
type Office struct {
	*Store
	cfg Config
}

// New returns an Office.
func New(cfg Config) (*Office, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.MaxRedrives = cmp.Or(cfg.MaxRedrives, 10)
	return &Office{Store: cfg.Store, cfg: cfg}, nil
}

// Decision is who decides about a letter, and why.
type Decision struct {
	Actor string // Actor is who, such as operator:ada. It is kept with the letter.
	Note  string // Note says why, at most saga.MaxReason bytes. It is kept with the letter.
	Force bool   // Force redrives although the order, the number of redrives or the status speak against it.

	passed []int64 // letters that a preview of many takes as redriven
}

// Preview says what Redrive would do, and changes nothing. The error is
// ErrNotFound without the letter.
func (o *Office) Preview(ctx context.Context, id int64, d Decision) (Effect, error) {
	l, err := o.Get(ctx, id)
	if err != nil {
		return Effect{}, err
	}
	objection, err := o.objection(ctx, o.pool, &l, d)
	if err != nil || objection.Refused {
		return objection, err
	}
	return o.foretell(ctx, &l)
}

// Redrive sends a letter's record to its topic again, once the status is
// committed. The error wraps ErrRefused, with the effect's sentence, if that must
// not be, and is ErrNotFound without the letter.
func (o *Office) Redrive(ctx context.Context, id int64, d Decision) (effect Effect, err error) {
	// Before the transaction, since it asks for connections of its own: redrives that
	// each hold one and wait for a second would leave none to anybody.
	if effect, err = o.Preview(ctx, id, d); err != nil {
		return effect, err
	}
	if effect.Refused {
		return effect, refusal(id, effect)
	}
	err = pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		l, err := o.get(ctx, tx, lockLetter, id)
		if err != nil {
			return err
		}
		objection, err := o.objection(ctx, tx, &l, d)
		if err != nil {
			return err
		}
		if objection.Refused { // somebody was quicker
			effect = objection
			return refusal(id, objection)
		}
		return o.decide(ctx, tx, id, Redriven, d)
	})
	return effect, err
}

func refusal(id int64, effect Effect) error {
	return fmt.Errorf("dead letter %d: %w: %s", id, ErrRefused, effect.Sentence)
}

// Discard says that nobody has a use for a letter's record. It stays readable. The
// error wraps ErrRefused if it was redriven, and is ErrNotFound without the letter.
func (o *Office) Discard(ctx context.Context, id int64, d Decision) error {
	return pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		l, err := o.get(ctx, tx, lockLetter, id)
		if err != nil {
			return err
		}
		if l.Status != Open {
			return fmt.Errorf("dead letter %d: %w: it was %s before", id, ErrRefused, l.Status)
		}
		return o.decide(ctx, tx, id, Discarded, d)
	})
}

// decide writes a decision down.
func (o *Office) decide(ctx context.Context, tx pgx.Tx, id int64, status Status, d Decision) error {
	unsent, redrives := Nothing, 0
	if status == Redriven {
		unsent, redrives = SendRecord, 1
	}
	_, err := tx.Exec(ctx, postgres.In(o.schema, decide), id, string(status), plain(d.Actor, 256), plain(d.Note, saga.MaxReason), optional(string(unsent)), redrives)
	if err != nil {
		return fmt.Errorf("decide about dead letter %d: %w", id, err)
	}
	return nil
}

// Result is what became of one letter of a batch.
type Result struct {
	ID     int64  // ID is the letter's.
	Effect Effect // Effect is what redriving it does, or why it was refused.
}

// RedriveAll redrives the open letters that a filter chooses, the oldest first, at
// most f.Limit and MaxPage, beginning after f.After. With preview it changes
// nothing. What is refused is in the results and stops nothing but the later
// letters of its saga.
func (o *Office) RedriveAll(ctx context.Context, f Filter, d Decision, preview bool) ([]Result, error) {
	if f.Limit < 1 || f.Limit > MaxPage {
		f.Limit = MaxPage
	}
	f.Status = Open
	ids, err := o.oldest(ctx, f)
	if err != nil {
		return nil, err
	}
	results := []Result{}
	for _, id := range ids {
		act := o.Redrive
		if preview {
			act = o.Preview
		}
		effect, err := act(ctx, id, d)
		if err != nil && !errors.Is(err, ErrRefused) {
			return results, err
		}
		results = append(results, Result{ID: id, Effect: effect})
		if preview && !effect.Refused {
			d.passed = append(d.passed, id)
		}
	}
	return results, nil
}

// earlier returns an open letter of the same saga that comes before l, or 0; those
// that have passed are not looked at.
func (o *Office) earlier(ctx context.Context, from querier, l *Letter, passed []int64) (int64, error) {
	if l.Saga.IsZero() {
		return 0, nil
	}
	rows, err := from.Query(ctx, postgres.In(o.schema, earlierOpen), pgtype.UUID{Bytes: l.Saga, Valid: true}, l.ID, append([]int64{}, passed...))
	if err != nil {
		return 0, fmt.Errorf("look for earlier dead letters of saga %s: %w", l.Saga, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return ids[0], nil
}
