package participant

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
)

// set replaces the value of a header.
func set(r kafka.Record, key, value string) kafka.Record {
	r.Headers = slices.Clone(r.Headers)
	for i, h := range r.Headers {
		if h.Key == key {
			r.Headers[i].Value = []byte(value)
		}
	}
	return r
}

func TestHopelessCommandsBecomeDeadLetters(t *testing.T) {
	t.Parallel()
	good := ask{saga: newSaga()}.record()
	for name, c := range map[string]struct {
		record kafka.Record
		class  string
		reason string
	}{
		"no headers":          {kafka.Record{Topic: good.Topic, Partition: 3, Offset: 9, Value: []byte("?")}, "undecodable", "unwind-saga: missing"},
		"bad epoch":           {set(good, saga.HeaderEpoch, "one"), "undecodable", "unwind-epoch"},
		"a reply":             {set(good, saga.HeaderType, saga.TypeReply), "undecodable", "ce_type"},
		"foreign participant": {set(good, saga.HeaderParticipant, "hotels"), "unmatched", `participant "hotels"`},
		"unknown command":     {set(good, saga.HeaderCommand, "bok"), "unmatched", `no do handler named "bok"`},
		"wrong direction":     {set(good, saga.HeaderDirection, "undo"), "unmatched", `no undo handler named "book"`},
		"no JSON":             {ask{saga: newSaga(), value: "{"}.record(), "undecodable", "payload does not fit"},
		"JSON of other type":  {ask{saga: newSaga(), value: `{"seat":"three"}`}.record(), "undecodable", "payload does not fit"},
		"not JSON by type":    {set(good, saga.HeaderContentType, "avro/binary"), "undecodable", "not plain application/json"},
		"no such topic":       {ask{saga: newSaga(), replyTopic: strings.Repeat("x", 250)}.record(), "unanswerable", "topic has 250 bytes"},
	} {
		f := newFixture(t)
		require.NoError(t, f.p.take(t.Context(), c.record), name)
		require.Len(t, f.sent.records, 1, name)
		require.Equal(t, "unwind.commands.flights.dlt", f.sent.records[0].Topic)
		original, why, err := deadletter.Original(f.sent.records[0])
		require.NoError(t, err)
		require.Equal(t, c.record, original, "%s: byte for byte", name)
		require.Equal(t, c.class, why.Class, name)
		require.Contains(t, why.Text, c.reason, name)
		require.Empty(t, f.replies(), "%s: not answered", name)
	}
}

func TestDeadLetterThatCannotBeKeptIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.sent.fault = errors.New("broker away")
	err := f.p.handle(kafka.NewMessage(t.Context(), set(ask{saga: newSaga()}.record(), saga.HeaderCommand, "bok")))
	require.ErrorContains(t, err, "broker away")
}

func TestMessageOfAnotherSubscriberIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.ErrorIs(t, f.p.handle(message.NewMessage("1", nil)), errRecord)
}

// newDirect is a participant without a database.
func newDirect(t *testing.T) (*Participant, *capture) {
	t.Helper()
	p, err := New(Config{Name: "flights", Kafka: kafka.Config{Brokers: []string{"127.0.0.1:1"}}, HandlerTimeout: time.Second, RetryMax: time.Millisecond})
	require.NoError(t, err)
	sent := &capture{}
	p.producer = sent
	return p, sent
}

