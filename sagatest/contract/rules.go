package contract

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
)

// rule is one rule of docs/wire-contract.md.
type rule struct {
	section, name, says string
	skip                func(j *judge) string // why it is not looked at; empty: it is
	look                func(j *judge) error
}

const (
	inReply   = "docs/wire-contract.md#reply"
	inGuard   = "docs/wire-contract.md#the-guard"
	inEpochs  = "docs/wire-contract.md#incarnation-epoch-attempt"
	inCommand = "docs/wire-contract.md#command"
	inLetters = "docs/wire-contract.md#dead-letters"
)

//nolint:gochecknoglobals // a constant table
var rules = []rule{
	{inReply, "answer", "a do is answered", always, answered},
	{inReply, "headers", "a reply copies every unwind- header, and says what it answers", always, headers},
	{inGuard, "repeat", "the same command again, and another attempt, have the same answer and no other effect", always, repeated},
	{inGuard, "undo", "an undo succeeds, and does so again", undoes, undone},
	{inGuard, "do-after-undo", "a do that comes after its undo is rejected, whatever its epoch", undoes, doAfterUndo},
	{inGuard, "undo-first", "an undo of what was never done succeeds, and its do is rejected from then on", undoes, undoFirst},
	{inEpochs, "stale-epoch", "what is older than (incarnation, epoch) of the last answer is rejected and changes nothing", undoes, stale},
	{inGuard, "refusal-stays", "a rejected command is rejected again, and its undo finds nothing to undo", refuses, refusalStays},
	{inCommand, "items", "each item of a list, and each visit of a step, is a command of its own", always, items},
	{inLetters, "unreadable", "what cannot be handled is a dead letter, byte for byte, and is not answered; the next command is", always, unreadable},
	{inGuard, "crash-before-commit", "a participant that died before its commit has done nothing, and does it when the command comes again", crashes, crashBefore},
	{inGuard, "crash-after-commit", "one that died after its commit answers what it has stored", crashes, crashAfter},
}

func always(*judge) string { return "" }

func undoes(j *judge) string {
	if j.cfg.Undo == "" {
		return "no compensation was named"
	}
	return ""
}

func refuses(j *judge) string {
	if j.cfg.Refused == nil {
		return "no input was given that is refused"
	}
	return ""
}

func crashes(j *judge) string {
	if _, ok := j.line.(Crasher); !ok {
		return "a participant that runs elsewhere cannot be made to die"
	}
	return ""
}

func answered(j *judge) error {
	_, err := j.wants("a do", saga.Succeeded, ask{saga: newSaga()})
	return err
}

// headers holds a reply to what it must copy and say.
func headers(j *judge) error {
	id := newSaga()
	command := j.record(ask{saga: id})
	command.Headers = append(command.Headers, kafka.Header{Key: "unwind-from-tomorrow", Value: []byte("as it is")}, kafka.Header{Key: "other", Value: []byte("x")})
	got, err := j.line.Send(j.ctx, command)
	if err != nil || got.Reply == nil {
		j.foundf("a do with headers of a later version", "a reply", "%v, dead letter: %s", err, letterReason(got.Letter))
		return errStop
	}
	has := map[string]string{}
	for _, h := range slices.Backward(got.Reply.Headers) {
		has[h.Key] = string(h.Value)
	}
	for _, h := range command.Headers {
		if value, there := has[h.Key]; strings.HasPrefix(h.Key, "unwind-") && (!there || value != string(h.Value)) {
			j.foundf("the header "+h.Key, fmt.Sprintf("%q", h.Value), "%q", value)
		}
	}
	for key, want := range map[string]string{
		saga.HeaderSpecVersion: "1.0", saga.HeaderType: saga.TypeReply, saga.HeaderSource: "/participants/" + j.cfg.Participant,
		saga.HeaderID: id.String() + "/check/do/reply", saga.HeaderSubject: id.String(),
	} {
		if has[key] != want {
			j.foundf("the header "+key, want, "%q", has[key])
		}
	}
	j.place(got.Reply, id)
	return nil
}

// place holds a reply to where it must be.
func (j *judge) place(reply *kafka.Record, id saga.ID) {
	if string(reply.Key) != id.String() {
		j.foundf("the reply's key", id.String(), "%q", reply.Key)
	}
	if want := j.line.Route().ReplyPartition; reply.Partition != want {
		j.foundf("the reply's partition", fmt.Sprintf("%d, as the command says", want), "%d", reply.Partition)
	}
	if reply.Value == nil {
		j.foundf("the reply's value", "a result, or no bytes", "Kafka's null")
	}
}

// same gives a command again and holds its answer to the first one.
func (j *judge) same(what string, first saga.Reply, a ask) error {
	reply, err := j.given(what, a)
	if err != nil {
		return err
	}
	if reply.Outcome != first.Outcome || reply.Reason != first.Reason || reply.Payload.ContentType != first.Payload.ContentType || !bytes.Equal(reply.Payload.Data, first.Payload.Data) {
		j.foundf(what, "the same answer, "+said(first), "%s", said(reply))
	}
	if want := max(a.attempt, 1); reply.Attempt != want {
		j.foundf(what, fmt.Sprintf("the headers of the command that it answers this time: attempt %d", want), "attempt %d", reply.Attempt)
	}
	return nil
}

