package sagapg

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

func uniqueColumns(list []coordinator.Unique) (namespaces, definitions, keys []string, ids []pgtype.UUID) {
	for _, u := range list {
		namespaces, definitions, keys = append(namespaces, u.Namespace), append(definitions, u.Definition), append(keys, u.Key)
		ids = append(ids, pgtype.UUID{Bytes: u.Saga, Valid: true})
	}
	return namespaces, definitions, keys, ids
}

func (b *batch) queueUnique(q *pgx.Batch, list []coordinator.Unique) {
	if len(list) == 0 {
		return
	}
	namespaces, definitions, keys, ids := uniqueColumns(list)
	b.holders = make(map[coordinator.Unique]saga.ID, len(list))
	q.Queue(b.s.in(claimUnique), namespaces, definitions, keys, ids)
	q.Queue(b.s.in(readUnique), namespaces, definitions, keys).Query(func(rows pgx.Rows) error {
		var u coordinator.Unique
		var id pgtype.UUID
		_, err := pgx.ForEachRow(rows, []any{&u.Namespace, &u.Definition, &u.Key, &id}, func() error {
			b.holders[u] = id.Bytes
			return nil
		})
		return err
	})
}

// Holder implements coordinator.Batch.
func (b *batch) Holder(place coordinator.Unique) saga.ID { return b.holders[place] }

func (b *batch) queueFree(q *pgx.Batch, list []coordinator.Unique) {
	if len(list) > 0 {
		namespaces, definitions, keys, ids := uniqueColumns(list)
		q.Queue(b.s.in(dropUnique), namespaces, definitions, keys, ids)
	}
}

// queueHand gives business keys to the next runs of their chains.
func (b *batch) queueHand(q *pgx.Batch, list []coordinator.Handed) {
	for _, h := range list {
		q.Queue(b.s.in(handUnique), h.Namespace, h.Definition, h.Key, pgtype.UUID{Bytes: h.Saga, Valid: true}, pgtype.UUID{Bytes: h.To, Valid: true})
	}
}

// queueAttributes writes what new sagas can be found by.
func (b *batch) queueAttributes(q *pgx.Batch, rows []coordinator.Row) {
	if c := attributesOf(rows); len(c.ids) > 0 {
		q.Queue(b.s.in(insertAttributes), c.ids, c.namespaces, c.names, c.texts, c.numbers)
	}
}

// queueDescribed writes what sagas can be found by now, and takes away the rest.
func (b *batch) queueDescribed(q *pgx.Batch, rows []coordinator.Row) {
	if len(rows) == 0 {
		return
	}
	ids := make([]saga.ID, len(rows))
	for i := range rows {
		ids[i] = rows[i].State.ID
	}
	c := attributesOf(rows)
	q.Queue(b.s.in(dropAttributes), uuids(ids), c.ids, c.names)
	q.Queue(b.s.in(insertAttributes), c.ids, c.namespaces, c.names, c.texts, c.numbers)
}

// attributesOf lists what sagas can be found by.
func attributesOf(rows []coordinator.Row) attributeColumns {
	var c attributeColumns
	for i := range rows {
		s := &rows[i].State
		extra := s.Extra
		if extra == nil {
			continue
		}
		if extra.Key != "" {
			c.add(s.ID, rows[i].Namespace, "", &extra.Key, nil)
		}
		if extra.Label != nil && extra.Label.Subject != "" {
			subject := plain(extra.Label.Subject)
			c.add(s.ID, rows[i].Namespace, saga.SubjectName, &subject, nil)
		}
		if to := plain(extra.Assigned); to != "" {
			c.add(s.ID, rows[i].Namespace, saga.AssignedName, &to, nil)
		}
		if extra.Chain != nil {
			first := extra.Chain.First.String()
			c.add(s.ID, rows[i].Namespace, saga.ChainName, &first, nil)
		}
		if until := s.Snoozed(); !until.IsZero() {
			micros := strconv.FormatInt(until.UnixMicro(), 10)
			c.add(s.ID, rows[i].Namespace, saga.SnoozedName, nil, &micros)
		}
		for _, a := range extra.Attributes {
			text, number := attributeOf(a.Value)
			c.add(s.ID, rows[i].Namespace, a.Name, text, number)
		}
	}
	return c
}

// attributeColumns are the arrays of insertAttributes.
type attributeColumns struct {
	ids               []pgtype.UUID
	namespaces, names []string
	texts, numbers    []*string
}

func (c *attributeColumns) add(id saga.ID, namespace, name string, text, number *string) {
	c.ids = append(c.ids, pgtype.UUID{Bytes: id, Valid: true})
	c.namespaces, c.names = append(c.namespaces, namespace), append(c.names, name)
	c.texts, c.numbers = append(c.texts, text), append(c.numbers, number)
}

// attributeOf reads a value: what is no number is a text.
func attributeOf(value json.RawMessage) (text, number *string) {
	written := string(value)
	if strings.HasPrefix(written, `"`) {
		var written string
		_ = json.Unmarshal(value, &written) // the core has taken it for a text
		written = plain(written)
		return &written, nil
	}
	if strings.ContainsAny(written[:1], "-0123456789") {
		return nil, &written
	}
	return &written, nil
}

// plain is a text as Postgres can keep it.
func plain(text string) string { return strings.ReplaceAll(text, "\x00", "") }

// match appends an attribute to a query on sagas of the namespace $1.
func match(a saga.Match, add func(condition string, args ...any)) {
	prefix, is := strings.CutSuffix(a.Value, "*")
	number := json.Number(a.Value)
	_, err := number.Float64()
	switch {
	case is:
		add(listPrefix, a.Name, prefix, prefix+"\U0010ffff")
	case err == nil && json.Valid([]byte(a.Value)):
		add(listNumber, a.Name, a.Value, a.Value)
	default:
		add(listText, a.Name, a.Value)
	}
}

// numbered puts the places of args, from the nth on, into a condition that names
// them $a, $b and $c.
func numbered(condition string, n int) string {
	for i, place := range []string{"$a", "$b", "$c"} {
		condition = strings.ReplaceAll(condition, place, fmt.Sprintf("$%d", n+i))
	}
	return condition
}
