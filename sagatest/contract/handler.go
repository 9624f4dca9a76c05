package contract

import (
	"context"
	"errors"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/participant"
)

// TB is what a test has.
type TB interface {
	// Helper marks the caller as one that fails a test for another.
	Helper()
	// Context ends with the test.
	Context() context.Context
	// Logf writes to the test's log.
	Logf(format string, args ...any)
	// Errorf fails the test.
	Errorf(format string, args ...any)
	// Fatalf fails the test and ends it.
	Fatalf(format string, args ...any)
}

// Test holds the handlers of a participant, with its real database and without Kafka, to
// every rule, and fails t with each one that is broken. p must not run.
func Test(t TB, p *participant.Participant, cfg Config) {
	t.Helper()
	results, err := Check(t.Context(), handlers{p}, cfg)
	if err != nil {
		t.Fatalf("the participant %s cannot be looked at: %s", cfg.Participant, err)
	}
	looked := 0
	for _, r := range results {
		if r.Skipped == "" {
			looked++
		}
		for _, f := range r.Findings {
			t.Errorf("%s\n  %s", f, r.Says)
		}
	}
	t.Logf("%d rules of %d were looked at", looked, len(rules))
}

// handlers is the Line to a participant of this process.
type handlers struct{ p *participant.Participant }

// Route implements Line.
func (handlers) Route() saga.Route { return saga.Route{ReplyTopic: "unwind.checks", ReplyPartition: 2} }

// Send implements Line.
func (h handlers) Send(ctx context.Context, r kafka.Record) (Answer, error) {
	written, err := h.p.Deliver(ctx, r, participant.NoCrash)
	if err != nil {
		return Answer{}, err
	}
	var answer Answer
	for i := range written {
		if deadletter.Is(written[i].Topic) {
			answer.Letter = &written[i]
			continue
		}
		reply, err := saga.DecodeReply(written[i].Headers, written[i].Value)
		if err != nil || reply.Outcome != saga.Ongoing {
			answer.Reply = &written[i]
		}
	}
	if answer.Reply == nil && answer.Letter == nil {
		return answer, ErrSilent
	}
	return answer, nil
}

// Crash implements Crasher.
func (h handlers) Crash(ctx context.Context, r kafka.Record) error {
	switch _, err := h.p.Deliver(ctx, r, participant.BeforeCommit); {
	case errors.Is(err, participant.ErrCrashed):
		return nil
	case err != nil:
		return err
	}
	return ErrNoCommit
}