func repeated(j *judge) error {
	a := ask{saga: newSaga()}
	first, err := j.wants("a do", saga.Succeeded, a)
	if err == nil {
		err = j.effects("a do", a.saga, 1)
	}
	if err == nil {
		err = j.same("the same do again", first, a)
	}
	if a.attempt = 2; err == nil {
		err = j.same("the same do, attempt 2", first, a)
	}
	if err == nil {
		err = j.effects("a do, three times", a.saga, 1)
	}
	return err
}

// doneAndUndone is a saga whose step was done and undone.
func (j *judge) doneAndUndone() (do, undo ask, err error) {
	do = ask{saga: newSaga()}
	undo = do
	undo.undo, undo.epoch = true, 2
	if _, err = j.wants("a do", saga.Succeeded, do); err == nil {
		_, err = j.wants("its undo", saga.Succeeded, undo)
	}
	return do, undo, err
}

func undone(j *judge) error {
	_, undo, err := j.doneAndUndone()
	if err == nil {
		err = j.effects("a do and its undo", undo.saga, 0)
	}
	if err == nil {
		_, err = j.wants("the undo again", saga.Succeeded, undo)
	}
	if undo.attempt, undo.epoch = 2, 3; err == nil {
		_, err = j.wants("the undo, attempt 2, epoch 3", saga.Succeeded, undo)
	}
	if err == nil {
		err = j.effects("a do and three undos", undo.saga, 0)
	}
	return err
}

// refused holds a do, at each of the epochs, to a rejection without an effect.
func (j *judge) refused(what string, do ask, epochs ...int) error {
	for _, do.epoch = range epochs {
		if _, err := j.wants(fmt.Sprintf("%s, epoch %d", what, do.epoch), saga.Rejected, do); err != nil {
			return err
		}
	}
	return j.effects(what, do.saga, 0)
}

func doAfterUndo(j *judge) error {
	do, _, err := j.doneAndUndone()
	if err != nil {
		return err
	}
	return j.refused("a do after its undo", do, 1, 2, 3)
}

func undoFirst(j *judge) error {
	do := ask{saga: newSaga()}
	undo := do
	undo.undo, undo.epoch = true, 2
	if _, err := j.wants("an undo of what was never done", saga.Succeeded, undo); err != nil {
		return err
	}
	if err := j.refused("the do after an undo that came first", do, 1, 2); err != nil {
		return err
	}
	_, err := j.wants("the undo again", saga.Succeeded, undo)
	return err
}

func stale(j *judge) error {
	do := ask{saga: newSaga(), incarnation: 2, epoch: 3}
	if _, err := j.wants("a do, incarnation 2, epoch 3", saga.Succeeded, do); err != nil {
		return err
	}
	for _, old := range []ask{
		{saga: do.saga, incarnation: 2, epoch: 2},
		{saga: do.saga, incarnation: 2, epoch: 2, undo: true},
		{saga: do.saga, incarnation: 1, epoch: 9, undo: true},
	} {
		what := fmt.Sprintf("after it: undo %t, incarnation %d, epoch %d", old.undo, old.incarnation, old.epoch)
		if _, err := j.wants(what, saga.Rejected, old); err != nil {
			return err
		}
	}
	if err := j.effects("a do, and what is older", do.saga, 1); err != nil {
		return err
	}
	_, err := j.wants("the do again", saga.Succeeded, do)
	return err
}

func refusalStays(j *judge) error {
	do := ask{saga: newSaga(), input: j.cfg.Refused}
	first, err := j.wants("a do that is refused", saga.Rejected, do)
	if err == nil {
		err = j.effects("a do that is refused", do.saga, 0)
	}
	if err == nil {
		err = j.same("the same do again", first, do)
	}
	if do.attempt, do.input = 2, nil; err == nil {
		_, err = j.wants("attempt 2, when it could succeed", saga.Rejected, do)
	}
	if err == nil && j.cfg.Undo != "" {
		undo := ask{saga: do.saga, undo: true, epoch: 2, input: j.cfg.Refused}
		_, err = j.wants("its undo", saga.Succeeded, undo)
	}
	if err == nil {
		err = j.effects("a do that is refused, and its undo", do.saga, 0)
	}
	return err
}

func items(j *judge) error {
	id, n := newSaga(), 0
	for _, step := range []saga.StepRef{{Name: "check", Item: 1}, {Name: "check", Item: 2}, {Name: "check", Item: 2, Visit: 1}} {
		if _, err := j.wants("a do of "+step.String(), saga.Succeeded, ask{saga: id, step: step}); err != nil {
			return err
		}
		n++
	}
	if err := j.effects("three runs of a step", id, n); err != nil || j.cfg.Undo == "" {
		return err
	}
	first, second := saga.StepRef{Name: "check", Item: 1}, saga.StepRef{Name: "check", Item: 2}
	if _, err := j.wants("an undo of check[0]", saga.Succeeded, ask{saga: id, step: first, undo: true, epoch: 2}); err != nil {
		return err
	}
	if _, err := j.wants("the do of check[1] again", saga.Succeeded, ask{saga: id, step: second}); err != nil {
		return err
	}
	return j.effects("three runs of a step, one undone", id, n-1)
}

