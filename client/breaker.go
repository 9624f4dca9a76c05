package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Breaker is one participant in one direction, over all processes.
type Breaker struct {
	Participant string        `json:"participant"`                                                                  // Participant is its name.
	Direction   string        `json:"direction" enum:"do,undo"`                                                     // Direction is that of the commands: "do" or "undo".
	State       string        `json:"state" enum:"closed,half-open,open" doc:"the worst of any process"`            // State is the worst of any process.
	Since       time.Time     `json:"since" doc:"since when the first process is in this state"`                    // Since is when the first process came into this state.
	Held        int           `json:"held" doc:"sagas whose command waits"`                                         // Held is how many sagas wait with a command.
	OldestHeld  *time.Time    `json:"oldestHeld,omitempty" doc:"since when the first of them waits"`                // OldestHeld is since when the first of them waits.
	Rate        int           `json:"rate" doc:"the limits of the ramps under way, commands a second; 0: no limit"` // Rate is the sum of the ramps under way, in commands a second; 0 without any.
	InFlight    int           `json:"inFlight" doc:"commands sent whose outcome is not known yet"`                  // InFlight is how many commands were sent whose outcome is not known yet.
	Requests    int           `json:"requests" doc:"outcomes that were judged"`                                     // Requests is the number of outcomes that were judged.
	Failures    int           `json:"failures" doc:"those of them that were failures"`                              // Failures is how many of them were failures.
	Nodes       []BreakerNode `json:"nodes"`                                                                        // Nodes are the breakers of the processes.
}

// BreakerNode is a breaker in one process.
type BreakerNode struct {
	Node       string     `json:"node"`                               // Node is the process.
	State      string     `json:"state" enum:"closed,half-open,open"` // State is its state there.
	Since      time.Time  `json:"since"`                              // Since is when it came into this state.
	Held       int        `json:"held"`                               // Held is how many sagas wait there.
	OldestHeld *time.Time `json:"oldestHeld,omitempty"`               // OldestHeld is since when the first of them waits.
	Rate       int        `json:"rate"`                               // Rate is the limit of its ramp, in commands a second; 0 without one.
	InFlight   int        `json:"inFlight"`                           // InFlight is how many of its commands are out.
	Requests   int        `json:"requests"`                           // Requests is the number of outcomes that it judged.
	Failures   int        `json:"failures"`                           // Failures is how many of them were failures.
	At         time.Time  `json:"at" doc:"when the process said so"`  // At is when the process said so.
}

// Breakers are the breakers of all participants that were sent commands, sorted
// by participant, do before undo.
type Breakers struct {
	Breakers []Breaker `json:"breakers"` // Breakers are the breakers.
}

// Breakers returns all breakers. They belong to the deployment, not to a
// namespace.
func (c *Client) Breakers(ctx context.Context) (all Breakers, err error) {
	_, err = c.call(ctx, request{method: http.MethodGet, path: "/v1/breakers"}, &all)
	return all, err
}

// Breaker returns those of one participant: one or two. A participant that no
// living process has sent a command answers with NotFound.
func (c *Client) Breaker(ctx context.Context, participant string) (found Breakers, err error) {
	_, err = c.call(ctx, request{method: http.MethodGet, path: "/v1/breakers/" + url.PathEscape(participant)}, &found)
	return found, err
}
