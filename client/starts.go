package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// The limits of StartMany.
const (
	MaxStarts     = 1000    // MaxStarts is the most starts of one call.
	MaxStartBytes = 8 << 20 // MaxStartBytes is how large its request may be, in bytes.
)

// Started is what has become of one start of StartMany.
type Started struct {
	ID      string   `json:"id,omitempty" doc:"the saga's id"`                                                     // ID is the saga's; empty after a Problem.
	Version string   `json:"version,omitempty" doc:"the version that was asked for, or that is the latest"`        // Version is what was asked for, or the latest; a repeat's saga may have an older one.
	New     bool     `json:"new" doc:"false: the key had started this saga before"`                                // New is false when the key had started this saga before.
	Problem *Problem `json:"problem,omitempty" doc:"why nothing was started; not-ready: send this one once again"` // Problem says why nothing was started; nil: a saga was. After NotReady the same start may be sent again.
}

// StartMany starts up to MaxStarts sagas of one namespace, the first one's, and
// returns what has become of each, in their order. One that is refused spoils no
// other. Each needs a Key, so that the whole call can be repeated after an error.
func (c *Client) StartMany(ctx context.Context, starts []Start) ([]Started, error) {
	if len(starts) == 0 {
		return nil, nil
	}
	body := []byte(`{"starts":[`)
	for i, s := range starts {
		one, err := s.encode()
		if err != nil {
			return nil, err
		}
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, one...)
	}
	body = append(body, "]}"...)
	query := c.tenant()
	set(query, "namespace", starts[0].Namespace)
	var answer struct {
		Results []Started `json:"results"`
	}
	_, err := c.call(ctx, request{method: http.MethodPost, path: "/v1/starts", query: query, contentType: "application/json", body: body}, &answer)
	if err == nil && len(answer.Results) != len(starts) {
		err = fmt.Errorf("start %d sagas: %d results came back", len(starts), len(answer.Results))
	}
	return answer.Results, err
}

// encode writes a start with its key. The input is put in by hand: an encoder would
// change its white space.
func (s Start) encode() ([]byte, error) {
	input, err := s.input()
	if err != nil {
		return nil, err
	}
	head, err := json.Marshal(struct {
		Definition string    `json:"definition"`
		Version    string    `json:"version,omitempty"`
		Key        string    `json:"key,omitempty"`
		Begin      time.Time `json:"begin,omitzero"`
	}{s.Definition, s.Version, s.Key, s.Begin})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Definition, err)
	}
	return slices.Concat(head[:len(head)-1], []byte(`,"input":`), input, []byte("}")), nil
}