// spoiled are records that nobody can handle.
func (j *judge) spoiled(id saga.ID) map[string]kafka.Record {
	of := func(change func(r *kafka.Record)) kafka.Record {
		r := j.record(ask{saga: id})
		r.Headers = slices.Clone(r.Headers)
		change(&r)
		return r
	}
	header := func(key, value string) kafka.Record {
		return of(func(r *kafka.Record) {
			for i := range r.Headers {
				if r.Headers[i].Key == key {
					r.Headers[i].Value = []byte(value)
				}
			}
		})
	}
	return map[string]kafka.Record{
		"a record without headers":         of(func(r *kafka.Record) { r.Headers = nil }),
		"another version of the contract":  header(saga.HeaderType, "unwind.command.v2"),
		"a command of another participant": header(saga.HeaderParticipant, "somebodyElse"),
		"a command that nobody knows":      header(saga.HeaderCommand, "neverHeardOf"),
		"an epoch that is no number":       header(saga.HeaderEpoch, "first"),
		"a value that is no JSON":          of(func(r *kafka.Record) { r.Value = []byte("{no json") }),
	}
}

func unreadable(j *judge) error {
	id := newSaga()
	all := j.spoiled(id)
	for _, what := range slices.Sorted(maps.Keys(all)) {
		if err := j.buried(what, all[what]); err != nil {
			return err
		}
	}
	if _, err := j.wants("a do behind them", saga.Succeeded, ask{saga: id}); err != nil {
		return err
	}
	return j.effects("a do behind what cannot be read", id, 1)
}

// buried holds a record to being a dead letter, byte for byte.
func (j *judge) buried(what string, r kafka.Record) error {
	got, err := j.line.Send(j.ctx, r)
	if err != nil && !errors.Is(err, ErrSilent) {
		return err
	}
	switch {
	case err != nil:
		j.foundf(what, "a dead letter", "nothing in %s", j.cfg.Timeout)
		return errStop // the next ones would have to wait as long
	case got.Letter == nil:
		reply, err := saga.DecodeReply(got.Reply.Headers, got.Reply.Value)
		j.foundf(what, "a dead letter and no reply", "a reply: %s, %v", said(reply), err)
		return nil
	}
	j.letter(what, &r, *got.Letter)
	return nil
}

// letter holds a dead letter to the record that it was.
func (j *judge) letter(what string, was *kafka.Record, letter kafka.Record) {
	r, why, err := deadletter.Original(letter)
	switch {
	case err != nil:
		j.foundf(what, "the dead letter's headers", "%s", err)
	case why.Text == "" || why.Class == "":
		j.foundf(what, "a reason and a class", "%q, %q", why.Text, why.Class)
	case r.Topic != j.cfg.topic():
		j.foundf(what, "the topic where it was read, "+j.cfg.topic(), "%q", r.Topic)
	case !bytes.Equal(r.Key, was.Key), !bytes.Equal(r.Value, was.Value), !sameHeaders(r.Headers, was.Headers):
		j.foundf(what, "key, value and headers byte for byte, in order", "others")
	}
}

func sameHeaders(a, b []kafka.Header) bool {
	return slices.EqualFunc(a, b, func(x, y kafka.Header) bool { return x.Key == y.Key && bytes.Equal(x.Value, y.Value) })
}

// crash gives a command to a participant that dies before its commit.
func (j *judge) crash(a ask) error {
	dies, _ := j.line.(Crasher) // crashes has asked
	err := dies.Crash(j.ctx, j.record(a))
	if errors.Is(err, ErrNoCommit) {
		j.now.Skipped = err.Error()
		return errStop
	}
	return err
}

func crashBefore(j *judge) error {
	do := ask{saga: newSaga()}
	err := j.crash(do)
	if err == nil {
		err = j.effects("a do that died before its commit", do.saga, 0)
	}
	if err == nil {
		_, err = j.wants("the do again", saga.Succeeded, do)
	}
	if err == nil {
		err = j.effects("the do again", do.saga, 1)
	}
	if err != nil || j.cfg.Undo == "" {
		return err
	}
	undo := ask{saga: do.saga, undo: true, epoch: 2}
	if err = j.crash(undo); err == nil {
		err = j.effects("an undo that died before its commit", do.saga, 1)
	}
	if err == nil {
		_, err = j.wants("the undo again", saga.Succeeded, undo)
	}
	if err == nil {
		err = j.effects("the undo again", do.saga, 0)
	}
	return err
}

// crashAfter: what was committed and never acknowledged comes again.
func crashAfter(j *judge) error {
	do := ask{saga: newSaga()}
	first, err := j.wants("a do", saga.Succeeded, do)
	if err == nil {
		err = j.same("the do again, as after a crash", first, do)
	}
	if err == nil {
		err = j.effects("the do again, as after a crash", do.saga, 1)
	}
	return err
}
