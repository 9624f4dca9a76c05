package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
)

// StartTopic begins the name of the topics that take starts; the namespace
// follows.
const StartTopic = "unwind.start."

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
	if err := s.check(len(input)); err != nil {
		return outbox.Message{}, err
	}
	return outbox.Message{Topic: StartTopic + s.Namespace, Key: s.Key, Headers: s.headers(o.Source, at), Payload: input}, nil
}

// check reports every fault at once: a message that cannot be taken would be
// found out only after the commit.
func (s Start) check(size int) error {
	var faults []error
	need := func(ok bool, what string) {
		if !ok {
			faults = append(faults, errors.New(what))
		}
	}
	need(saga.IsName(s.Definition), "the definition's name is not like bookTrip")
	need(saga.IsName(s.Namespace), "the namespace is not a name like default")
	need(len(s.Key) <= maxKey, "the key is longer than 256 bytes")
	need(size <= saga.MaxPayload, "the input is larger than 512 KiB: pass a reference")
	if len(faults) > 0 {
		return fmt.Errorf("start %.80q: %w", s.Definition, errors.Join(faults...))
	}
	return nil
}

// maxKey is the longest idempotency key, in bytes.
const maxKey = 256

func (s Start) headers(source string, at time.Time) []saga.Header {
	var headers []saga.Header
	put := func(key, value string) { headers = append(headers, saga.Header{Key: key, Value: []byte(value)}) }
	put(saga.HeaderSpecVersion, "1.0")
	put(saga.HeaderID, s.Key)
	put(saga.HeaderType, saga.TypeStart)
	put(saga.HeaderSource, "/clients/"+source)
	put(saga.HeaderSubject, s.Definition)
	put(saga.HeaderTime, at.UTC().Format(time.RFC3339Nano))
	put(saga.HeaderContentType, saga.ContentJSON)
	put(saga.HeaderNamespace, s.Namespace)
	put(saga.HeaderDefinition, s.Definition)
	if s.Version != "" {
		put(saga.HeaderVersion, s.Version)
	}
	return headers
}
