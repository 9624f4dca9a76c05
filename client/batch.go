package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// BatchRequest asks for a verb on many sagas.
type BatchRequest struct {
	Verb          string                     `json:"verb" enum:"cancel,pause,resume,retry,skip,resolve,edit,reset,signal,approve,refuse,assign,acknowledge,snooze,describe,annotate,restart,terminate" doc:"what is asked of each saga"` // Verb is what is asked of each saga: any of the methods with a Verb, in lower case.
	Step          string                     `json:"step,omitempty" maxLength:"256" doc:"the step that it is about"`                                                                                                                     // Step is the step that it is about.
	Signal        string                     `json:"signal,omitempty" maxLength:"64" doc:"the signal's name"`                                                                                                                            // Signal is as Verb.Signal, and so are those that follow.
	Payload       json.RawMessage            `json:"payload,omitempty" doc:"the signal's payload, any JSON that the step's schema allows"`                                                                                               // Payload is the signal's.
	Output        json.RawMessage            `json:"output,omitempty" doc:"the output of a step to resolve, any JSON"`                                                                                                                   // Output is that of a step to resolve.
	Input         json.RawMessage            `json:"input,omitempty" doc:"the input of a step to edit, any JSON"`                                                                                                                        // Input is that of a step to edit.
	To            string                     `json:"to,omitempty" maxLength:"256" doc:"whom to assign, user:NAME or group:NAME; empty for nobody"`                                                                                       // To is whom to assign.
	Attention     string                     `json:"attention,omitempty" maxLength:"64" doc:"the reason for attention to acknowledge or put off; default every one"`                                                                     // Attention is the reason to acknowledge or put off; empty: every one.
	Until         *time.Time                 `json:"until,omitempty" doc:"until when to put it off"`                                                                                                                                     // Until is until when to put it off.
	SetAttributes map[string]json.RawMessage `json:"attributes,omitempty" doc:"the attributes to set; null takes one away"`                                                                                                              // SetAttributes are the attributes to set.
	Reason        string                     `json:"reason" minLength:"1" maxLength:"1024" doc:"why; kept in each history"`                                                                                                              // Reason says why. Required.
	Rate          int                        `json:"rate,omitempty" minimum:"1" maximum:"1000" doc:"how many sagas are asked a second; default 50"`                                                                                      // Rate is how many sagas are asked a second, 1 to 1,000; 0 is 50.
	Filter        BatchFilter                `json:"filter" doc:"which sagas; at most 100,000"`                                                                                                                                          // Filter chooses the sagas when the batch is made.
}

// BatchFilter chooses sagas; at least one field is given.
type BatchFilter struct {
	Definition string   `json:"definition,omitempty" doc:"only sagas of this definition"`                                                                                                         // Definition is the definition's name.
	Status     string   `json:"status,omitempty" enum:"running,compensating,completed,compensated,abandoned"`                                                                                     // Status is the status to have.
	Paused     bool     `json:"paused,omitempty" doc:"only sagas that are paused"`                                                                                                                // Paused is as Filter.Paused.
	Waiting    string   `json:"waiting,omitempty" enum:"approval,breaker,child,lock,operator,reply,signal,timer,update" doc:"only sagas that wait for this; breaker is also what operators hold"` // Waiting is as Filter.Waiting, but for hold: breaker is both.
	Attention  bool     `json:"attention,omitempty" doc:"only sagas that need attention"`                                                                                                         // Attention chooses only those that need attention.
	Key        string   `json:"key,omitempty" maxLength:"256" doc:"only sagas of this business key; order-* is every one that begins so"`                                                         // Key is as Filter.Key.
	Subject    string   `json:"subject,omitempty" maxLength:"256" doc:"only sagas that hold this one's data"`                                                                                     // Subject is as Filter.Subject.
	Attributes []string `json:"attributes,omitempty" maxItems:"4" doc:"only sagas with these, NAME=VALUE; a VALUE that ends with * is every that begins so"`                                      // Attributes are as Filter.Attributes.
}

