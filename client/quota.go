package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// QuotaLimits are what a namespace may start and keep. 0 is no limit.
type QuotaLimits struct {
	Starts int   `json:"starts,omitempty" doc:"sagas that may be started in a second; none: any number"`                                             // Starts is how many sagas may be started in a second.
	Burst  int   `json:"burst,omitempty" doc:"how many of them may come at once; none: as many as in a second"`                                      // Burst is how many of them may come at once; 0: as many as Starts.
	Open   int64 `json:"open,omitempty" doc:"sagas that may be open, running or compensating; none: any number"`                                     // Open is how many sagas may be running or compensating.
	Bytes  int64 `json:"bytes,omitempty" doc:"what the histories of its sagas may hold: payloads, reasons and 256 bytes an event; none: any number"` // Bytes is what the histories of its sagas may hold: payloads, reasons and 256 bytes an event.
}

// Quotas are the limits of a namespace, and how much of them is used.
type Quotas struct {
	QuotaLimits
	Namespace string        `json:"namespace"`                                                               // Namespace is whose they are.
	Used      QuotaUse      `json:"used" doc:"how much is used now"`                                         // Used is how much is used now.
	Reason    string        `json:"reason,omitempty"`                                                        // Reason is what was said when they were set last.
	Actor     string        `json:"actor,omitempty" doc:"who has set them last; none: nobody ever has"`      // Actor is who has set them last; empty: nobody ever has.
	At        *time.Time    `json:"at,omitempty" doc:"since when they stand so"`                             // At is since when they stand so; nil: nobody has set any.
	Changes   []QuotaChange `json:"changes,omitempty" doc:"the last twenty, the newest first, if asked for"` // Changes are the last twenty, the newest first; only if they were asked for.
}

// QuotaUse is how much of its quotas a namespace uses.
type QuotaUse struct {
	Open  int64 `json:"open" doc:"sagas that are open now"`                                         // Open is how many sagas are open now.
	Bytes int64 `json:"bytes" doc:"what the histories of its sagas hold, as of about a second ago"` // Bytes is what the histories of its sagas hold, as of about a second ago.
}

// QuotaChange is one time that quotas were set.
type QuotaChange struct {
	QuotaLimits
	Reason    string    `json:"reason,omitempty"`    // Reason is what was said.
	Actor     string    `json:"actor"`               // Actor is who it was.
	RequestID string    `json:"requestId,omitempty"` // RequestID is that of the request.
	At        time.Time `json:"at"`                  // At is when.
}

// SetQuotas says which quotas are to be others. What is nil stays as it is; 0 takes a
// quota away.
type SetQuotas struct {
	Starts *int   `json:"starts,omitempty" minimum:"0" maximum:"100000" doc:"sagas that may be started in a second; 0: any number; left out: as it is"`         // Starts is the new QuotaLimits.Starts.
	Burst  *int   `json:"burst,omitempty" minimum:"0" maximum:"1000000" doc:"how many of them may come at once; 0: as many as in a second; left out: as it is"` // Burst is the new QuotaLimits.Burst.
	Open   *int64 `json:"open,omitempty" minimum:"0" maximum:"1000000000" doc:"sagas that may be open; 0: any number; left out: as it is"`                      // Open is the new QuotaLimits.Open.
	Bytes  *int64 `json:"bytes,omitempty" minimum:"0" maximum:"1125899906842624" doc:"what histories may hold; 0: any number; left out: as it is"`              // Bytes is the new QuotaLimits.Bytes.
	Reason string `json:"reason" minLength:"1" maxLength:"1024" doc:"why; kept"`                                                                                // Reason says why. Required.
}

// Quotas returns the quotas of the namespace and how much of them is used; with the
// last changes if that is asked for.
func (c *Client) Quotas(ctx context.Context, changes bool) (q Quotas, err error) {
	query := c.tenant()
	if changes {
		query.Set("changes", strconv.FormatBool(changes))
	}
	_, err = c.call(ctx, request{method: http.MethodGet, path: "/v1/namespace/quotas", query: query}, &q)
	return q, err
}

// SetQuotas sets quotas of the namespace. Within about a second all processes know.
func (c *Client) SetQuotas(ctx context.Context, set SetQuotas) (q Quotas, err error) {
	body, err := json.Marshal(set)
	if err != nil {
		return q, fmt.Errorf("encode quotas: %w", err)
	}
	_, err = c.call(ctx, request{method: http.MethodPatch, path: "/v1/namespace/quotas", query: c.tenant(), contentType: "application/json", body: body}, &q)
	return q, err
}
