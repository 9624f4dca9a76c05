package sagapg

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/internal/failpoint"
	"github.com/unwindhq/unwind/internal/lease"
	"github.com/unwindhq/unwind/internal/postgres"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// batch is an open transaction on a connection of its own, or one that Commit will
// open.
type batch struct {
	s       *Store
	conn    *pgxpool.Conn    // nil as long as it is not open
	late    coordinator.Load // what Commit opens it with
	held    []lease.Held     // the buckets that it fences
	now     time.Time
	sagas   map[saga.ID]coordinator.Row
	claims  map[[2]string]coordinator.Claim
	holders map[coordinator.Unique]saga.ID
	done    bool
}

// Begin implements coordinator.Store.
func (s *Store) Begin(ctx context.Context, load coordinator.Load) (coordinator.Batch, error) {
	if !load.At.IsZero() {
		return &batch{s: s, late: load, held: load.Held, now: load.At}, nil
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("get a connection: %w", err)
	}
	b := &batch{s: s, conn: conn, held: load.Held, sagas: map[saga.ID]coordinator.Row{}, claims: map[[2]string]coordinator.Claim{}}
	var q pgx.Batch
	q.Queue(begin)
	lease.QueueFence(&q, s.schema, load.Held, nil)
	b.queueSagas(&q, load.Sagas)
	b.queueClaims(&q, load.Claims)
	b.queueUnique(&q, load.Unique)
	q.Queue(readClock).QueryRow(func(row pgx.Row) error { return row.Scan(&b.now) })
	if err := conn.SendBatch(ctx, &q).Close(); err != nil {
		b.Abort(context.WithoutCancel(ctx))
		return nil, s.broken(classify(err, false))
	}
	return b, nil
}

// begin names the isolation that the fence needs, whatever the database's default.
const begin = "BEGIN ISOLATION LEVEL READ COMMITTED"

// open gets a connection and queues what Begin would have asked. Where that is not
// what the caller takes for true, a statement fails, and with it the transaction: all
// that comes in one round trip is one, and needs no words for its beginning and end.
func (b *batch) open(ctx context.Context, q *pgx.Batch) (err error) {
	if b.conn, err = b.s.pool.Acquire(ctx); err != nil {
		return fmt.Errorf("get a connection: %w", err)
	}
	lease.QueueGuard(q, b.s.schema, b.late.Held, &b.now)
	return nil
}

// stale is the SQLSTATE of the statements that open queues.
const stale = "21000"

// broken resets the pool after an error that says that this server cannot be
// written to any more, so that the next connection finds the new primary.
func (s *Store) broken(err error) error {
	if postgres.Demoted(err) {
		s.pool.Reset()
	}
	return err
}

func (b *batch) queueSagas(q *pgx.Batch, ids []saga.ID) {
	if len(ids) == 0 {
		return
	}
	q.Queue(b.s.sql.lockSagas, uuids(ids)).Query(func(rows pgx.Rows) error {
		var id pgtype.UUID
		var namespace string
		var data pgtype.DriverBytes
		_, err := pgx.ForEachRow(rows, []any{&id, &namespace, &data}, func() error {
			state, err := saga.DecodeState(id.Bytes, slices.Clone(data))
			b.sagas[id.Bytes] = coordinator.Row{Namespace: namespace, State: state, Err: err}
			return nil
		})
		return err
	})
}

func (b *batch) queueClaims(q *pgx.Batch, claims []coordinator.Claim) {
	if len(claims) == 0 {
		return
	}
	namespaces, keys, hashes, ids := claimColumns(claims)
	q.Queue(b.s.sql.claimKeys, namespaces, keys, hashes, ids)
	q.Queue(b.s.sql.readKeys, namespaces, keys).Query(func(rows pgx.Rows) error {
		var claim coordinator.Claim
		var hash []byte
		var id pgtype.UUID
		_, err := pgx.ForEachRow(rows, []any{&claim.Namespace, &claim.Key, &hash, &id}, func() error {
			claim.Saga = id.Bytes
			copy(claim.Hash[:], hash)
			b.claims[[2]string{claim.Namespace, claim.Key}] = claim
			return nil
		})
		return err
	})
}

func claimColumns(claims []coordinator.Claim) (namespaces, keys []string, hashes [][]byte, ids []pgtype.UUID) {
	for _, c := range claims {
		namespaces, keys = append(namespaces, c.Namespace), append(keys, c.Key)
		hashes = append(hashes, c.Hash[:])
		ids = append(ids, pgtype.UUID{Bytes: c.Saga, Valid: true})
	}
	return namespaces, keys, hashes, ids
}

// Now implements coordinator.Batch.
func (b *batch) Now() time.Time { return b.now }

// Saga implements coordinator.Batch.
func (b *batch) Saga(id saga.ID) (coordinator.Row, bool) {
	row, ok := b.sagas[id]
	return row, ok
}

// Claimed implements coordinator.Batch.
func (b *batch) Claimed(namespace, key string) coordinator.Claim {
	return b.claims[[2]string{namespace, key}]
}

// Commit implements coordinator.Batch.
func (b *batch) Commit(ctx context.Context, w *coordinator.Writes) error {
	var q pgx.Batch
	if b.conn == nil {
		if err := b.open(ctx, &q); err != nil {
			return err
		}
	}
	b.queueChanged(&q, w.Changed) // first: what is stale must not look like an event that is there already
	b.queueNew(&q, w.New)
	b.queueEvents(&q, w.Events)
	b.queueAttributes(&q, w.New)
	b.queueDescribed(&q, w.Described)
	b.queueKeys(&q, w.Unclaim)
	b.queueFree(&q, w.Free)
	b.queueHand(&q, w.Hand)
	b.queueLocks(&q, w)
	b.queueMail(&q, w)
	b.queueFar(&q, w)
	b.queueTraced(&q, w.Traced)
	b.queueWaits(&q, w)
	b.queueDead(&q, w.Dead)
	out := outbox.Schema(b.s.schema)
	out.Queue(&q, w.Messages, func(ids []int64) { w.IDs = ids })
	out.QueueDelete(&q, w.Sent)
	if b.late.At.IsZero() {
		q.Queue("COMMIT").Exec(committed)
	}
	err := failpoint.Lose(failpoint.LoseCommit, b.conn.SendBatch(ctx, &q).Close())
	if err != nil {
		b.Abort(context.WithoutCancel(ctx))
		if !b.late.At.IsZero() && postgres.State(err) == stale {
			return fmt.Errorf("%w: %w", coordinator.ErrStale, err)
		}
		return b.s.broken(classify(err, true))
	}
	b.done = true
	b.conn.Release()
	return nil
}

// errRolledBack says that Postgres answered COMMIT with ROLLBACK.
var errRolledBack = errors.New("the transaction was rolled back")

// Abort implements coordinator.Batch.
func (b *batch) Abort(ctx context.Context) {
	if b.done || b.conn == nil {
		return
	}
	b.done = true
	ctx, cancel := context.WithTimeout(ctx, abortTimeout)
	defer cancel()
	if b.conn.Conn().PgConn().TxStatus() != 'I' {
		_, _ = b.conn.Exec(ctx, "ROLLBACK") // a connection that is left in a transaction is closed by the pool
	}
	b.conn.Release()
}

const abortTimeout = 2 * time.Second

func bucketOf(id saga.ID) int16 { return int16(bucket.Of(id.String(), bucket.Count)) }
