package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/saga"
)

// look waits until all sagas have ended and nothing is left to send, and tells
// what is wrong then.
func (w *world) look(ctx context.Context, l *load) ([]string, error) {
	left := 0
	if err := until(ctx, w.config.calm, "every saga has ended", func() bool { left = w.inFlight(ctx); return left == 0 }); err != nil {
		return []string{fmt.Sprintf("%d sagas have not ended: %v", left, err)}, ctx.Err()
	}
	if err := until(ctx, patience, "the outboxes are empty", func() bool { return w.unsent(ctx) == 0 }); err != nil {
		return []string{err.Error()}, ctx.Err()
	}
	found, err := w.compare(ctx, l)
	if err != nil {
		return nil, err
	}
	if n := w.number(ctx, countDead); n != 0 {
		found = append(found, fmt.Sprintf("%d dead letters", n))
	}
	if !w.checked(ctx) {
		found = append(found, "the checker found something; it is above")
	}
	return found, ctx.Err()
}

// unsent counts the rows of all outboxes; -1 if that cannot be known now.
func (w *world) unsent(ctx context.Context) int {
	sum := w.number(ctx, fmt.Sprintf(countOutbox, "unwind"))
	for _, name := range participants {
		n := -1
		if conn, err := pgx.Connect(ctx, w.databases[name]); err == nil {
			_ = conn.QueryRow(ctx, fmt.Sprintf(countOutbox, name)).Scan(&n) // asked again
			_ = conn.Close(ctx)
		}
		if n < 0 || sum < 0 {
			return -1
		}
		sum += n
	}
	return sum
}

// checked runs the checker over everything.
func (w *world) checked(ctx context.Context) bool {
	args := []string{
		"run", "./e2e/checker", "--database-url", w.databases[coordinating], "--schema", "unwind",
		"--kafka-brokers", w.config.brokers, "--topic-prefix", w.prefix, "--started", w.started(), "-o", "table",
	}
	for _, name := range participants {
		args = append(args, "--effects", name+"="+w.databases[name])
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run() == nil
}

// effects counts what was done and undone, by saga.
type effects map[saga.ID]map[string]int

// compare holds what the load knows against the sagas and the ledgers.
func (w *world) compare(ctx context.Context, l *load) (found []string, err error) {
	ledgers := map[string]effects{}
	for _, name := range participants {
		if ledgers[name], err = w.ledger(ctx, name); err != nil {
			return nil, err
		}
	}
	rows, err := w.pool.Query(ctx, readSagas)
	if err != nil {
		return nil, fmt.Errorf("read the sagas: %w", err)
	}
	known := map[string]string{}
	for rows.Next() {
		var id saga.ID
		var status saga.Status
		var key string
		if err := rows.Scan((*[16]byte)(&id), &status, &key); err != nil {
			return nil, fmt.Errorf("read a saga: %w", err)
		}
		known[key] = id.String()
		n, err := strconv.Atoi(strings.TrimPrefix(key, keyStem))
		if err != nil {
			return nil, fmt.Errorf("read the key %s: %w", key, err)
		}
		if text := judge(id, status, ledgers, len(inputOf(n).Rooms)); text != "" {
			found = append(found, fmt.Sprintf("saga %s (%v): %s", id, status, text))
		}
	}
	for key, id := range l.acked {
		if known[key] != id {
			found = append(found, fmt.Sprintf("start %s was acknowledged as saga %s, and its key belongs to %q", key, id, known[key]))
		}
	}
	if len(known) != len(l.acked) {
		found = append(found, fmt.Sprintf("%d sagas for %d starts", len(known), len(l.acked)))
	}
	return found, rows.Err()
}

// judge says what is wrong with the effects of a trip that ended like this. Those of the
// children are the checker's.
func judge(id saga.ID, status saga.Status, ledgers map[string]effects, rooms int) string {
	most := map[string]int{"flights": 1, "hotels": rooms, refusing: 1}
	for _, name := range participants {
		done, undone := ledgers[name][id]["do"], ledgers[name][id]["undo"]
		good := done == most[name] && undone == 0
		if status == saga.Compensated {
			good = done == undone && done <= most[name] && (name != refusing || done == 0)
		}
		if !good {
			return fmt.Sprintf("%s has done it %d times and undone it %d times", name, done, undone)
		}
	}
	if want := map[bool]saga.Status{true: saga.Compensated, false: saga.Completed}[refuses(id)]; status != want {
		return fmt.Sprintf("should be %v", want)
	}
	return ""
}

// ledger reads a participant's effects.
func (w *world) ledger(ctx context.Context, name string) (effects, error) {
	conn, err := pgx.Connect(ctx, w.databases[name])
	if err != nil {
		return nil, fmt.Errorf("connect to the database of %s: %w", name, err)
	}
	defer func() { _ = conn.Close(ctx) }() // it was read
	rows, err := conn.Query(ctx, readEffects)
	if err != nil {
		return nil, fmt.Errorf("read the ledger of %s: %w", name, err)
	}
	all := effects{}
	for rows.Next() {
		var id saga.ID
		var direction string
		var n int
		if err := rows.Scan((*[16]byte)(&id), &direction, &n); err != nil {
			return nil, fmt.Errorf("read the ledger of %s: %w", name, err)
		}
		if all[id] == nil {
			all[id] = map[string]int{}
		}
		all[id][direction] = n
	}
	return all, rows.Err()
}
