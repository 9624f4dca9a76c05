package sagapg

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// detail is what few events have: it is kept as JSON beside the columns.
type detail struct {
	Hold       bool      `json:"hold,omitempty"`
	Held       string    `json:"held,omitempty"` // ways, space between
	Healthy    time.Time `json:"healthy,omitzero"`
	Definition string    `json:"definition,omitempty"`
	Version    string    `json:"version,omitempty"`
	Level      int       `json:"level,omitempty"`
	Trace      string    `json:"trace,omitempty"`
	Signal     string    `json:"signal,omitempty"`
	Update     string    `json:"update,omitempty"`
	Key        string    `json:"key,omitempty"`
	Begin      time.Time `json:"begin,omitzero"`
	Groups     []string  `json:"groups,omitempty"`
	Passed     []string  `json:"passed,omitempty"` // steps; only beside Held
	Asked      []asked   `json:"asked,omitempty"`  // written by appendAsked

	Family *saga.Family `json:"family,omitempty"`
	Chain  *saga.Chain  `json:"chain,omitempty"`

	Carried []saga.Carried `json:"carried,omitempty"`
}

// holdAlone is the detail of an event without an Extra.
const holdAlone = `{"hold":true}`

// eventColumns are the arrays of insertEvents.
type eventColumns struct {
	sagas                                  []pgtype.UUID
	seqs                                   []int64
	at                                     []time.Time
	kinds, steps, actors, reasons, request []string
	directions, outcomes                   []int16
	attempts, epochs                       []int32
	contentTypes, codecs, keyIDs           []string
	payloads                               [][]byte
	details, sent                          []string
}

func (b *batch) queueEvents(q *pgx.Batch, events []coordinator.EventRow) {
	if len(events) == 0 {
		return
	}
	c := newEventColumns(len(events))
	for i := range events {
		c.add(events[i].Saga, &events[i].Event)
	}
	b.s.sql.insertEvents.queue(q, len(events), c.sagas, c.seqs, c.at, c.kinds, c.steps, c.directions, c.attempts, c.epochs, c.outcomes,
		c.actors, c.reasons, c.request, c.contentTypes, c.codecs, c.keyIDs, c.payloads, c.details, c.sent)
}

func newEventColumns(n int) *eventColumns {
	texts := func() []string { return make([]string, 0, n) }
	return &eventColumns{
		sagas: make([]pgtype.UUID, 0, n), seqs: make([]int64, 0, n), at: make([]time.Time, 0, n),
		kinds: texts(), steps: texts(), actors: texts(), reasons: texts(), request: texts(),
		directions: make([]int16, 0, n), outcomes: make([]int16, 0, n), attempts: make([]int32, 0, n), epochs: make([]int32, 0, n),
		contentTypes: texts(), codecs: texts(), keyIDs: texts(), payloads: make([][]byte, 0, n), details: texts(), sent: texts(),
	}
}

func (c *eventColumns) add(id saga.ID, e *saga.Event) {
	step := ""
	if e.Step.Name != "" {
		step = e.Step.String()
	}
	c.sagas = append(c.sagas, pgtype.UUID{Bytes: id, Valid: true})
	c.seqs, c.at = append(c.seqs, e.Seq), append(c.at, e.At)
	c.kinds, c.steps = append(c.kinds, string(e.Kind)), append(c.steps, step)
	c.directions, c.outcomes = append(c.directions, int16(e.Direction)), append(c.outcomes, int16(e.Outcome))
	c.attempts, c.epochs = append(c.attempts, int32(e.Attempt)), append(c.epochs, int32(e.Epoch))
	c.actors = append(c.actors, string(e.Actor.Kind)+":"+e.Actor.Name)
	c.reasons, c.request = append(c.reasons, saga.Clip(e.Reason)), append(c.request, e.RequestID)
	p := e.Payload
	c.contentTypes, c.codecs, c.keyIDs = append(c.contentTypes, p.ContentType), append(c.codecs, p.Codec), append(c.keyIDs, p.KeyID)
	c.payloads = append(c.payloads, p.Data)
	c.details, c.sent = append(c.details, detailText(e)), append(c.sent, sentText(e.Sent))
}

