package office_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/deadletter/office"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/saga/coordinator"
)

var keys = saga.Keys{{ID: "k1", Secret: []byte("0123456789abcdef0123456789abcdef")}}

// shelf is the one saga and its definition that an office knows of.
type shelf struct {
	machine saga.Decider
	row     coordinator.Row
}

func (s *shelf) Get(_ context.Context, id saga.ID) (coordinator.Row, error) {
	if id != s.row.State.ID {
		return coordinator.Row{}, coordinator.ErrNotFound
	}
	return s.row, nil
}

func (s *shelf) Decider(string, string, string) (saga.Decider, bool)      { return s.machine, true }
func (s *shelf) Load(context.Context, string, string, string) (err error) { return nil }

// tell applies events to the saga.
func (s *shelf) tell(t *testing.T, events ...saga.Event) {
	t.Helper()
	for _, e := range events {
		e.At = time.Now()
		state, _, err := s.machine.Decide(s.row.State, nil, e)
		require.NoError(t, err)
		s.row.State = state
	}
}

// open returns an office that knows of one saga: book, whose reply is awaited, then
// charge.
func open(t *testing.T) (*office.Office, *shelf, *pgxpool.Pool) {
	t.Helper()
	store, pool := newStore(t)
	machine, err := saga.Compile(saga.Definition{Name: "trip", Version: "r1", Steps: []saga.Step{
		{Name: "book", Participant: "hotels", Command: "book", Compensation: "cancel"},
		{Name: "charge", Kind: saga.Pivot, Participant: "payments", Command: "charge"},
	}})
	require.NoError(t, err)
	s := &shelf{machine: machine, row: coordinator.Row{Namespace: "default", State: saga.State{ID: saga.ID{1}}}}
	s.tell(t, begun())
	o, err := office.New(office.Config{Store: store, Sagas: s, Definitions: s, Keys: keys, Incarnation: 1, MaxRedrives: 3})
	require.NoError(t, err)
	return o, s, pool
}

func begun() saga.Event {
	return saga.Event{Kind: saga.Started, Extra: &saga.EventExtra{Definition: "trip", Version: "r1", Level: saga.Level}, Payload: saga.JSON([]byte("1"))}
}

// A saga that is code has its steps in its state: what redriving would do is said as of
// any other.
func TestEffectOnASagaThatIsCode(t *testing.T) {
	t.Parallel()
	o, s, pool := open(t)
	trip, err := code.Func(saga.Definition{Name: "trip", Version: "r1"}, func(c *code.Context, in int) (int, error) {
		return code.Do[int](c, saga.Step{Name: "book", Participant: "hotels", Command: "book", Compensation: "cancel"}, in)
	})
	require.NoError(t, err)
	s.machine, s.row.State = trip, saga.State{ID: saga.ID{1}}
	s.tell(t, begun())
	effect, err := o.Preview(t.Context(), file(t, pool, o, replyRecord(command(saga.Do, 1), saga.Succeeded)), office.Decision{Force: true})
	require.NoError(t, err)
	require.Equal(t, "saga "+saga.ID{1}.String()+" waits for it: step book is doing, and the saga goes on", effect.Sentence)
	effect, err = o.Preview(t.Context(), file(t, pool, o, commandRecord(command(saga.Do, 1))), office.Decision{Force: true})
	require.NoError(t, err)
	require.Equal(t, "saga "+saga.ID{1}.String()+" waits for it: hotels does step book, or repeats its answer", effect.Sentence)
}

// command is that of the step book.
func command(direction saga.Direction, epoch int) saga.Command {
	cmd := saga.Command{
		ID: saga.CommandID{Saga: saga.ID{1}, Step: saga.StepRef{Name: "book"}, Direction: direction}, Participant: "hotels", Name: "book",
		Definition: "trip", Version: "r1", Attempt: 1, Epoch: epoch, Deadline: time.Now(),
		Route: saga.Route{Namespace: "default", Incarnation: 1, ReplyTopic: "replies"},
	}
	cmd.Route.Token = keys.Token("default", cmd.ID, epoch, "hotels")
	return cmd
}

