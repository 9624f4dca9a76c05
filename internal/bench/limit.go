package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/postgres"
	"github.com/unwindhq/unwind/kafka"
)

const (
	limitWriters  = 4   // connections that write at once
	limitBatch    = 100 // sagas of one transaction
	headerBytes   = 850 // headers of a command, as the outbox keeps them
	transitions   = 4   // transactions of a saga
	sends         = 6   // messages of a saga
	latencyRounds = 50  // sagas' worth of bare commits and sends
)

// limit measures what Postgres takes of the rows that a saga needs, and nothing
// else: no logic, no locks, no Kafka.
type limit struct {
	pool   *pgxpool.Pool
	schema string
	state  []byte // of a saga, as large as the real ones
}

// newLimit looks at the sagas of the run for their size.
func newLimit(ctx context.Context, pool *pgxpool.Pool, schema string) (*limit, error) {
	var size int
	if err := pool.QueryRow(ctx, postgres.In(schema, readSize)).Scan(&size); err != nil {
		return nil, fmt.Errorf("read the size of a saga: %w", err)
	}
	return &limit{pool: pool, schema: schema, state: noise(size)}, nil
}

// noise returns bytes that cannot be compressed.
func noise(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.Read(data) // never fails
	return data
}

// throughput returns sagas per second.
func (l *limit) throughput(ctx context.Context, d time.Duration) (float64, error) {
	var sagas atomic.Int64
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range limitWriters {
		group.Go(func() error {
			return l.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
				for time.Since(began) < d {
					if err := l.sagas(ctx, conn, limitBatch); err != nil {
						return err
					}
					sagas.Add(limitBatch)
				}
				return nil
			})
		})
	}
	if err := group.Wait(); err != nil {
		return 0, fmt.Errorf("measure the limit of Postgres: %w", err)
	}
	return float64(sagas.Load()) / time.Since(began).Seconds(), nil
}

// sagas writes all rows of n sagas: a start and three transitions.
func (l *limit) sagas(ctx context.Context, conn *pgxpool.Conn, n int) error {
	ids := make([]pgtype.UUID, n)
	for i := range ids {
		ids[i] = pgtype.UUID{Bytes: timedID(), Valid: true}
	}
	var sent []int64
	for seq := int64(1); seq <= transitions; seq++ {
		var err error
		if sent, err = l.transition(ctx, conn, ids, seq, sent); err != nil {
			return err
		}
	}
	return nil
}

// transition writes one transition of the sagas in one transaction, and returns
// the outbox rows to delete with the next one.
func (l *limit) transition(ctx context.Context, conn *pgxpool.Conn, ids []pgtype.UUID, seq int64, sent []int64) (next []int64, err error) {
	last := seq == transitions
	status := 1
	if last {
		status = 3
	}
	var q pgx.Batch
	q.Queue("BEGIN")
	if seq == 1 {
		q.Queue(postgres.In(l.schema, limitNew), ids, l.state)
	} else {
		q.Queue(postgres.In(l.schema, limitChange), ids, l.state, status, seq)
	}
	q.Queue(postgres.In(l.schema, limitEvents), ids, seq, []byte(payload))
	if !last {
		q.Queue(postgres.In(l.schema, limitSend), ids, l.headers(), []byte(payload)).Query(func(rows pgx.Rows) error {
			next, err = pgx.CollectRows(rows, pgx.RowTo[int64])
			return err
		})
	}
	if len(sent) > 0 {
		q.Queue(postgres.In(l.schema, limitSent), sent)
	}
	q.Queue("COMMIT")
	return next, conn.SendBatch(ctx, &q).Close()
}

func (l *limit) headers() []byte { return make([]byte, headerBytes) }

// timedID returns a UUIDv7, whose place in an index is where a new saga's is.
func timedID() (id [16]byte) {
	copy(id[:], noise(16))
	ms := uint64(time.Now().UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id
}

// latency returns how long the bare commits and sends of one saga take, one after
// the other, in milliseconds.
func (l *limit) latency(ctx context.Context, w *world) (float64, error) {
	var producer *kafka.Producer
	if len(w.brokers) > 0 {
		var err error
		if producer, err = kafka.NewProducer(kafka.Config{Brokers: w.brokers, Security: w.security}); err != nil {
			return 0, err
		}
		defer func() { _ = producer.Close(ctx) }()
	}
	conn, err := l.pool.Acquire(ctx)
	if err != nil {
		return 0, fmt.Errorf("get a connection: %w", err)
	}
	defer conn.Release()
	var began time.Time
	for round := range latencyRounds + 5 {
		if round == 5 { // connections and statements are there now
			began = time.Now()
		}
		if err := l.bare(ctx, conn, producer, app.Topics{Prefix: w.prefix}.Commands(participants[0])); err != nil {
			return 0, fmt.Errorf("measure the limit of latency: %w", err)
		}
	}
	return time.Since(began).Seconds() * 1000 / latencyRounds, nil
}

// bare commits for one saga, and sends unless there is no producer.
func (l *limit) bare(ctx context.Context, conn *pgxpool.Conn, producer *kafka.Producer, topic string) error {
	if err := l.sagas(ctx, conn, 1); err != nil || producer == nil {
		return err
	}
	for range sends {
		record := kafka.Record{Topic: topic, Partition: 0, Key: []byte("limit"), Value: noise(headerBytes + len(payload))}
		if err := producer.Send(ctx, record); err != nil {
			return err
		}
	}
	return nil
}
