package contract

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/internal/tryout"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
)

// Config says what a participant is asked.
type Config struct {
	Participant string        // Participant is its name. Required.
	Command     string        // Command is the command to be done. Required.
	Undo        string        // Undo is its compensation; empty: what undoes is not looked at.
	Input       []byte        // Input is an input, JSON, that succeeds. Default {}.
	Refused     []byte        // Refused is an input that is rejected; nil: refusals are not looked at.
	Namespace   string        // Namespace stands in the commands. Default "default".
	Prefix      string        // Prefix begins all topics' names. Default "unwind.".
	Timeout     time.Duration // Timeout is how long an answer is waited for. Default 30 s.

	// Effects, if set, counts what has been done for a saga and was not undone: it is
	// asked after each of its commands.
	Effects func(ctx context.Context, id saga.ID) (int, error)
}

func (c Config) withDefaults() Config {
	c.Prefix, c.Namespace, c.Timeout = cmp.Or(c.Prefix, "unwind."), cmp.Or(c.Namespace, "default"), cmp.Or(c.Timeout, 30*time.Second)
	if c.Input == nil {
		c.Input = []byte("{}")
	}
	return c
}

// topic is where the participant's commands are.
func (c Config) topic() string { return c.Prefix + "commands." + c.Participant }

// Line leads to a participant.
type Line interface {
	// Send gives a record to the participant and returns what comes of it: the final
	// reply or the dead letter. The error wraps ErrSilent if nothing does in time.
	Send(ctx context.Context, r kafka.Record) (Answer, error)
	// Route is where replies are to go.
	Route() saga.Route
}

// Crasher is a Line to a participant that can be made to die.
type Crasher interface {
	// Crash gives a record to the participant, which dies after its handler and before
	// its commit. The error wraps ErrNoCommit if it has none.
	Crash(ctx context.Context, r kafka.Record) error
}

// Answer is what came of a record. One of both is set.
type Answer struct {
	Reply  *kafka.Record // Reply is the final reply.
	Letter *kafka.Record // Letter is the dead letter.
}

// ErrSilent says that a participant did not answer.
var ErrSilent = errors.New("no answer in time")

// ErrNoCommit says that a handler has no transaction in which it could die.
var ErrNoCommit = errors.New("the handler has no transaction")

// Finding is a rule of the wire contract that a participant breaks.
type Finding struct {
	Rule string `json:"rule"` // Rule is the rule's section in docs/wire-contract.md, and its name.
	What string `json:"what"` // What was done, in a few words.
	Want string `json:"want"` // Want is what the contract says.
	Got  string `json:"got"`  // Got is what there was.
}

// String returns the finding in one line.
func (f Finding) String() string {
	return f.Rule + ": " + f.What + ": want " + f.Want + ", got " + f.Got
}

// Result is what came of one rule.
type Result struct {
	Rule     string    `json:"rule"`               // Rule is docs/wire-contract.md#section and the rule's name.
	Says     string    `json:"says"`               // Says is the rule in a sentence.
	Skipped  string    `json:"skipped,omitempty"`  // Skipped says why it was not looked at.
	Findings []Finding `json:"findings,omitempty"` // Findings are how it is broken; none is good.
}

// judge looks at one rule after the other.
type judge struct {
	ctx  context.Context
	cfg  Config
	line Line
	now  *Result
}

// errStop ends a rule: what follows makes no sense any more.
var errStop = errors.New("the rest of the rule makes no sense")

// Check holds the participant at the end of the line to every rule. The error is that of
// the line, or of ctx; a participant that breaks rules is no error.
func Check(ctx context.Context, line Line, cfg Config) ([]Result, error) {
	cfg = cfg.withDefaults()
	var all []Result
	for _, r := range rules {
		result := Result{Rule: r.section + " " + r.name, Says: r.says}
		j := &judge{ctx: ctx, cfg: cfg, line: line, now: &result}
		if result.Skipped = r.skip(j); result.Skipped == "" {
			if err := r.look(j); err != nil && !errors.Is(err, errStop) {
				return all, fmt.Errorf("rule %s: %w", result.Rule, err)
			}
		}
		all = append(all, result)
		if r.name == "answer" && len(result.Findings) > 0 {
			break // nothing else can be looked at
		}
	}
	return all, nil
}

