package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Verb is how to ask something of one saga.
type Verb struct {
	Step       string                     `json:"step,omitempty"`       // Step is the step that Skip, Resolve, Edit, Reset, Approve and Refuse are about, or Retry; empty there: every one. Other verbs refuse one.
	Signal     string                     `json:"signal,omitempty"`     // Signal is the name, for Signal only.
	Payload    json.RawMessage            `json:"payload,omitempty"`    // Payload is the signal's, for Signal only; nil is null.
	Output     json.RawMessage            `json:"output,omitempty"`     // Output is the step's, for Resolve only.
	Input      json.RawMessage            `json:"input,omitempty"`      // Input is the step's, for Edit only.
	To         string                     `json:"to,omitempty"`         // To is user:NAME or group:NAME, for Assign only; empty: nobody any more.
	Reason     string                     `json:"reason,omitempty"`     // Reason says why, for the history; at most 1,024 bytes. Skip, Resolve, Edit, Reset and Terminate require one.
	Key        string                     `json:"-"`                    // Key makes the call idempotent; may be empty.
	Attention  string                     `json:"attention,omitempty"`  // Attention is the reason for attention, for Acknowledge and Snooze; empty: every one, of the Step if there is one.
	Until      *time.Time                 `json:"until,omitempty"`      // Until is when it comes back, for Snooze only; at most 90 days ahead.
	Attributes map[string]json.RawMessage `json:"attributes,omitempty"` // Attributes are the values to set, null to take one away, for Describe only.
}

// Cancel turns a saga back. A saga whose pivot was sent answers with PastPivot.
func (c *Client) Cancel(ctx context.Context, id string, how Verb) (Saga, error) {
	return c.verb(ctx, id, "cancel", how)
}

// Pause lets a saga send nothing until Resume. Answers are still applied, and the
// clocks of commands that are out stand still. One that has ended answers with
// Ended.
func (c *Client) Pause(ctx context.Context, id string, how Verb) (Saga, error) {
	return c.verb(ctx, id, "pause", how)
}

// Resume lets a paused saga go on; one that is not paused stays as it is.
func (c *Client) Resume(ctx context.Context, id string, how Verb) (Saga, error) {
	return c.verb(ctx, id, "resume", how)
}

// Retry ends the rest before the next attempt of one step, or of all. A saga in
// which nothing rests answers with NotNow.
func (c *Client) Retry(ctx context.Context, id string, how Verb) (Saga, error) {
	return c.verb(ctx, id, "retry", how)
}

// Skip lets a step be over without its command, or lets one that is being undone
// keep its effect. A step that may have run and would have to be undone, a pivot,
// and one whose output is read later answer with NotNow.
func (c *Client) Skip(ctx context.Context, id string, how Verb) (Saga, error) {
	return c.verb(ctx, id, "skip", how)
}

// Resolve lets a step that was begun be done, with the given output. Its
// participant is not told; its answers do not count any more.
func (c *Client) Resolve(ctx context.Context, id string, how Verb) (Saga, error) {
	return c.verb(ctx, id, "resolve", how)
}

// Edit gives a step another input and sends its command anew, or its compensation if
// that is under way; answers to the old input do not count. A step that nobody is
// asked for now answers with NotNow.
func (c *Client) Edit(ctx context.Context, id string, how Verb) (Saga, error) {
	return c.verb(ctx, id, "edit", how)
}

// Assign says who looks after what a saga needs attention for. One that needs none
// answers with NotNow. It ends with the attention.
func (c *Client) Assign(ctx context.Context, id string, how Verb) (Saga, error) {
	return c.verb(ctx, id, "assign", how)
}

// Acknowledge says that reasons for attention are known. They stay, with the name.
func (c *Client) Acknowledge(ctx context.Context, id string, how Verb) (Saga, error) {
	return c.verb(ctx, id, "acknowledge", how)
}

// Snooze puts reasons for attention off: a list of what is open shows them again at
// Verb.Until.
func (c *Client) Snooze(ctx context.Context, id string, how Verb) (Saga, error) {
	return c.verb(ctx, id, "snooze", how)
}

// Describe sets attributes that a saga is found by, also of one that has ended.
func (c *Client) Describe(ctx context.Context, id string, how Verb) (Saga, error) {
	return c.verb(ctx, id, "describe", how)
}

// Reset undoes a step and all that comes after it, in reverse, and then lets them begin
// anew. One whose pivot was sent answers with PastPivot; one that is on its way back,
// whose step has not begun, or that is code, with NotNow.
func (c *Client) Reset(ctx context.Context, id string, how Verb) (Saga, error) {
	return c.verb(ctx, id, "reset", how)
}

// Terminate ends a saga as it is. Nothing is undone: Step.LeftAlive says which
// effects stay. One that has ended otherwise answers with Ended.
func (c *Client) Terminate(ctx context.Context, id string, how Verb) (Saga, error) {
	return c.verb(ctx, id, "terminate", how)
}

// Signal hands a signal to the step that awaits it, or keeps it for one that will.
// One that no step of the definition awaits answers with UnknownSignal, one that
// every step has had with NotNow.
func (c *Client) Signal(ctx context.Context, id string, how Verb) (Saga, error) {
	return c.verb(ctx, id, "signal", how)
}

// Approve gives an approval. One that is for others answers with NotYours.
func (c *Client) Approve(ctx context.Context, id string, how Verb) (Saga, error) {
	return c.verb(ctx, id, "approve", how)
}

// Refuse refuses an approval: the saga turns back. One that is for others answers
// with NotYours.
func (c *Client) Refuse(ctx context.Context, id string, how Verb) (Saga, error) {
	return c.verb(ctx, id, "refuse", how)
}

// Annotate writes Verb.Reason into the history, also of a saga that has ended, and
// changes nothing else.
func (c *Client) Annotate(ctx context.Context, id string, how Verb) (Saga, error) {
	return c.verb(ctx, id, "annotate", how)
}

// Restart starts a new saga with the input of one that has ended, of the latest
// version; one that goes on answers with NotNow. Verb has its Key alone.
func (c *Client) Restart(ctx context.Context, id string, how Verb) (Saga, error) {
	return c.verb(ctx, id, "restart", how)
}

func (c *Client) verb(ctx context.Context, id, verb string, how Verb) (after Saga, err error) {
	body, err := json.Marshal(how)
	if err != nil {
		return Saga{}, fmt.Errorf("%s saga %s: %w", verb, id, err)
	}
	_, err = c.call(ctx, request{
		method: http.MethodPost, path: "/v1/sagas/" + url.PathEscape(id) + "/" + verb, key: how.Key, contentType: "application/json", body: body,
	}, &after)
	return after, err
}
