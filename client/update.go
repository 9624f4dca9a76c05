package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// Updated is what a saga's function has made of an update.
type Updated struct {
	Update string          `json:"update" doc:"the update's name"`                                                                            // Update is the update's name.
	ID     string          `json:"id" doc:"the update's id: the Idempotency-Key, or a new one; who asks with it again gets this answer"`      // ID is the update's id: Verb.Key, or a new one. Who asks with it again gets this answer.
	Seq    int64           `json:"seq" doc:"the update's place in the saga's history"`                                                        // Seq is the update's place in the saga's history.
	Output json.RawMessage `json:"output,omitempty" doc:"what the function has answered: any JSON, as it says"`                               // Output is what the function has answered, JSON.
	Error  string          `json:"error,omitempty" doc:"the error that the function has answered with; it has taken the update all the same"` // Error is the error that it has answered with; it has taken the update all the same.
}

// Update asks a saga that is a function to take an update, see code.Update, and returns
// what it has made of it, after the commit. Of how, Input, Reason and Key count. Without
// a Key, which is the update's id, a call that was lost cannot be told from a new one.
// What the function does not want answers with UpdateRefused and has changed nothing; a
// name that it does not know with UnknownUpdate, one that fails with UpdateFailed, a saga
// whose function has ended with NotNow or Ended, a Key of another update with KeyUsed,
// and a server that does not have the saga's function with NotReady.
func (c *Client) Update(ctx context.Context, id, name string, how Verb) (u Updated, err error) {
	body, err := json.Marshal(Verb{Input: how.Input, Reason: how.Reason})
	if err != nil {
		return u, fmt.Errorf("update saga %s: %w", id, err)
	}
	_, err = c.call(ctx, request{
		method: http.MethodPost, path: "/v1/sagas/" + url.PathEscape(id) + "/updates/" + url.PathEscape(name), key: how.Key,
		contentType: "application/json", body: body,
	}, &u)
	return u, err
}
