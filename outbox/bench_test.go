package outbox

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/bucket"
)

// acker acknowledges at once, from another goroutine, as a producer does.
type acker struct{ acks chan func() }

func (a acker) Publish(_ context.Context, rows []Row, done func(int, error)) {
	a.acks <- func() {
		for i := range rows {
			done(i, nil)
		}
	}
}

// BenchmarkRelay takes rows from Hand through a publisher that acknowledges at
// once to the ids for deletion; no database is involved. rows/s is the figure.
func BenchmarkRelay(b *testing.B) {
	for _, keys := range []int{1, 100, 100000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) { benchmarkRelay(b, keys) })
	}
}

func benchmarkRelay(b *testing.B, keys int) {
	pool, err := pgxpool.New(b.Context(), "postgres://nobody@127.0.0.1:1/none") // never connected to
	require.NoError(b, err)
	defer pool.Close()
	a := acker{acks: make(chan func(), 64)}
	go func() {
		for ack := range a.acks {
			ack()
		}
	}()
	r, err := NewRelay(RelayConfig{Pool: pool, Publisher: a})
	require.NoError(b, err)
	for n := range bucket.Count {
		r.shares[n] = &share{bucket: n, complete: true}
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	go func() { r.dispatch(ctx, ctx); close(ended) }()
	const batch = 100
	rows := make([]Row, keys*(1+batch/keys))
	for i := range rows {
		m := Message{Topic: "t", Key: fmt.Sprint("saga-", i%keys), Payload: make([]byte, 200)}
		rows[i] = Row{Bucket: m.Bucket(), Message: m}
	}
	b.ReportAllocs()
	b.ResetTimer()
	began := time.Now()
	var id int64
	for at := 0; id < int64(b.N); at = (at + batch) % (len(rows) - batch + 1) {
		some := rows[at : at+batch]
		for i := range some {
			id++
			some[i].ID = id
		}
		for !r.roomFor(batch) {
			r.Deleted(r.TakeSent(nil, 1, 10000))
			runtime.Gosched()
		}
		r.Hand(some)
		r.Deleted(r.TakeSent(nil, 1, batch))
	}
	for r.Stats().Published < id {
		r.Deleted(r.TakeSent(nil, 1, 10000))
		runtime.Gosched()
	}
	b.ReportMetric(float64(id)/time.Since(began).Seconds(), "rows/s")
	cancel()
	<-ended
	close(a.acks)
}

// roomFor tells whether n rows fit.
func (r *Relay) roomFor(n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.unsent+n <= r.cfg.MaxHanded && len(r.sent)+n < 16*r.cfg.MaxHanded
}
