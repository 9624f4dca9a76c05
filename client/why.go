package client

import (
	"context"
	"net/http"
	"net/url"
)

// Reason is one reason why a saga is where it is.
type Reason struct {
	Step  string `json:"step,omitempty" doc:"the step concerned, if one is"`      // Step is the step or item concerned, if one is.
	Why   string `json:"why" doc:"a sentence: what is, and since when"`           // Why says what is, and since when.
	Moves string `json:"moves,omitempty" doc:"a sentence: what would move it on"` // Moves says what would move it on; empty: nothing has to.
}

// Reasons are all reasons why a saga is where it is, the most pressing first.
type Reasons struct {
	Reasons []Reason `json:"reasons"` // Reasons are the most pressing first.
}

// Why says in sentences why a saga is where it is, and what would move it on.
func (c *Client) Why(ctx context.Context, id string) (r Reasons, err error) {
	_, err = c.call(ctx, request{method: http.MethodGet, path: "/v1/sagas/" + url.PathEscape(id) + "/why"}, &r)
	return r, err
}
