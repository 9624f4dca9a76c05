package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// Answer is what a saga's function has answered to a query.
type Answer struct {
	Query  string          `json:"query" doc:"the query's name"`                                 // Query is the query's name.
	Seq    int64           `json:"seq" doc:"how many events of the saga the function knows of"`  // Seq is how many events of the saga the function knows of.
	Answer json.RawMessage `json:"answer" doc:"what the function answers: any JSON, as it says"` // Answer is what the function answers, JSON.
}

// Query asks a saga that is a function for what it lets others see, see code.Query;
// the saga may have ended. It changes nothing. A name that the function does not
// know answers with UnknownQuery, a function that fails with QueryFailed, and a server
// that does not have the saga's function with NotReady.
func (c *Client) Query(ctx context.Context, id, name string) (a Answer, err error) {
	path := "/v1/sagas/" + url.PathEscape(id) + "/queries/" + url.PathEscape(name)
	_, err = c.call(ctx, request{method: http.MethodGet, path: path}, &a)
	return a, err
}