// Batch is a verb on many sagas.
type Batch struct {
	ID            int64           `json:"id"`                                                                                                // ID counts batches.
	Verb          string          `json:"verb"`                                                                                              // Verb is what is asked of each saga.
	Step          string          `json:"step,omitempty"`                                                                                    // Step is the step that it is about.
	Signal        string          `json:"signal,omitempty"`                                                                                  // Signal is the signal's name.
	Parameters    json.RawMessage `json:"parameters,omitempty" doc:"what the verb says beside: an output, an input, a payload, or the like"` // Parameters is what the verb says beside, as it is written into the histories.
	NeedsApproval bool            `json:"needsApproval,omitempty" doc:"it is large: a second person has to approve it before it runs"`       // NeedsApproval says that a second person has to approve it before it runs.
	ApprovedBy    string          `json:"approvedBy,omitempty"`                                                                              // ApprovedBy is who has approved it; empty: nobody.
	ApprovedAt    *time.Time      `json:"approvedAt,omitempty"`                                                                              // ApprovedAt is when.
	Reason        string          `json:"reason"`                                                                                            // Reason says why.
	Actor         string          `json:"actor"`                                                                                             // Actor is who has made it; it stands in the histories.
	Filter        json.RawMessage `json:"filter" doc:"as it was asked for"`                                                                  // Filter is the BatchFilter that was asked for.
	Rate          int             `json:"rate"`                                                                                              // Rate is how many sagas are asked a second.
	State         string          `json:"state" enum:"frozen,running,paused,stopped,done"`                                                   // State is frozen (nothing was asked yet), running, paused, stopped or done.
	Total         int             `json:"total" doc:"how many sagas it has"`                                                                 // Total is how many sagas it has.
	Done          int             `json:"done" doc:"how many the verb has changed"`                                                          // Done is how many the verb has changed.
	Unchanged     int             `json:"unchanged" doc:"how many had nothing to do, or had done it"`                                        // Unchanged is how many had nothing to do.
	Refused       int             `json:"refused" doc:"how many have answered why not"`                                                      // Refused is how many have answered why not.
	CreatedAt     time.Time       `json:"createdAt"`                                                                                         // CreatedAt is when it was made.
	ChangedAt     time.Time       `json:"changedAt"`                                                                                         // ChangedAt is when its state was changed last.
	ChangedBy     string          `json:"changedBy" doc:"who has run, paused or stopped it"`                                                 // ChangedBy is who has done that.
	Sagas         []string        `json:"sagas,omitempty" doc:"the first of its sagas; not in lists"`                                        // Sagas are the first ten; a list leaves them out.
}

// Batches is a page of batches, the newest first.
type Batches struct {
	Batches []Batch `json:"batches"`                                                                // Batches are the newest first.
	Next    int64   `json:"next,omitempty" doc:"pass it as before for the next page; 0 at the end"` // Next is the before of the next page.
}

// BatchSaga is one saga of a batch.
type BatchSaga struct {
	Saga    string `json:"saga"`                                                                 // Saga is its id.
	Outcome string `json:"outcome,omitempty" enum:"done,unchanged,refused" doc:"empty: not yet"` // Outcome is done, unchanged or refused; empty: it was not asked yet.
	Detail  string `json:"detail,omitempty" doc:"why it was refused"`                            // Detail is why it was refused.
}

// BatchSagas is a page of a batch's sagas, by their ids.
type BatchSagas struct {
	Sagas []BatchSaga `json:"sagas"`                                                           // Sagas are in the order of their ids.
	Next  string      `json:"next,omitempty" doc:"pass it as after for the next page, if any"` // Next is the after of the next page.
}

// CreateBatch freezes which sagas a batch has. Nothing is asked before RunBatch.
func (c *Client) CreateBatch(ctx context.Context, r BatchRequest) (made Batch, err error) {
	body, err := json.Marshal(r)
	if err != nil {
		return Batch{}, fmt.Errorf("make a batch: %w", err)
	}
	_, err = c.call(ctx, request{method: http.MethodPost, path: "/v1/batches", query: c.tenant(), contentType: "application/json", body: body}, &made)
	return made, err
}

// RunBatch lets a batch ask its sagas, PauseBatch stops that until the next RunBatch.
func (c *Client) RunBatch(ctx context.Context, id int64) (Batch, error) {
	return c.changeBatch(ctx, id, "run")
}

// ApproveBatch lets a large batch run that somebody else has made.
func (c *Client) ApproveBatch(ctx context.Context, id int64) (Batch, error) {
	return c.changeBatch(ctx, id, "approve")
}

// PauseBatch lets a batch ask nobody until RunBatch.
func (c *Client) PauseBatch(ctx context.Context, id int64) (Batch, error) {
	return c.changeBatch(ctx, id, "pause")
}

// StopBatch ends a batch; what is left of it is not asked any more.
func (c *Client) StopBatch(ctx context.Context, id int64) (Batch, error) {
	return c.changeBatch(ctx, id, "stop")
}

func (c *Client) changeBatch(ctx context.Context, id int64, verb string) (b Batch, err error) {
	path := "/v1/batches/" + strconv.FormatInt(id, 10) + "/" + verb
	_, err = c.call(ctx, request{method: http.MethodPost, path: path, contentType: "application/json", body: []byte("{}")}, &b)
	return b, err
}

// Batch returns one batch with the first of its sagas.
func (c *Client) Batch(ctx context.Context, id int64) (b Batch, err error) {
	_, err = c.call(ctx, request{method: http.MethodGet, path: "/v1/batches/" + strconv.FormatInt(id, 10)}, &b)
	return b, err
}

// Batches returns a page of batches: those before an id, or the newest for 0.
func (c *Client) Batches(ctx context.Context, before int64) (page Batches, err error) {
	query := c.tenant()
	if before > 0 {
		query.Set("before", strconv.FormatInt(before, 10))
	}
	_, err = c.call(ctx, request{method: http.MethodGet, path: "/v1/batches", query: query}, &page)
	return page, err
}

// BatchSagas returns a page of a batch's sagas: those after one, with an outcome if
// that is not empty.
func (c *Client) BatchSagas(ctx context.Context, id int64, after, outcome string) (page BatchSagas, err error) {
	query := url.Values{}
	set(query, "after", after)
	set(query, "outcome", outcome)
	_, err = c.call(ctx, request{method: http.MethodGet, path: "/v1/batches/" + strconv.FormatInt(id, 10) + "/sagas", query: query}, &page)
	return page, err
}
