package sagapg

import (
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/deadletter/office"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

func committed(tag pgconn.CommandTag) error {
	if tag.String() != "COMMIT" {
		return errRolledBack
	}
	return nil
}

// columns are the arrays of the statements on sagas.
type columns struct {
	ids                              []pgtype.UUID
	namespaces, definitions, version []string
	levels, statuses, buckets, waits []int16
	attention                        []*string
	seqs                             []int64
	started, changed                 []time.Time
	wakes                            []*time.Time
	states                           [][]byte
}

// columnsOf splits rows into arrays. Attention is one text, its reasons set
// apart by spaces, because an array of arrays must be rectangular.
func columnsOf(rows []coordinator.Row) *columns {
	c := newColumns(len(rows))
	var states []byte
	for i := range rows {
		s := &rows[i].State
		c.ids = append(c.ids, pgtype.UUID{Bytes: s.ID, Valid: true})
		c.namespaces = append(c.namespaces, rows[i].Namespace)
		c.definitions, c.version = append(c.definitions, s.Definition), append(c.version, s.Version)
		c.levels, c.statuses = append(c.levels, int16(s.Level)), append(c.statuses, int16(s.Status))
		c.buckets = append(c.buckets, bucketOf(s.ID))
		c.attention = append(c.attention, attentionText(s))
		c.seqs = append(c.seqs, s.Seq)
		c.started, c.changed = append(c.started, s.Started), append(c.changed, s.Last)
		c.wakes, c.waits = append(c.wakes, wakeOf(s)), append(c.waits, int16(s.Waits()))
		from := len(states)
		states = saga.AppendState(slices.Grow(states, stateRoom), s)
		c.states = append(c.states, states[from:len(states):len(states)])
	}
	return c
}

// stateRoom is about what a state takes.
const stateRoom = 512

func newColumns(n int) *columns {
	small := make([]int16, 4*n) // one for four
	return &columns{
		ids: make([]pgtype.UUID, 0, n), namespaces: make([]string, 0, n), definitions: make([]string, 0, n), version: make([]string, 0, n),
		levels: small[0:0:n], statuses: small[n : n : 2*n], buckets: small[2*n : 2*n : 3*n], waits: small[3*n : 3*n],
		attention: make([]*string, 0, n),
		seqs:      make([]int64, 0, n), started: make([]time.Time, 0, n), changed: make([]time.Time, 0, n), wakes: make([]*time.Time, 0, n),
		states: make([][]byte, 0, n),
	}
}

// noAttention is the usual text.
var noAttention = new(string)

func attentionText(s *saga.State) *string {
	if len(s.Attention) == 0 {
		return noAttention
	}
	reasons := make([]string, len(s.Attention))
	for i, a := range s.Attention {
		reasons[i] = string(a.Reason)
	}
	text := strings.Join(reasons, " ")
	return &text
}

func wakeOf(s *saga.State) *time.Time {
	wake := s.WakeAt()
	if wake.IsZero() || s.Status.Ended() {
		return nil
	}
	return &wake
}

func (b *batch) queueNew(q *pgx.Batch, rows []coordinator.Row) {
	if len(rows) > 0 {
		c := columnsOf(rows)
		b.s.sql.insertSagas.queue(q, len(rows), c.ids, c.namespaces, c.definitions, c.version, c.levels, c.statuses, c.attention,
			c.buckets, c.seqs, c.started, c.changed, c.wakes, c.states, retentionsOf(rows), c.waits)
		b.queueParents(q, rows)
	}
}

// queueParents writes whose children new sagas are.
func (b *batch) queueParents(q *pgx.Batch, rows []coordinator.Row) {
	var ids, parents, roots []pgtype.UUID
	for i := range rows {
		if f := rows[i].State.Extras().Family; f != nil {
			ids = append(ids, pgtype.UUID{Bytes: rows[i].State.ID, Valid: true})
			parents, roots = append(parents, pgtype.UUID{Bytes: f.Parent, Valid: true}), append(roots, pgtype.UUID{Bytes: f.Root, Valid: true})
		}
	}
	if len(ids) > 0 {
		q.Queue(b.s.in(setParents), ids, parents, roots)
	}
}

// retentionsOf lists the classes of new sagas.
func retentionsOf(rows []coordinator.Row) []int16 {
	classes := make([]int16, len(rows))
	for i := range rows {
		classes[i] = int16(rows[i].State.Labelled().Retention)
	}
	return classes
}

func (b *batch) queueChanged(q *pgx.Batch, rows []coordinator.Row) {
	known := b.queueCompare(q, rows)
	if len(rows) == 0 {
		return
	}
	c := columnsOf(rows)
	if b.late.At.IsZero() {
		b.s.sql.updateSagas.queue(q, len(rows), c.ids, c.statuses, c.attention, c.seqs, c.changed, c.wakes, c.states, c.waits)
	} else {
		b.s.sql.moveSagas.queue(q, len(rows), c.ids, c.statuses, c.attention, c.seqs, c.changed, c.wakes, c.states, c.waits, known, int64(len(rows)))
	}
}

// queueCompare compares the known sagas that do not change, and returns the seqs of
// those that do: moveSagas compares them. Both lists are sorted by id; a row that is
// not known has the seq 0, which no saga has.
func (b *batch) queueCompare(q *pgx.Batch, changed []coordinator.Row) []int64 {
	var ids []pgtype.UUID
	var seqs []int64
	known, n := make([]int64, len(changed)), 0
	for _, k := range b.late.Known {
		if n < len(changed) && changed[n].State.ID == k.Saga {
			known[n] = k.Seq
			n++
			continue
		}
		ids, seqs = append(ids, pgtype.UUID{Bytes: k.Saga, Valid: true}), append(seqs, k.Seq)
	}
	if len(ids) > 0 {
		q.Queue(b.s.sql.compareKnown, ids, seqs)
	}
	return known
}

func (b *batch) queueKeys(q *pgx.Batch, claims []coordinator.Claim) {
	if len(claims) > 0 {
		namespaces, keys, _, ids := claimColumns(claims)
		q.Queue(b.s.sql.dropKeys, namespaces, keys, ids)
	}
}

func (b *batch) queueMail(q *pgx.Batch, w *coordinator.Writes) {
	if len(w.Keep) > 0 {
		buckets, ids, _, records := mailColumns(w.Keep)
		q.Queue(b.s.sql.insertMail, buckets, ids, records)
	}
	if len(w.Tell) > 0 {
		buckets, ids, _, records := mailColumns(w.Tell)
		q.Queue(b.s.sql.insertMail, buckets, ids, records).Query(func(rows pgx.Rows) error {
			numbers, err := pgx.CollectRows(rows, pgx.RowTo[int64])
			for i := range min(len(numbers), len(w.Tell)) {
				w.Tell[i].ID = numbers[i]
			}
			return err
		})
	}
	if len(w.Folded) > 0 {
		buckets, ids, numbers, _ := mailColumns(w.Folded)
		q.Queue(b.s.sql.deleteMail, buckets, ids, numbers)
	}
}

func mailColumns(mail []coordinator.Mail) (buckets []int16, ids []pgtype.UUID, numbers []int64, records [][]byte) {
	for _, m := range mail {
		buckets = append(buckets, bucketOf(m.Saga))
		ids = append(ids, pgtype.UUID{Bytes: m.Saga, Valid: true})
		numbers, records = append(numbers, m.ID), append(records, m.Record)
	}
	return buckets, ids, numbers, records
}

func (b *batch) queueDead(q *pgx.Batch, dead []coordinator.DeadLetter) {
	if len(dead) == 0 {
		return
	}
	letters := make([]office.Letter, len(dead))
	for i, d := range dead {
		letters[i] = office.NewLetter(d.Record, deadletter.Reason{Class: d.Class, Text: d.Reason}, b.s.node, d.At)
	}
	office.Queue(q, b.s.schema, letters)
}

func (b *batch) queueFar(q *pgx.Batch, w *coordinator.Writes) {
	for _, far := range []struct {
		sql   string
		wakes []coordinator.Wake
	}{{b.s.sql.insertFar, w.Far}, {b.s.sql.delFar, w.FarDone}} {
		if len(far.wakes) == 0 {
			continue
		}
		var buckets []int16
		var at []time.Time
		var ids []pgtype.UUID
		for _, wake := range far.wakes {
			buckets, at = append(buckets, bucketOf(wake.Saga)), append(at, wake.At)
			ids = append(ids, pgtype.UUID{Bytes: wake.Saga, Valid: true})
		}
		q.Queue(far.sql, buckets, at, ids)
	}
}