// Broken lists all findings.
func Broken(results []Result) (all []Finding) {
	for _, r := range results {
		all = append(all, r.Findings...)
	}
	return all
}

func (j *judge) foundf(what, want, got string, args ...any) {
	j.now.Findings = append(j.now.Findings, Finding{j.now.Rule, what, want, fmt.Sprintf(got, args...)})
}

// newSaga is the id of a saga that does not exist.
func newSaga() saga.ID { return tryout.NewSaga(time.Now()) }

// ask is a command that is given to the participant.
type ask struct {
	saga        saga.ID
	step        saga.StepRef
	undo        bool
	incarnation int64
	epoch       int
	attempt     int
	input       []byte
}

// record is the command as a coordinator writes it.
func (j *judge) record(a ask) kafka.Record {
	now := time.Now()
	route := j.line.Route()
	route.Namespace, route.Incarnation, route.Token = j.cfg.Namespace, max(a.incarnation, 1), "check.only"
	c := saga.Command{
		ID: saga.CommandID{Saga: a.saga, Step: a.step, Direction: saga.Do}, Participant: j.cfg.Participant, Name: j.cfg.Command,
		Definition: "check", Version: "r1", Attempt: max(a.attempt, 1), Epoch: max(a.epoch, 1), Deadline: now.Add(j.cfg.Timeout),
		Payload: saga.JSON(j.cfg.Input), Route: route,
	}
	if a.step.Name == "" {
		c.ID.Step.Name = "check"
	}
	if a.undo {
		c.ID.Direction, c.Name = saga.Undo, j.cfg.Undo
	}
	if a.input != nil {
		c.Payload.Data = a.input
	}
	return kafka.Record{
		Topic: j.cfg.topic(), Partition: kafka.ByKey, Key: []byte(a.saga.String()), Value: c.Payload.Data, Headers: saga.CommandHeaders(c, now),
	}
}

// given gives a command to the participant and returns its reply; a dead letter and
// silence are findings that end the rule.
func (j *judge) given(what string, a ask) (saga.Reply, error) {
	sent := j.record(a)
	got, err := j.line.Send(j.ctx, sent)
	switch {
	case errors.Is(err, ErrSilent):
		j.foundf(what, "a reply", "none in %s", j.cfg.Timeout)
		return saga.Reply{}, errStop
	case err != nil:
		return saga.Reply{}, err
	case got.Reply == nil:
		j.foundf(what, "a reply", "a dead letter: %s", letterReason(got.Letter))
		return saga.Reply{}, errStop
	}
	reply, err := saga.DecodeReply(got.Reply.Headers, got.Reply.Value)
	if err != nil {
		j.foundf(what, "a reply that can be read", "%s", err)
		return saga.Reply{}, errStop
	}
	return reply, nil
}

// wants gives a command to the participant and holds its reply to an outcome.
func (j *judge) wants(what string, outcome saga.Outcome, a ask) (saga.Reply, error) {
	reply, err := j.given(what, a)
	if err == nil && reply.Outcome != outcome {
		j.foundf(what, outcome.String(), "%s", said(reply))
		err = errStop
	}
	return reply, err
}

// effects holds what was done for a saga to a number.
func (j *judge) effects(what string, id saga.ID, want int) error {
	if j.cfg.Effects == nil {
		return nil
	}
	n, err := j.cfg.Effects(j.ctx, id)
	if err != nil {
		return fmt.Errorf("count the effects of saga %s: %w", id, err)
	}
	if n != want {
		j.foundf(what, fmt.Sprintf("%d effects", want), "%d", n)
	}
	return nil
}

// said is a reply in a few words.
func said(r saga.Reply) string {
	text := r.Outcome.String()
	if r.Reason != "" {
		text += ", " + r.Reason
	}
	if len(r.Payload.Data) > 0 {
		const most = 120
		text += fmt.Sprintf(" %.*s", most, r.Payload.Data)
	}
	return text
}

// letterReason is why a record is a dead letter.
func letterReason(letter *kafka.Record) string {
	if letter == nil {
		return "none"
	}
	_, why, err := deadletter.Original(*letter)
	if err != nil {
		return err.Error()
	}
	return why.Text
}