func detailText(e *saga.Event) string {
	if !e.Hold && e.Extra == nil {
		return "" // the usual case, kept from JSON
	}
	x := e.Extras()
	if !e.Hold && onlyAsked(e.Extra) {
		return string(appendAsked([]byte("{}"), x.Asked)) // the usual case of a saga that is code
	}
	d := detail{
		Hold: e.Hold, Held: heldText(x.Held), Healthy: x.Healthy, Definition: x.Definition, Version: x.Version, Level: x.Level, Trace: x.Trace,
		Signal: x.Signal, Update: x.Update, Key: x.Key, Begin: x.Begin, Groups: x.Groups, Family: x.Family, Chain: x.Chain, Carried: x.Carried,
	}
	for _, step := range x.Passed {
		d.Passed = append(d.Passed, step.String())
	}
	data, err := json.Marshal(d)
	if err != nil {
		panic(fmt.Sprintf("an event's detail is always JSON: %v", err)) // no field of it can fail
	}
	return string(appendAsked(data, x.Asked))
}

func heldText(ways []saga.Way) string {
	words := make([]string, len(ways))
	for i, w := range ways {
		words[i] = w.String()
	}
	return strings.Join(words, " ")
}

func parseHeld(text string) ([]saga.Way, error) {
	var ways []saga.Way
	for word := range strings.FieldsSeq(text) {
		w, err := saga.ParseWay(word)
		if err != nil {
			return nil, err
		}
		ways = append(ways, w)
	}
	return ways, nil
}

func sentText(sent []saga.Sent) string {
	lines := make([]string, len(sent))
	for i, s := range sent {
		lines[i] = s.String()
	}
	return strings.Join(lines, "\n")
}

// scanEvent reads one row of readEvents' columns.
func scanEvent(rows pgx.Rows) (coordinator.EventRow, error) {
	var (
		id                               pgtype.UUID
		e                                saga.Event
		step, actor, kind, details, sent string
		direction, outcome               int16
		attempt, epoch                   int32
	)
	err := rows.Scan(&id, &e.Seq, &e.At, &kind, &step, &direction, &attempt, &epoch, &outcome, &actor, &e.Reason,
		&e.RequestID, &e.Payload.ContentType, &e.Payload.Codec, &e.Payload.KeyID, &e.Payload.Data, &details, &sent)
	if err != nil {
		return coordinator.EventRow{}, fmt.Errorf("read event: %w", err)
	}
	e.At = e.At.UTC()
	e.Kind, e.Direction, e.Outcome = saga.EventKind(kind), saga.Direction(direction), saga.Outcome(outcome)
	e.Attempt, e.Epoch = int(attempt), int(epoch)
	kindOfActor, name, _ := strings.Cut(actor, ":")
	e.Actor = saga.Actor{Kind: saga.ActorKind(kindOfActor), Name: name}
	if err := decodeTexts(&e, step, details, sent); err != nil {
		return coordinator.EventRow{}, fmt.Errorf("read event %d of saga %s: %w", e.Seq, saga.ID(id.Bytes), err)
	}
	return coordinator.EventRow{Saga: id.Bytes, Event: e}, nil
}

func decodeTexts(e *saga.Event, step, details, sent string) error {
	var err error
	if step != "" {
		if e.Step, err = saga.ParseStepRef(step); err != nil {
			return err
		}
	}
	if err := decodeDetail(e, details); err != nil {
		return fmt.Errorf("detail: %w", err)
	}
	for line := range strings.Lines(sent) {
		s, err := saga.ParseSent(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return err
		}
		e.Sent = append(e.Sent, s)
	}
	return nil
}

func decodeDetail(e *saga.Event, text string) (err error) {
	if text == "" {
		return nil
	}
	var d detail
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return err
	}
	e.Hold = d.Hold
	if text == holdAlone {
		return nil
	}
	e.Extra = &saga.EventExtra{
		Healthy: d.Healthy, Definition: d.Definition, Version: d.Version, Level: d.Level, Trace: d.Trace,
		Signal: d.Signal, Update: d.Update, Key: d.Key, Begin: d.Begin, Groups: d.Groups, Family: d.Family, Chain: d.Chain, Carried: d.Carried,
	}
	for _, a := range d.Asked {
		e.Extra.Asked = append(e.Extra.Asked, saga.Asked(a))
	}
	e.Extra.Held, err = parseHeld(d.Held)
	for _, text := range d.Passed {
		step, err := saga.ParseStepRef(text)
		if err != nil {
			return err
		}
		e.Extra.Passed = append(e.Extra.Passed, step)
	}
	return err
}