func commandRecord(cmd saga.Command) kafka.Record {
	return kafka.Record{Topic: "commands.hotels", Key: []byte(cmd.ID.Saga.String()), Value: []byte("{}"), Headers: saga.CommandHeaders(cmd, time.Now())}
}

func replyRecord(cmd saga.Command, outcome saga.Outcome) kafka.Record {
	reply := saga.Reply{ID: cmd.ID, Participant: "hotels", Outcome: outcome}
	return kafka.Record{Topic: "replies", Value: []byte("{}"), Headers: saga.ReplyHeaders(commandRecord(cmd).Headers, reply, time.Now())}
}

// file stores the letter of a record and returns its id.
func file(t *testing.T, pool *pgxpool.Pool, o *office.Office, rec kafka.Record) int64 {
	t.Helper()
	letters := list(t, o.Store)
	rec.Offset = int64(len(letters))
	put(t, pool, office.NewLetter(rec, deadletter.Reason{Class: "test", Text: "of 1"}, "node", time.Now()))
	letters = list(t, o.Store)
	return letters[len(letters)-1].ID
}

func TestEffectOfAReply(t *testing.T) {
	t.Parallel()
	o, s, pool := open(t)
	foretold := func(rec kafka.Record, want string) {
		t.Helper()
		effect, err := o.Preview(t.Context(), file(t, pool, o, rec), office.Decision{Force: true})
		require.NoError(t, err)
		require.Contains(t, effect.Sentence, want)
		require.False(t, effect.Refused)
	}
	do := command(saga.Do, 1)
	forged, elsewhere, other := do, do, do
	forged.Route.Token = "k1.none"
	elsewhere.Route.Incarnation = 2
	other.ID.Saga = saga.ID{9}
	other.Route.Token = keys.Token("default", other.ID, 1, "hotels")
	foretold(replyRecord(do, saga.Succeeded), "step book goes from doing to done, and the saga is then running")
	foretold(replyRecord(do, saga.Rejected), "step book goes from doing to refused")
	foretold(replyRecord(command(saga.Do, 7), saga.Succeeded), "of epoch 7 of step book, which is at epoch 1: it changes nothing")
	foretold(replyRecord(forged, saga.Succeeded), "dead letter again as things stand: reply to")
	foretold(replyRecord(elsewhere, saga.Succeeded), "this database is incarnation 1")
	foretold(replyRecord(other, saga.Succeeded), "there is no saga")
	foretold(kafka.Record{Topic: "replies", Headers: []kafka.Header{{Key: saga.HeaderType, Value: []byte(saga.TypeReply)}}}, "header unwind-saga: missing")
	foretold(kafka.Record{Topic: "replies"}, "cannot be foretold")
	s.tell(t, saga.Event{Kind: saga.Replied, Step: do.ID.Step, Direction: saga.Do, Attempt: 1, Epoch: 1, Outcome: saga.Succeeded})
	foretold(replyRecord(do, saga.Succeeded), "does not wait for it: step book is done")
	s.row.State.Status = saga.Completed
	foretold(replyRecord(do, saga.Succeeded), "has ended (completed): the reply changes nothing")
}

func TestEffectOfACommand(t *testing.T) {
	t.Parallel()
	o, s, pool := open(t)
	foretold := func(cmd saga.Command, want string, refused bool) {
		t.Helper()
		id := file(t, pool, o, commandRecord(cmd))
		effect, err := o.Preview(t.Context(), id, office.Decision{Force: true})
		require.NoError(t, err)
		require.Contains(t, effect.Sentence, want)
		require.Equal(t, refused, effect.Refused)
		require.False(t, effect.Forcible)
		if refused {
			_, err = o.Redrive(t.Context(), id, office.Decision{Force: true})
			require.ErrorIs(t, err, office.ErrRefused)
		}
	}
	do, undo := command(saga.Do, 1), command(saga.Undo, 2)
	foretold(do, "waits for it: hotels does step book, or repeats its answer", false)
	foretold(command(saga.Do, 9), "is of epoch 9 of step book, which is at epoch 1", false)
	s.tell(t, saga.Event{Kind: saga.Replied, Step: do.ID.Step, Direction: saga.Do, Attempt: 1, Epoch: 1, Outcome: saga.Succeeded})
	foretold(do, "hotels repeats its answer, which changes nothing", false)
	s.tell(t, saga.Event{Kind: saga.Replied, Step: saga.StepRef{Name: "charge"}, Direction: saga.Do, Attempt: 1, Epoch: 1, Outcome: saga.Rejected})
	require.Equal(t, saga.Undoing, s.row.State.Steps[0].Phase)
	foretold(do, "is being undone", true)
	foretold(undo, "waits for it: hotels undoes step book", false)
	s.tell(t, saga.Event{Kind: saga.Replied, Step: do.ID.Step, Direction: saga.Undo, Attempt: 1, Epoch: 2, Outcome: saga.Succeeded})
	require.Equal(t, saga.Compensated, s.row.State.Status)
	foretold(do, "step book was undone: doing it now would leave an effect that nobody undoes", true)
	foretold(undo, "repeats its answer, which changes nothing", false)
	elsewhere := do
	elsewhere.ID.Saga = saga.ID{9}
	foretold(elsewhere, "nobody waits for the command", true)
}

