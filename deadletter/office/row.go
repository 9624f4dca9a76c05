package office

import (
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/unwindhq/unwind/internal/postgres"
	"github.com/unwindhq/unwind/outbox"
)

// noTimestamp stands for a record without one, as in Kafka.
const noTimestamp = -1

// Queue queues the insert of letters on b, a statement each, into the table of
// schema. A letter whose record is there already stays as it is. Nothing in a
// letter that NewLetter made can fail the batch.
func Queue(b *pgx.Batch, schema string, letters []Letter) {
	query := postgres.In(schema, insertLetter)
	for i := range letters {
		l := &letters[i]
		b.Queue(query, l.Namespace, l.Record.Topic, l.Record.Partition, l.Record.Offset, milliseconds(l.Record.Timestamp),
			l.Record.Key, outbox.EncodeHeaders(l.Record.Headers), l.Record.Value,
			l.Class, l.Reason, l.Fingerprint, l.Origin,
			pgtype.UUID{Bytes: l.Saga, Valid: !l.Saga.IsZero()}, l.Command, l.At, optional(string(l.Unsent)))
	}
}

func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return noTimestamp
	}
	return t.UnixMilli()
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// scan reads a row of columns.
func scan(row pgx.CollectableRow) (Letter, error) {
	var l Letter
	var timestamp int64
	var headers []byte
	var id pgtype.UUID
	var changed, sent *time.Time
	var unsent *string
	var size *int
	err := row.Scan(&l.ID, &l.Namespace, &l.Record.Topic, &l.Record.Partition, &l.Record.Offset, &timestamp,
		&l.Record.Key, &headers, &l.Record.Value, &size, &l.Class, &l.Reason, &l.Fingerprint,
		&l.Origin, &id, &l.Command, &l.At, &l.Status, &l.Redrives, &l.Actor, &l.Note, &changed, &unsent, &sent, &l.Trouble)
	if err != nil {
		return l, fmt.Errorf("read a dead letter: %w", err)
	}
	if l.Record.Headers, err = outbox.DecodeHeaders(headers); err != nil {
		return l, fmt.Errorf("read dead letter %d: %w", l.ID, err)
	}
	if timestamp != noTimestamp {
		l.Record.Timestamp = time.UnixMilli(timestamp)
	}
	l.Saga, l.ChangedAt, l.SentAt = id.Bytes, deref(changed), deref(sent)
	l.Size = deref(size)
	l.Unsent = Sending(deref(unsent))
	return l, nil
}

func deref[T any](p *T) T {
	var v T
	if p != nil {
		v = *p
	}
	return v
}
