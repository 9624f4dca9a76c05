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

// Hold says how something that can be held stands.
type Hold struct {
	Kind    string       `json:"kind" enum:"participant,definition,namespace"`                                                  // Kind is participant, definition or namespace.
	Name    string       `json:"name"`                                                                                          // Name is the participant's, the definition's or the namespace's.
	Held    bool         `json:"held" doc:"nothing of it leaves; else it was released"`                                         // Held: nothing of it leaves; else it was released.
	Rate    int          `json:"rate,omitempty" doc:"how many commands a second the release lets go; none: as after a breaker"` // Rate is how many commands a second a release lets go, in all processes together; 0: as after a breaker.
	Reason  string       `json:"reason,omitempty"`                                                                              // Reason is what the operator has said.
	Actor   string       `json:"actor" doc:"who has held or released it"`                                                       // Actor is who has held or released it.
	At      time.Time    `json:"at" doc:"since when it stands so"`                                                              // At is since when it stands so.
	Changes []HoldChange `json:"changes,omitempty" doc:"the last twenty, the newest first, if asked for"`                       // Changes are the last twenty, the newest first; only in AllHolds.
}

// HoldChange is one time that something was held or released.
type HoldChange struct {
	Held      bool      `json:"held"`                // Held says which of both.
	Rate      int       `json:"rate,omitempty"`      // Rate is that of a release.
	Reason    string    `json:"reason,omitempty"`    // Reason is what the operator has said.
	Actor     string    `json:"actor"`               // Actor is who it was.
	RequestID string    `json:"requestId,omitempty"` // RequestID is that of the request.
	At        time.Time `json:"at"`                  // At is when.
}

// Holds are how things stand, sorted by kind and name.
type Holds struct {
	Holds []Hold `json:"holds"` // Holds are those of the namespace, and those of participants.
}

// HoldTarget is what can be held.
type HoldTarget struct {
	Kind string // Kind is participant, definition or namespace.
	Name string // Name is the participant's or the definition's; a namespace is the Client's.
}

func (t HoldTarget) path(verb string) string {
	switch t.Kind {
	case "participant":
		return "/v1/participants/" + url.PathEscape(t.Name) + "/" + verb
	case "definition":
		return "/v1/definitions/" + url.PathEscape(t.Name) + "/" + verb
	}
	return "/v1/namespace/" + verb
}

// query is the namespace, for all but a participant.
func (c *Client) holdQuery(t HoldTarget) url.Values {
	if t.Kind == "participant" {
		return url.Values{}
	}
	return c.tenant()
}

// Hold lets no command of a target leave until Release. A saga that is started
// meanwhile begins, and its commands are held. Within about a second all processes
// know.
func (c *Client) Hold(ctx context.Context, t HoldTarget, reason string) (Hold, error) {
	return c.changeHold(ctx, t, "hold", map[string]any{"reason": reason})
}

// Release lets what is held of a target go, the oldest first: so many commands a
// second in all processes together; 0: as after a breaker.
func (c *Client) Release(ctx context.Context, t HoldTarget, rate int, reason string) (Hold, error) {
	body := map[string]any{"reason": reason}
	if rate > 0 {
		body["rate"] = rate
	}
	return c.changeHold(ctx, t, "release", body)
}

func (c *Client) changeHold(ctx context.Context, t HoldTarget, verb string, body map[string]any) (h Hold, err error) {
	data, err := json.Marshal(body)
	if err != nil {
		return h, fmt.Errorf("encode the %s of %s %s: %w", verb, t.Kind, t.Name, err)
	}
	_, err = c.call(ctx, request{method: http.MethodPost, path: t.path(verb), query: c.holdQuery(t), body: data}, &h)
	return h, err
}

// HoldList returns what is held; all of it, also what was released with the last
// changes of each, if that is asked for.
func (c *Client) HoldList(ctx context.Context, all bool) (list Holds, err error) {
	query := c.tenant()
	if all {
		query.Set("all", strconv.FormatBool(all))
	}
	_, err = c.call(ctx, request{method: http.MethodGet, path: "/v1/holds", query: query}, &list)
	return list, err
}