// Letters of one saga go in the order in which they died, and none for ever.
func TestRedriveKeepsOrderAndHasALimit(t *testing.T) {
	t.Parallel()
	o, _, pool := open(t)
	w := &wire{}
	carry(t, o.Store, w)
	first := file(t, pool, o, replyRecord(command(saga.Do, 1), saga.Ongoing))
	second := file(t, pool, o, replyRecord(command(saga.Do, 1), saga.Succeeded))
	by := office.Decision{Actor: "operator:ada", Note: "mended\x00"}
	_, err := o.Redrive(t.Context(), second, by)
	require.ErrorIs(t, err, office.ErrRefused)
	require.ErrorContains(t, err, fmt.Sprintf("dead letter %d of the same saga comes before it", first))
	for _, preview := range []bool{true, false} {
		results, err := o.RedriveAll(t.Context(), office.Filter{Saga: saga.ID{1}, Limit: 10}, by, preview)
		require.NoError(t, err)
		require.Len(t, results, 2)
		require.False(t, results[0].Effect.Refused || results[1].Effect.Refused, results)
	}
	settled(t, o.Store)
	sent := func() (outcomes []string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, rec := range w.sent {
			if rec.Topic == "replies" {
				reply, err := saga.DecodeReply(rec.Headers, rec.Value)
				require.NoError(t, err)
				outcomes = append(outcomes, fmt.Sprint(reply.Outcome, " ", office.Redrives(rec.Headers)))
			}
		}
		return outcomes
	}
	require.Equal(t, []string{"ongoing 1", "succeeded 1"}, sent())
	l, err := o.Get(t.Context(), first)
	require.NoError(t, err)
	require.Equal(t, []any{office.Redriven, "operator:ada", "mended", 1}, []any{l.Status, l.Actor, l.Note, l.Redrives})
	require.ErrorIs(t, o.Discard(t.Context(), first, by), office.ErrRefused)

	for n := 2; n <= 3; n++ {
		_, err = o.Redrive(t.Context(), first, by)
		require.ErrorContains(t, err, "it was redriven before, by operator:ada")
		_, err = o.Redrive(t.Context(), first, office.Decision{Actor: by.Actor, Force: true})
		require.NoError(t, err)
		settled(t, o.Store)
	}
	require.Equal(t, []string{"ongoing 2", "ongoing 3"}, sent()[2:])

	looping := replyRecord(command(saga.Do, 1), saga.Failed)
	looping.Headers = append(looping.Headers, kafka.Header{Key: office.HeaderRedrive, Value: []byte("3")})
	_, err = o.Redrive(t.Context(), file(t, pool, o, looping), by)
	require.ErrorContains(t, err, "redriven 3 times before and came back each time; the limit is 3")
}

// What cannot be sent for good is open again, and says why.
func TestRedriveThatCannotBeSentIsOpenAgain(t *testing.T) {
	t.Parallel()
	o, _, pool := open(t)
	id := file(t, pool, o, kafka.Record{Topic: "gone", Value: []byte("x")})
	_, err := o.Redrive(t.Context(), id, office.Decision{})
	require.NoError(t, err)
	carry(t, o.Store, &wire{fail: func(kafka.Record) error { return errGone }})
	l := settled(t, o.Store)[0]
	require.Equal(t, office.Open, l.Status)
	require.Contains(t, l.Trouble, "gone")
}

