package client

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
)

// StartTopic begins the name of the topics that take starts, unless the
// coordinator's prefix is another; the namespace follows.
const StartTopic = defaultPrefix + startTopic

const (
	defaultPrefix = "unwind."
	startTopic    = "start."
)

// defaultNamespace is the tenant unless one is named.
const defaultNamespace = "default"

// StartTx starts a saga if and only if tx commits: it writes one row into the
// outbox of schema "unwind" of the caller's own database. See Outbox.StartTx.
func StartTx(ctx context.Context, tx pgx.Tx, s Start) (key string, err error) {
	return Outbox{}.StartTx(ctx, tx, s)
}

// Outbox starts sagas from transactions. Its zero value uses schema "unwind".
type Outbox struct {
	Schema outbox.Schema // Schema holds the outbox; empty is "unwind".
	Source string        // Source names the program in the messages; empty is "client".
	Prefix string        // Prefix begins the names of the coordinator's topics; empty is "unwind.".
}

// StartTx writes the request to start a saga into the outbox, in tx, and returns
// its idempotency key: Start.Key, or a random one. The saga starts after the
// commit, when the outbox's relay and the coordinator have done their work;
// starting the same content with the key over REST finds it.
//
// The message goes to topic unwind.start.<namespace> with the idempotency key as
// its record key, the saga's input as its value, and the headers
//
//	ce_specversion     1.0
//	ce_id              the idempotency key, at most 256 bytes
//	ce_type            unwind.start.v1
//	ce_source          /clients/<source>
//	ce_subject         the definition's name
//	ce_time            RFC 3339 in UTC
//	content-type       application/json
//	unwind-namespace   the namespace
//	unwind-definition  the definition's name
//	unwind-version     the version to pin, such as r12; left out: the latest
//
// It is delivered at least once; a repeat has the same ce_id and starts nothing.
func (o Outbox) StartTx(ctx context.Context, tx pgx.Tx, s Start) (key string, err error) {
	message, err := o.message(s, time.Now())
	if err != nil {
		return "", err
	}
	if err := o.Schema.Insert(ctx, tx, message); err != nil {
		return "", fmt.Errorf("start %s: %w", s.Definition, err)
	}
	return message.Key, nil
}

// message is the start's message.
func (o Outbox) message(s Start, at time.Time) (outbox.Message, error) {
	input, err := s.input()
	if err != nil {
		return outbox.Message{}, err
	}
	if s.Namespace == "" {
		s.Namespace = defaultNamespace
	}
	if s.Key == "" {
		s.Key = rand.Text()
	}
	if o.Source == "" {
		o.Source = "client"
	}
	if o.Prefix == "" {
		o.Prefix = defaultPrefix
	}
	start := saga.Start{
		Namespace: s.Namespace, Definition: s.Definition, Version: s.Version, Key: s.Key,
		Source: "/clients/" + o.Source, Input: saga.JSON(input), Begin: s.Begin,
	}
	headers := saga.StartHeaders(start, at)
	// A message that cannot be taken would be found out only after the commit.
	if _, err := saga.DecodeStart(headers, input); err != nil {
		return outbox.Message{}, fmt.Errorf("start %.80q: %w", s.Definition, err)
	}
	return outbox.Message{Topic: o.Prefix + startTopic + s.Namespace, Key: s.Key, Headers: headers, Payload: input}, nil
}