func TestWithoutADatabase(t *testing.T) {
	t.Parallel()
	p, sent := newDirect(t)
	HandleFunc(p, "book", func(ctx context.Context, in booking) (ticket, error) {
		if in.Fail == "slow" {
			<-ctx.Done()
			return ticket{}, ctx.Err()
		}
		if in.Reject != "" {
			return ticket{}, Reject(in.Reject)
		}
		return ticket{Number: Info(ctx).ID.String()}, nil
	})
	HandleUndoFunc(p, "cancel", func(_ context.Context, in booking) error {
		if in.Fail != "" {
			panic(in.Fail)
		}
		return nil
	})
	for _, c := range []struct {
		ask     ask
		outcome saga.Outcome
		reason  string
	}{
		{ask{}, saga.Succeeded, ""},
		{ask{value: `{"reject":"no seats"}`}, saga.Rejected, "no seats"},
		{ask{value: `{"fail":"slow"}`}, saga.Failed, "after the handler's time of 1s: context deadline exceeded"},
		{ask{undo: true}, saga.Succeeded, ""},
		{ask{undo: true, value: `{"fail":"oh"}`}, saga.Failed, "panic: oh"},
	} {
		c.ask.saga = newSaga()
		sent.records = nil
		require.NoError(t, p.take(t.Context(), c.ask.record()))
		require.Len(t, sent.records, 1)
		r := sent.records[0]
		require.Equal(t, "unwind.replies.g1", r.Topic)
		require.Equal(t, int32(7), r.Partition)
		require.Equal(t, c.ask.saga.String(), string(r.Key))
		reply, err := saga.DecodeReply(r.Headers, r.Value)
		require.NoError(t, err)
		require.Equal(t, c.outcome, reply.Outcome)
		require.Equal(t, c.reason, reply.Reason)
	}
	sent.fault = errors.New("broker away")
	require.Error(t, p.take(t.Context(), ask{saga: newSaga()}.record()), "no reply, no acknowledgement")
}

func TestFaultsOfTheRegistrationAreReportedTogether(t *testing.T) {
	t.Parallel()
	p, _ := newDirect(t)
	require.ErrorContains(t, p.check(t.Context()), "no handler")
	do := func(context.Context, booking) (ticket, error) { return ticket{}, nil }
	HandleFunc(p, "Book!", do)
	HandleFunc(p, "book", do)
	HandleFunc(p, "book", do)
	Handle(p, "charge", func(context.Context, pgx.Tx, booking) (ticket, error) { return ticket{}, nil })
	err := p.Run(t.Context())
	for _, part := range []string{`do handler "Book!": want a name`, `"book": registered twice`, `"charge": wants a transaction`} {
		require.ErrorContains(t, err, part)
	}
	require.ErrorIs(t, p.Run(t.Context()), errStarted)
}

func TestMissingTablesAreReported(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Schema = "hotels" })
	require.ErrorContains(t, f.p.check(t.Context()), "schema hotels")
	f.p.queries = newQueries("flights")
	require.NoError(t, f.p.check(t.Context()))
}

func TestFaultsOfTheConfigurationAreReportedTogether(t *testing.T) {
	t.Parallel()
	_, err := New(Config{Name: "Pay ments", Concurrency: -1, DrainTimeout: -1})
	for _, part := range []string{"want a name like payments", "kafka: brokers", "concurrency", "times must not be negative"} {
		require.ErrorContains(t, err, part)
	}
}

func TestRejectionsAreFoundThroughWrapping(t *testing.T) {
	t.Parallel()
	require.True(t, IsRejection(errors.Join(errors.New("x"), Reject("no"))))
	require.False(t, IsRejection(errors.New("no")))
	require.False(t, IsRejection(nil))
}

func TestInfoOutsideAHandlerIsZero(t *testing.T) {
	t.Parallel()
	require.Zero(t, Info(context.Background()))
}

// The reply in the outbox goes to the very partition that the command names.
func TestReplyGoesToTheNamedPartition(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := newSaga()
	require.NoError(t, f.p.take(t.Context(), ask{saga: id}.record()))
	m := f.replies()[0]
	require.Equal(t, outbox.Pin(7), m.Partition)
	require.Equal(t, id.String(), m.Key)
}

// A broker that is away is waited for: Run goes on until its context ends.
func TestBrokerAway(t *testing.T) {
	t.Parallel()
	p, _ := newDirect(t)
	HandleFunc(p, "book", func(context.Context, booking) (ticket, error) { return ticket{}, nil })
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	select {
	case <-p.Running():
	case err := <-ended:
		require.Fail(t, "Run gave up", err)
	}
	end()
	require.NoError(t, <-ended)
}