func TestListsAndGroups(t *testing.T) {
	t.Parallel()
	o, _, pool := open(t)
	var ids []int64
	for i := range 5 {
		ids = append(ids, file(t, pool, o, kafka.Record{Topic: fmt.Sprint("t", i%2), Value: []byte("x")}))
	}
	require.NoError(t, o.Discard(t.Context(), ids[0], office.Decision{Note: "no use"}))
	page, next, err := o.List(t.Context(), office.Filter{Namespace: "default", Status: office.Open, Limit: 3})
	require.NoError(t, err)
	require.Equal(t, []int64{ids[4], ids[3], ids[2]}, []int64{page[0].ID, page[1].ID, page[2].ID})
	require.Nil(t, page[0].Record.Value)
	require.Equal(t, 1, page[0].Size)
	page, next, err = o.List(t.Context(), office.Filter{Status: office.Open, Limit: 3, After: next})
	require.NoError(t, err)
	require.Len(t, page, 1)
	require.Zero(t, next)
	groups, err := o.Groups(t.Context(), office.Filter{})
	require.NoError(t, err)
	require.Len(t, groups, 2)
	require.EqualValues(t, 3, groups[0].Count)
	require.Equal(t, ids[4], groups[0].Example)
	for _, f := range []office.Filter{
		{Topic: "t1"}, {Fingerprint: groups[1].Fingerprint}, {Class: "test", Topic: "t1", Namespace: "default"},
	} {
		page, _, err = o.List(t.Context(), f)
		require.NoError(t, err)
		require.Len(t, page, 2)
	}
	_, err = o.Get(t.Context(), 999)
	require.ErrorIs(t, err, office.ErrNotFound)
	page, _, err = o.List(t.Context(), office.Filter{Namespace: "other"})
	require.NoError(t, err)
	require.Empty(t, page)
}

// wholeInput is an expression: the saga's input.
type wholeInput struct{}

func (wholeInput) String() string                                 { return "input" }
func (wholeInput) Reads() saga.Reads                              { return saga.Reads{Input: true} }
func (wholeInput) Eval(scope saga.Scope) (json.RawMessage, error) { return scope.Input() }

// TestEffectOnAnItem: letters about an item of a list are judged by that item.
func TestEffectOnAnItem(t *testing.T) {
	t.Parallel()
	o, s, pool := open(t)
	machine, err := saga.Compile(saga.Definition{Name: "trip", Version: "r1", Steps: []saga.Step{
		{Name: "book", Participant: "hotels", Command: "book", Compensation: "cancel", ForEach: &saga.ForEach{List: wholeInput{}, Concurrency: 1}},
	}})
	require.NoError(t, err)
	s.machine, s.row.State = machine, saga.State{ID: saga.ID{1}}
	s.tell(t, saga.Event{Kind: saga.Started, Payload: saga.JSON([]byte(`[1,2]`)), Extra: &saga.EventExtra{Definition: "trip", Version: "r1", Level: saga.Level}})
	foretold := func(rec kafka.Record, want string) {
		t.Helper()
		effect, err := o.Preview(t.Context(), file(t, pool, o, rec), office.Decision{Force: true})
		require.NoError(t, err)
		require.Contains(t, effect.Sentence, want)
	}
	item := func(n int) saga.Command {
		cmd := command(saga.Do, 1)
		cmd.ID.Step.Item = n
		cmd.Route.Token = keys.Token("default", cmd.ID, 1, "hotels")
		return cmd
	}
	foretold(replyRecord(item(1), saga.Succeeded), "step book[0] goes from doing to done, and the saga is then running")
	foretold(commandRecord(item(2)), "step book[1] is waiting: the saga does not wait for the command")
	foretold(commandRecord(item(3)), "has no step book[2]: nobody waits for the command")
	foretold(replyRecord(item(0), saga.Succeeded), "at epoch 0: it changes nothing")
}
