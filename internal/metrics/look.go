package metrics

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/unwindhq/unwind/internal/postgres"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
)

// share is how many times longer than it took a look is kept at least.
const share = 20

// look collects the gauges of the database. One look serves every scrape until it
// is too old; while it is read, others wait for it.
type look struct {
	m *Metrics

	mu     sync.Mutex
	next   time.Time // not before
	at     time.Time // when values were read; zero without any
	took   time.Duration
	values []prometheus.Metric
	failed bool
}

func newLook(m *Metrics) *look { return &look{m: m} }

// Describe sends nothing: an unchecked collector, whose series come and go.
func (l *look) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (l *look) Collect(ch chan<- prometheus.Metric) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !time.Now().Before(l.next) {
		l.again()
	}
	if l.at.IsZero() {
		return
	}
	for _, value := range l.values {
		ch <- value
	}
	ch <- families[lookAge].value(seconds(time.Since(l.at)))
	ch <- families[lookDuration].value(seconds(l.took))
}

// again reads the database. What it showed before is gone if that fails: an old
// number looks like a good one.
func (l *look) again() {
	began := time.Now()
	values, err := l.read()
	l.took = time.Since(began)
	l.next = time.Now().Add(max(l.m.cfg.LookEvery, share*l.took))
	if err != nil {
		l.values, l.at = nil, time.Time{}
		l.m.scrapes.Inc()
		if !l.failed {
			l.m.cfg.Log.Warn("the gauges of the database cannot be read; trying again", "error", err)
		}
		l.failed = true
		return
	}
	l.failed = false
	l.values, l.at = values, began
}

// read reads everything in one transaction that can write nothing and is ended by
// the server if it takes too long.
func (l *look) read() (values []prometheus.Metric, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), l.m.cfg.LookTimeout)
	defer cancel()
	err = pgx.BeginTxFunc(ctx, l.m.cfg.Pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		limit := strconv.FormatInt(l.m.cfg.LookTimeout.Milliseconds(), 10)
		if _, err := tx.Exec(ctx, setLimits, limit); err != nil {
			return fmt.Errorf("bound the look: %w", err)
		}
		for _, part := range []func(context.Context, pgx.Tx) ([]prometheus.Metric, error){l.active, l.attention, l.outbox, l.rest} {
			more, err := part(ctx, tx)
			if err != nil {
				return err
			}
			values = append(values, more...)
		}
		return nil
	})
	return values, err
}

// active counts the sagas that have not ended.
func (l *look) active(ctx context.Context, tx pgx.Tx) ([]prometheus.Metric, error) {
	rows, err := tx.Query(ctx, l.sql(countActive))
	if err != nil {
		return nil, fmt.Errorf("count active sagas: %w", err)
	}
	g := l.groups(sagasActive)
	var definition string
	var status, count int64
	_, err = pgx.ForEachRow(rows, []any{&definition, &status, &count}, func() error {
		g.add(float64(count), definition, saga.Status(status).String())
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count active sagas: %w", err)
	}
	return g.values(), nil
}

// attention counts the sagas that need an operator, and names their owners.
func (l *look) attention(ctx context.Context, tx pgx.Tx) ([]prometheus.Metric, error) {
	rows, err := tx.Query(ctx, l.sql(countAttention))
	if err != nil {
		return nil, fmt.Errorf("count sagas with attention: %w", err)
	}
	g, owners, oldest := l.groups(sagasAttention), l.groups(definitionInfo), 0.0
	var namespace, definition, version, reason string
	var count int64
	var age float64
	_, err = pgx.ForEachRow(rows, []any{&namespace, &definition, &version, &reason, &count, &age}, func() error {
		g.add(float64(count), definition, reason)
		oldest = max(oldest, age)
		if def, ok := l.m.cfg.Definition(namespace, definition, version); ok {
			owners.set(1, definition, saga.Clip(def.Owner))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count sagas with attention: %w", err)
	}
	values := append(g.values(), owners.values()...)
	return append(values, families[attentionAge].value(oldest)), nil
}

// outbox counts its rows and finds the age of the oldest command: the table has no
// time, the command's headers do.
func (l *look) outbox(ctx context.Context, tx pgx.Tx) ([]prometheus.Metric, error) {
	var count int64
	if err := tx.QueryRow(ctx, l.sql(countOutbox)).Scan(&count); err != nil {
		return nil, fmt.Errorf("count the outbox: %w", err)
	}
	var headers []byte
	var now time.Time
	err := tx.QueryRow(ctx, l.sql(oldestOutbox)).Scan(&headers, &now)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("find the oldest row of the outbox: %w", err)
	}
	return []prometheus.Metric{
		families[outboxRows].value(float64(count)),
		families[outboxAge].value(seconds(age(headers, now))),
	}, nil
}

// age reads from a command's headers how old it is; zero if they do not say.
func age(headers []byte, now time.Time) time.Duration {
	list, err := outbox.DecodeHeaders(headers)
	if err != nil {
		return 0 // not a command: somebody else's row
	}
	for _, h := range list {
		if h.Key != saga.HeaderTime {
			continue
		}
		if at, err := time.Parse(time.RFC3339Nano, string(h.Value)); err == nil {
			return max(0, now.Sub(at))
		}
	}
	return 0
}

// rest counts what is left.
func (l *look) rest(ctx context.Context, tx pgx.Tx) ([]prometheus.Metric, error) {
	rows, err := tx.Query(ctx, l.sql(countDeadLetters))
	if err != nil {
		return nil, fmt.Errorf("count dead letters: %w", err)
	}
	g := l.groups(deadLettersOpen)
	var class string
	var count int64
	_, err = pgx.ForEachRow(rows, []any{&class, &count}, func() error { g.add(float64(count), class); return nil })
	if err != nil {
		return nil, fmt.Errorf("count dead letters: %w", err)
	}
	var far, mail int64
	if err := tx.QueryRow(ctx, l.sql(countLeft)).Scan(&far, &mail); err != nil {
		return nil, fmt.Errorf("count far wakes and kept messages: %w", err)
	}
	return append(g.values(), families[farWakes].value(float64(far)), families[mailRows].value(float64(mail))), nil
}

func (l *look) sql(query string) string {
	return postgres.In(l.m.cfg.Schema, query)
}

// groups sums up values by label, at most as many as a family may have.
type groups struct {
	f    *family
	l    *look
	sums map[string]float64
}

func (l *look) groups(i id) *groups {
	return &groups{f: &families[i], l: l, sums: map[string]float64{}}
}

func (g *groups) add(v float64, labels ...string) {
	key := g.key(labels)
	g.sums[key] += v
}

func (g *groups) set(v float64, labels ...string) { g.sums[g.key(labels)] = v }

// key joins labels; above the limit they all become other.
func (g *groups) key(labels []string) string {
	key := strings.Join(labels, "\x00")
	if _, ok := g.sums[key]; ok || len(g.sums) < g.l.m.cfg.MaxSeries {
		return key
	}
	g.l.m.overflow.WithLabelValues(g.f.name).Inc()
	return strings.Repeat(other+"\x00", len(labels)-1) + other
}

func (g *groups) values() []prometheus.Metric {
	list := make([]prometheus.Metric, 0, len(g.sums))
	for key, v := range g.sums {
		list = append(list, g.f.value(v, strings.Split(key, "\x00")...))
	}
	return list
}
