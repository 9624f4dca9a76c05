package saga

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// OnEnd lets an event go out when a saga ends.
type OnEnd struct {
	Topic   string   // Topic is where it goes; empty: the events topic of the saga's namespace.
	Type    string   // Type is its type; empty: TypeEnded and the status.
	When    []Status // When are the ends that it goes out at; empty: all.
	Payload Expr     // Payload makes its value from an Ending; nil: an Ended.
}

// TypeEnded begins the type of the event of a saga's end; the status follows.
const TypeEnded = "io.unwindhq.saga."

// Ending is the Scope of OnEnd.Payload.
type Ending interface {
	Scope
	// End returns what has become of the saga.
	End() Ended
}

// Ended is what has become of a saga that has ended, and the value of the event that
// says so unless its definition says another.
type Ended struct {
	Saga       string          `json:"saga"`             // Saga is its id.
	Definition string          `json:"definition"`       // Definition is its definition's name.
	Key        string          `json:"key,omitempty"`    // Key is its business key; empty without one.
	Status     string          `json:"status"`           // Status is completed, compensated or abandoned.
	Cause      string          `json:"cause,omitempty"`  // Cause says why it turned back, or was ended.
	Output     json.RawMessage `json:"output,omitempty"` // Output is its output, if it completed and has one.
}

// Announce tells the world that the saga has ended.
type Announce struct {
	Topic   string // Topic is where; empty: the events topic of the namespace.
	Type    string // Type is the event's type.
	Version string // Version is that of the saga's definition.
	Ended   Ended  // Ended says what has become of the saga.
	Payload []byte // Payload is the event's value, JSON.
	Fault   string // Fault says why Payload is null although the definition says how to make it; empty as a rule.
}

func (Announce) effect() {}

// End implements Ending.
func (d *decision) End() Ended {
	return Ended{
		Saga: d.s.ID.String(), Definition: d.s.Definition, Key: d.s.Extras().Key,
		Status: d.s.Status.String(), Cause: d.s.Cause, Output: d.s.Extras().Output,
	}
}

// announce tells of an end that the event has brought. A payload that cannot be made
// does not keep the saga from its end, nor the event from going out: who waits for
// it learns that the saga has ended, and that something is wrong.
func (d *decision) announce(before Status) error {
	on := d.m.def.OnEnd
	if c := d.s.Extras().Chain; c != nil && !c.Next.IsZero() {
		return nil // its chain goes on
	}
	if on == nil || d.s.Status == before || !d.s.Status.Ended() || len(on.When) > 0 && !slices.Contains(on.When, d.s.Status) {
		return nil
	}
	a := Announce{Topic: on.Topic, Type: on.Type, Version: d.s.Version, Ended: d.End()}
	if a.Type == "" {
		a.Type = TypeEnded + a.Ended.Status
	}
	var err error
	if a.Payload, err = d.endPayload(on, a.Ended); errors.Is(err, ErrNeedHistory) {
		return err
	}
	if err == nil && len(a.Payload) > MaxPayload {
		err = fmt.Errorf("%d bytes, above the limit of %d: pass a reference instead", len(a.Payload), MaxPayload)
	}
	if err != nil {
		a.Payload, a.Fault = []byte("null"), Clip(err.Error())
	}
	d.effects = append(d.effects, a)
	return nil
}

func (d *decision) endPayload(on *OnEnd, ended Ended) ([]byte, error) {
	if on.Payload == nil {
		return json.Marshal(ended)
	}
	value, err := on.Payload.Eval(d)
	return slices.Clone(value), err
}

// AnnounceHeaders writes the headers of the record that announces a, at the given
// time, in the contract's order. Its id is the same whenever it is sent.
func AnnounceHeaders(a Announce, route Route, at time.Time) []Header {
	w := newHeaderWriter(16)
	subject := a.Ended.Key
	if subject == "" {
		subject = a.Ended.Saga
	}
	w.event(a.Ended.Saga+"/"+a.Ended.Status, a.Type, "/unwind/"+route.Namespace, subject, at)
	w.payload(JSON(a.Payload))
	w.put(HeaderSaga, a.Ended.Saga)
	w.put(HeaderDefinition, a.Ended.Definition)
	w.put(HeaderVersion, a.Version)
	w.put(HeaderStatus, a.Ended.Status)
	w.put(HeaderNamespace, route.Namespace)
	w.put(HeaderIncarnation, strconv.FormatInt(route.Incarnation, 10))
	w.optional(HeaderReason, Clip(a.Ended.Cause))
	w.optional(HeaderPayloadFault, a.Fault)
	return w.headers
}

var (
	topicName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)
	eventType = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,255}$`)
)

// IsTopic reports whether Kafka lets a topic have a name.
func IsTopic(name string) bool { return topicName.MatchString(name) && name != "." && name != ".." }

// onEnd checks the event of the saga's end.
func (c *checker) onEnd() {
	on := c.m.def.OnEnd
	if on == nil {
		return
	}
	if on.Topic != "" && !IsTopic(on.Topic) {
		c.fault("onEnd.topic", fmt.Sprintf("%.80q is not the name of a topic", on.Topic), "write one of at most 249 letters, digits, dots, dashes and underscores")
	}
	if on.Type != "" && !eventType.MatchString(on.Type) {
		c.fault("onEnd.type", fmt.Sprintf("%.80q is not the type of an event", on.Type), "write one such as com.example.order.fulfilled: at most 256 letters, digits, dots, dashes, slashes and underscores")
	}
	for i, s := range on.When {
		switch {
		case !s.Ended():
			c.fault("onEnd.when", fmt.Sprintf("%s is not how a saga ends", s), "write completed, compensated or abandoned")
		case slices.Contains(on.When[:i], s):
			c.fault("onEnd.when", fmt.Sprintf("%s is there twice", s), "write it once")
		}
	}
	if on.Payload != nil {
		c.haveOutput("onEnd.payload", on.Payload)
	}
}
