package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/e2e/checker/rules"
	"github.com/unwindhq/unwind/outbox"
)

// open connects; schema, if it is not empty, is where tables are looked for.
func open(ctx context.Context, url, schema string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	if schema != "" {
		config.RuntimeParams["search_path"] = schema
	}
	return pgx.ConnectConfig(ctx, config)
}

// settleEvery is how often settle looks.
const settleEvery = 200 * time.Millisecond

// settle waits until nothing moves any more, at most as long as was asked for. What
// moves after that is found by the rules.
func settle(ctx context.Context, o options) error {
	end := time.Now().Add(o.wait)
	if err := rest(ctx, end, func() (*pgx.Conn, error) { return open(ctx, o.database, o.schema) }, countUnrest); err != nil {
		return fmt.Errorf("look whether the sagas have ended: %w", err)
	}
	for name, url := range o.ledgers {
		if err := rest(ctx, end, func() (*pgx.Conn, error) { return open(ctx, url, "") }, countOutbox); err != nil {
			return fmt.Errorf("look whether %s has answered: %w", name, err)
		}
	}
	return nil
}

// rest waits until a count is zero, or the end.
func rest(ctx context.Context, end time.Time, connect func() (*pgx.Conn, error), count string) error {
	if !time.Now().Before(end) {
		return nil
	}
	conn, err := connect()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing is to be kept
	if has, err := hasOutbox(ctx, conn); err != nil || !has {
		return err
	}
	for time.Now().Before(end) {
		var left int
		if err := conn.QueryRow(ctx, count).Scan(&left); err != nil || left == 0 {
			return err
		}
		select {
		case <-time.After(settleEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// hasOutbox: a participant need not have one.
func hasOutbox(ctx context.Context, conn *pgx.Conn) (has bool, err error) {
	err = conn.QueryRow(ctx, findOutbox).Scan(&has)
	return has, err
}

// readCoordinators reads the coordinators' database as of one moment.
func readCoordinators(ctx context.Context, o options, seen *rules.Run) error {
	conn, err := open(ctx, o.database, o.schema)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing is to be kept
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	seen.Definitions, seen.Keys = map[rules.Pin]rules.Definition{}, []rules.Key{}
	for _, table := range []struct {
		query string
		row   func(pgx.Rows, *rules.Run) error
	}{
		{selectSagas, sagaRow},
		{selectEvents, eventRow},
		{selectDefinitions, definitionRow},
		{selectKeys, keyRow},
		{selectTaken, takenRow},
		{selectMail, mailRow},
		{selectQueues, queueRow},
		{selectOutbox, outboxRow},
		{selectLetters, letterRow},
	} {
		if err := each(ctx, tx, table.query, func(rows pgx.Rows) error { return table.row(rows, seen) }); err != nil {
			return err
		}
	}
	return tx.Commit(ctx)
}

// each calls f for each row of a query.
func each(ctx context.Context, tx pgx.Tx, query string, f func(pgx.Rows) error) error {
	rows, err := tx.Query(ctx, query)
	if err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
	}
	return rows.Err()
}

func sagaRow(rows pgx.Rows, seen *rules.Run) error {
	var s rules.Saga
	err := rows.Scan(&s.ID, &s.Pin.Namespace, &s.Pin.Name, &s.Pin.Version, &s.Status, &s.Attention, &s.Seq)
	seen.Sagas = append(seen.Sagas, s)
	return err
}

// detail is what the column of that name says of an event.
type detail struct {
	Hold    bool      `json:"hold"`
	Held    string    `json:"held"`
	Healthy time.Time `json:"healthy"`
	Signal  string    `json:"signal"`
	Key     string    `json:"key"`
	Begin   time.Time `json:"begin"`
	Asked   []struct {
		What string `json:"what"`
	} `json:"asked"`
	Family *struct {
		Parent string `json:"parent"`
		Step   struct {
			Name        string
			Item, Visit int
		} `json:"step"`
	} `json:"family"`
}

// family says whose child the saga is.
func (d detail) family() *rules.Family {
	if d.Family == nil {
		return nil
	}
	f := &rules.Family{Parent: d.Family.Parent, Step: d.Family.Step.Name}
	if item := d.Family.Step.Item; item > 0 {
		f.Step += fmt.Sprintf("[%d]", item-1)
	}
	if visit := d.Family.Step.Visit; visit > 0 {
		f.Step += fmt.Sprintf("#%d", visit+1)
	}
	return f
}

func eventRow(rows pgx.Rows, seen *rules.Run) error {
	var (
		e                   rules.Event
		direction, outcome  int
		actor, more, column string
		payload             []byte
	)
	err := rows.Scan(&e.Saga, &e.Seq, &e.At, &e.Kind, &e.Step, &direction, &e.Attempt, &e.Epoch, &outcome, &actor, &more, &column, &e.RequestID, &payload)
	if err != nil {
		return err
	}
	e.Direction, e.Outcome = word(direction, rules.Do, rules.Undo), word(outcome, rules.Succeeded, rules.Rejected, rules.Failed, rules.Ongoing)
	e.From, _ = strings.CutPrefix(actor, "participant:")
	if e.From == actor {
		e.From = ""
	}
	var d detail
	if more != "" {
		if err := json.Unmarshal([]byte(more), &d); err != nil {
			return fmt.Errorf("event %d of saga %s: %w", e.Seq, e.Saga, err)
		}
	}
	if e.Family = d.family(); payload != nil {
		e.Value = fnv1a(payload)
	}
	if e.Kind == rules.Granted {
		e.Lock = d.Key
	}
	e.Signal, e.Begin = d.Signal, d.Begin.Truncate(time.Microsecond)
	for _, a := range d.Asked {
		e.Asked = append(e.Asked, a.What)
	}
	e.Hold, e.Held, e.Healthy = d.Hold, strings.Fields(d.Held), d.Healthy.Truncate(time.Microsecond)
	if e.Sent, err = rules.ParseSent(column); err != nil {
		return fmt.Errorf("event %d of saga %s: %w", e.Seq, e.Saga, err)
	}
	seen.Events = append(seen.Events, e)
	return nil
}

// word returns the nth word, from 1; empty for 0 and what is beyond.
func word(n int, words ...string) string {
	if n < 1 || n > len(words) {
		return ""
	}
	return words[n-1]
}

func definitionRow(rows pgx.Rows, seen *rules.Run) error {
	var pin rules.Pin
	var canonical []byte
	var at time.Time
	var disabled bool
	if err := rows.Scan(&pin.Namespace, &pin.Name, &pin.Version, &canonical, &at, &disabled); err != nil {
		return err
	}
	def, err := parseDefinition(canonical)
	if on := def.StartOn; on != nil {
		on.Since, on.Some = at, on.Some || disabled
	}
	if err != nil {
		return fmt.Errorf("definition %s %s: %w", pin.Name, pin.Version, err)
	}
	seen.Definitions[pin] = def
	return nil
}

func keyRow(rows pgx.Rows, seen *rules.Run) error {
	var k rules.Key
	err := rows.Scan(&k.Namespace, &k.Key, &k.Saga)
	seen.Keys = append(seen.Keys, k)
	return err
}

func takenRow(rows pgx.Rows, seen *rules.Run) error {
	var id string
	err := rows.Scan(&id)
	seen.Taken = append(seen.Taken, id)
	return err
}

func queueRow(rows pgx.Rows, seen *rules.Run) error {
	var q rules.Queued
	err := rows.Scan(&q.Namespace, &q.Key, &q.Saga, &q.Granted)
	seen.Queues = append(seen.Queues, q)
	return err
}

func mailRow(rows pgx.Rows, seen *rules.Run) error {
	var id string
	err := rows.Scan(&id)
	seen.Mail = append(seen.Mail, id)
	return err
}

func outboxRow(rows pgx.Rows, seen *rules.Run) error {
	var id int64
	var topic, key string
	err := rows.Scan(&id, &topic, &key)
	seen.Unsent = append(seen.Unsent, fmt.Sprintf("row %d for %s, key %s", id, topic, key))
	return err
}

func letterRow(rows pgx.Rows, seen *rules.Run) error {
	var (
		id                  int64
		l                   rules.Letter
		key, headers, value []byte
	)
	if err := rows.Scan(&id, &l.Source.Topic, &l.Source.Partition, &l.Source.Offset, &key, &headers, &value, &l.Command); err != nil {
		return err
	}
	list, err := outbox.DecodeHeaders(headers)
	if err != nil {
		return fmt.Errorf("dead letter %d: %w", id, err)
	}
	l.Where, l.Digest = fmt.Sprintf("row %d of dead_letters", id), digest(key, value, list)
	seen.Letters = append(seen.Letters, l)
	return nil
}

// readLedger reads a participant's effects, and what its own outbox has left.
func readLedger(ctx context.Context, name, url string, seen *rules.Run) error {
	conn, err := open(ctx, url, "")
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing is to be kept
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	seen.Ledgers[name] = true
	err = each(ctx, tx, selectEffects, func(rows pgx.Rows) error {
		e := rules.Effect{Participant: name}
		err := rows.Scan(&e.Saga, &e.Step, &e.Direction, &e.At)
		seen.Effects = append(seen.Effects, e)
		return err
	})
	if err != nil {
		return err
	}
	if has, err := hasOutbox(ctx, conn); err != nil || !has {
		return err
	}
	return each(ctx, tx, selectOutbox, func(rows pgx.Rows) error { return outboxRow(rows, seen) })
}
