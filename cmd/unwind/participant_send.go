package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/internal/tryout"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

// handSent is what participant send was asked for.
type handSent struct {
	s                                   stores
	format, input, undo, contract, saga string
	step, namespace                     string
	again, first                        bool
	timeout                             time.Duration
	offers                              *definition.Contract
}

// tried is one command and its answer, as it is shown.
type tried struct {
	Saga      string          `json:"saga"`
	Direction string          `json:"direction"`
	Command   string          `json:"command"`
	Attempt   int             `json:"attempt"`
	Outcome   string          `json:"outcome"`
	Reason    string          `json:"reason,omitempty"`
	Output    json.RawMessage `json:"output,omitempty"`
	Took      string          `json:"took"`
	Note      string          `json:"note,omitempty"` // what is wrong with it, or that it is the same again
	bad       bool
}

func participantSendCommand() *cobra.Command {
	var t handSent
	cmd := &cobra.Command{
		Use: "send PARTICIPANT/COMMAND", Short: "Send a command by hand to a real participant and wait for its answer", Args: cobra.ExactArgs(1),
		Long: "Send a command by hand to a real participant, over Kafka as a coordinator would, and wait for its answer.\n" +
			"It really does what it is asked. The saga that it is asked for does not exist; answers go to a topic of their own.\n" +
			"--again sends the very same again: a participant answers with the same bytes and does nothing twice.",
		Example: "  unwind participant send payments/charge --input '{\"card\": \"gold\", \"cents\": 100}' --again --undo refund",
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := t.run(cmd.Context(), args[0])
			if len(all) > 0 {
				err = errors.Join(show(cmd, t.format, all, func(w io.Writer) { writeTried(w, all) }), err)
			}
			for _, one := range all {
				if err == nil && one.bad {
					err = silentError{}
				}
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&t.input, "input", "{}", "the payload, JSON; @FILE reads it from a file")
	flags.BoolVar(&t.again, "again", false, "send each command a second time")
	flags.StringVar(&t.undo, "undo", "", "then undo it with this command")
	flags.BoolVar(&t.first, "undo-first", false, "with --undo: undo before the command, which must then be refused for ever")
	flags.StringVar(&t.contract, "contract", "", "the participant's contract: input and answers are held to it, and it knows the --undo")
	flags.StringVar(&t.saga, "saga", "", "the saga's id, to go on with one of before; default a new one")
	flags.StringVar(&t.step, "step", "byHand", "the step's name")
	flags.StringVar(&t.namespace, "in", "default", "the namespace that stands in the command")
	flags.DurationVar(&t.timeout, "timeout", 30*time.Second, "how long an answer is waited for")
	formatFlag(cmd, &t.format)
	t.s.kafka(flags)
	return cmd
}

// run sends what is asked for, one after the other, up to the first without an answer.
func (t *handSent) run(ctx context.Context, what string) ([]tried, error) {
	plan, err := t.plan(what)
	if err != nil {
		return nil, err
	}
	try, err := tryout.Open(ctx, tryout.Config{
		Kafka: kafka.Config{Brokers: t.s.brokers, Security: t.s.protection.security()}, Prefix: t.s.prefix, Namespace: t.namespace, Timeout: t.timeout,
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = try.Close(context.WithoutCancel(ctx)) }() // everything was answered, or never will be
	all := []tried{}
	answers := map[string]saga.Reply{}
	for _, c := range plan {
		begun := time.Now()
		reply, err := try.Send(ctx, c)
		if err != nil {
			return all, err
		}
		one := t.judge(c, reply, answers)
		one.Took = time.Since(begun).Round(time.Millisecond).String()
		all = append(all, one)
	}
	return all, nil
}

// plan is what is sent, in order.
func (t *handSent) plan(what string) ([]tryout.Command, error) {
	participant, command, err := addressed(what, &t.s, t.timeout)
	if err != nil {
		return nil, err
	}
	input, err := payloadOf(t.input)
	if err == nil {
		err = t.held(participant, command, input)
	}
	if err == nil && t.first && t.undo == "" {
		err = usagef("--undo-first undoes what: name it with --undo")
	}
	id := tryout.NewSaga(time.Now())
	if err == nil && t.saga != "" {
		if id, err = saga.ParseID(t.saga); err != nil {
			err = usageError{err}
		}
	}
	if err != nil {
		return nil, err
	}
	do := tryout.Command{Saga: id, Step: t.step, Direction: saga.Do, Participant: participant, Name: command, Attempt: 1, Input: input}
	undo := do
	undo.Direction, undo.Name = saga.Undo, t.undo
	plan := []tryout.Command{do, undo}
	switch {
	case t.undo == "":
		plan = plan[:1]
	case t.first:
		plan = []tryout.Command{undo, do}
	}
	if !t.again {
		return plan, nil
	}
	var twice []tryout.Command
	for _, c := range plan {
		repeat := c
		repeat.Attempt = 2
		twice = append(twice, c, repeat)
	}
	return twice, nil
}

// addressed says whom a command that is sent by hand is for, and that it can be sent.
func addressed(what string, s *stores, timeout time.Duration) (participant, command string, err error) {
	participant, command, ok := strings.Cut(what, "/")
	switch {
	case !ok || !saga.IsName(participant) || !saga.IsName(command):
		err = usagef("%q is not a command: write PARTICIPANT/COMMAND, such as payments/charge", what)
	case len(s.brokers) == 0:
		err = usagef("name the brokers: --kafka-brokers or UNWIND_KAFKA_BROKERS")
	case timeout <= 0 || timeout > time.Hour:
		err = usagef("--timeout %s: write up to 1h", timeout)
	}
	return participant, command, err
}

// payloadOf is a payload that was written on the command line, or in the @FILE.
func payloadOf(text string) ([]byte, error) {
	data := []byte(text)
	if path, ok := strings.CutPrefix(text, "@"); ok {
		var err error
		if data, err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	if err := definition.CheckDocument("input", data); err != nil {
		return nil, usageError{err}
	}
	return data, nil
}

// held holds the command to its contract, if there is one.
func (t *handSent) held(participant, command string, input []byte) error {
	if t.contract == "" {
		return nil
	}
	var err error
	if t.offers, err = offered(t.contract, participant, command, input); err == nil && t.undo == "" && t.first {
		t.undo = t.offers.Commands[command].Compensation
	}
	return err
}

// offered reads the contract of a participant and holds an input to it.
func offered(path, participant, command string, input []byte) (*definition.Contract, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	offers, err := definition.LoadContract(path, data)
	if err != nil {
		return nil, err
	}
	if offers.Participant != participant {
		return nil, usagef("%s is the contract of %s", path, offers.Participant)
	}
	if err := offers.CheckInput(command, input); err != nil {
		return nil, usageError{err}
	}
	return offers, nil
}

// judge says what an answer is worth.
func (t *handSent) judge(c tryout.Command, reply saga.Reply, answers map[string]saga.Reply) tried {
	one := tried{
		Saga: c.Saga.String(), Direction: c.Direction.String(), Command: c.Participant + "/" + c.Name, Attempt: c.Attempt,
		Outcome: reply.Outcome.String(), Reason: reply.Reason,
	}
	if json.Valid(reply.Payload.Data) {
		one.Output = reply.Payload.Data
	}
	before, repeated := answers[one.Direction]
	answers[one.Direction] = reply
	switch same := before.Outcome == reply.Outcome && bytes.Equal(before.Payload.Data, reply.Payload.Data); {
	case repeated && same:
		one.Note = "the same answer again"
	case repeated && before.Outcome != saga.Failed:
		one.Note, one.bad = "another answer than before: the participant is not idempotent", true
	case reply.Outcome == saga.Failed:
		one.bad = true
	case t.first && c.Direction == saga.Do && reply.Outcome != saga.Rejected:
		one.Note, one.bad = "it was undone before, and must be refused: the participant has no tombstones", true
	case t.offers != nil && c.Direction == saga.Do && reply.Outcome == saga.Succeeded:
		if err := t.offers.CheckResult(c.Name, reply.Payload.Data); err != nil {
			one.Note, one.bad = "not what the contract promises: "+err.Error(), true
		}
	}
	return one
}

func writeTried(w io.Writer, all []tried) {
	_, _ = fmt.Fprintf(w, "saga %s\n", all[0].Saga)
	for _, one := range all {
		text := one.Outcome
		if one.Reason != "" {
			text += ": " + one.Reason
		}
		if len(one.Output) > 0 {
			text += " " + string(one.Output)
		}
		_, _ = fmt.Fprintf(w, "%-4s %s%s  %s  (%s)\n", one.Direction, one.Command, attemptNote(one.Attempt), text, one.Took)
		if one.Note != "" {
			_, _ = fmt.Fprintln(w, "     "+one.Note)
		}
	}
}
