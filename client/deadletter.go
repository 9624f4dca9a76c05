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

// DeadLetter is a record that nobody could handle. Lists leave out its key, its
// headers and its value.
type DeadLetter struct {
	ID          int64      `json:"id" doc:"orders dead letters"`                                                                // ID orders dead letters.
	Namespace   string     `json:"namespace" doc:"the tenant that the record names"`                                            // Namespace is the tenant that the record names.
	Topic       string     `json:"topic" doc:"where the record was read, or was to be written"`                                 // Topic is where the record was read, or was to be written.
	Partition   int32      `json:"partition" doc:"-1: it was never written"`                                                    // Partition is -1 if it was never written.
	Offset      int64      `json:"offset" doc:"its place there; the id of its outbox row if it was never written"`              // Offset is its place there, or the id of its outbox row.
	Timestamp   *time.Time `json:"timestamp,omitempty" doc:"the record's own"`                                                  // Timestamp is the record's own.
	Class       string     `json:"class" example:"undecodable"`                                                                 // Class groups reasons.
	Reason      string     `json:"reason" doc:"what is wrong with it"`                                                          // Reason says what is wrong with it.
	Fingerprint string     `json:"fingerprint" doc:"the same for all that died alike"`                                          // Fingerprint is the same for all that died alike.
	Origin      string     `json:"origin" doc:"the node that gave it up, or the dead-letter topic it came from"`                // Origin is who gave it up.
	Saga        string     `json:"saga,omitempty" doc:"the saga that it names"`                                                 // Saga is the saga that it names.
	Command     string     `json:"command,omitempty" doc:"step/direction, as far as it says" example:"charge/do"`               // Command is step/direction, as far as it says.
	At          time.Time  `json:"at" doc:"when it was given up"`                                                               // At is when it was given up.
	Status      string     `json:"status" enum:"open,redriven,discarded"`                                                       // Status is open, redriven or discarded.
	Redrives    int        `json:"redrives,omitempty" doc:"how often it was redriven from here"`                                // Redrives counts how often it was redriven from here.
	Actor       string     `json:"actor,omitempty" doc:"who decided last"`                                                      // Actor is who decided last.
	Note        string     `json:"note,omitempty" doc:"why"`                                                                    // Note is why.
	ChangedAt   *time.Time `json:"changedAt,omitempty" doc:"when that was decided"`                                             // ChangedAt is when that was decided.
	Unsent      string     `json:"unsent,omitempty" enum:"copy,record" doc:"still to be sent: its copy to .dlt, or the record"` // Unsent is copy or record while that is still to be sent.
	SentAt      *time.Time `json:"sentAt,omitempty" doc:"when the last of that was sent"`                                       // SentAt is when the last of that was sent.
	Trouble     string     `json:"trouble,omitempty" doc:"why sending failed for good"`                                         // Trouble says why sending failed for good.
	Size        int        `json:"size" doc:"of the value, in bytes"`                                                           // Size is the value's, in bytes.

	Key     *Bytes         `json:"key,omitempty" doc:"absent: the record has none"`            // Key is nil if the record has none.
	Headers []RecordHeader `json:"headers,omitempty" doc:"in their order, duplicates kept"`    // Headers are in their order, duplicates kept.
	Value   *Bytes         `json:"value,omitempty" doc:"absent: the record has none"`          // Value is nil if the record has none.
	Effect  string         `json:"effect,omitempty" doc:"what redriving it would do just now"` // Effect says what redriving it would do just now.
}

// Bytes shows bytes as they are and, where that is possible, readably.
type Bytes struct {
	Base64 []byte          `json:"base64" doc:"byte for byte"`                               // Base64 is the truth.
	Text   string          `json:"text,omitempty" doc:"if they are plain text, but no JSON"` // Text is the same if they are plain text, but no JSON.
	JSON   json.RawMessage `json:"json,omitempty" doc:"if they are JSON"`                    // JSON is the same if they are JSON.
}

// RecordHeader is one header of a record.
type RecordHeader struct {
	Name  Bytes  `json:"name"`                                              // Name is the header's key.
	Value *Bytes `json:"value,omitempty" doc:"absent: the header has none"` // Value is nil if the header has none.
}

// DeadLetters is a page of dead letters, the newest first.
type DeadLetters struct {
	DeadLetters []DeadLetter `json:"deadLetters"`                                                           // DeadLetters come without keys, headers and values.
	Next        int64        `json:"next,omitempty" doc:"pass it as after for the next page; 0 at the end"` // Next is the After of the next page; 0 at the end.
}

// DeadLetterGroup is the dead letters that died alike.
type DeadLetterGroup struct {
	Fingerprint string    `json:"fingerprint"`                          // Fingerprint is what they share.
	Topic       string    `json:"topic"`                                // Topic is their records'.
	Class       string    `json:"class"`                                // Class is theirs.
	Reason      string    `json:"reason" doc:"that of the example"`     // Reason is that of Example.
	Count       int64     `json:"count"`                                // Count is how many there are.
	Sagas       int64     `json:"sagas" doc:"how many sagas they name"` // Sagas is how many sagas they name.
	First       time.Time `json:"first"`                                // First is when the oldest was given up.
	Last        time.Time `json:"last"`                                 // Last is when the newest was given up.
	Example     int64     `json:"example" doc:"the id of the newest"`   // Example is the id of the newest.
}

// DeadLetterGroups is the largest groups of dead letters.
type DeadLetterGroups struct {
	Groups []DeadLetterGroup `json:"groups" doc:"the largest first"` // Groups are ordered by size, the largest first.
}

// DeadLetterFilter chooses dead letters; its zero value chooses all.
type DeadLetterFilter struct {
	Topic       string `json:"topic,omitempty"`                                                       // Topic is the record's topic.
	Class       string `json:"class,omitempty"`                                                       // Class is the class.
	Fingerprint string `json:"fingerprint,omitempty"`                                                 // Fingerprint is the group.
	Saga        string `json:"saga,omitempty"`                                                        // Saga is the saga that the record names.
	Status      string `json:"-"`                                                                     // Status is open, redriven or discarded; Redrives takes open ones only.
	After       int64  `json:"after,omitempty" doc:"only those after this one"`                       // After is the Next of the page before.
	Limit       int    `json:"limit,omitempty" minimum:"1" maximum:"200" doc:"default 1: the canary"` // Limit is how many, 1 to 200; 0 is 50, and 1 in Redrives.
}

// Redrive says how to redrive.
type Redrive struct {
	Reason string `json:"reason,omitempty" maxLength:"1024" doc:"why; kept with the dead letter"`                              // Reason is kept with the dead letter; at most 1,024 bytes.
	Force  bool   `json:"force,omitempty" doc:"although its order, its status or the number of its redrives speak against it"` // Force redrives although its order, its status or the number of its redrives speak against it.
	DryRun bool   `json:"-"`                                                                                                   // DryRun changes nothing and says what would happen.
}

// Redriven is what redriving a dead letter does.
type Redriven struct {
	ID       int64  `json:"id"`                                                           // ID is the dead letter's.
	Effect   string `json:"effect" doc:"what it does, or why it is refused"`              // Effect says what it does, or why it is refused.
	Refused  bool   `json:"refused,omitempty" doc:"it is not redriven"`                   // Refused: it is not redriven.
	Forcible bool   `json:"forcible,omitempty" doc:"refused, but force would redrive it"` // Forcible: Redrive.Force redrives it nevertheless.
}

// Redrives is what became of many.
type Redrives struct {
	Results []Redriven `json:"results" doc:"the oldest first"` // Results are in the order of the ids.
}

const deadLetters = "/v1/dead-letters"

// DeadLetters returns a page of dead letters, the newest first.
func (c *Client) DeadLetters(ctx context.Context, f DeadLetterFilter) (page DeadLetters, err error) {
	_, err = c.call(ctx, request{method: http.MethodGet, path: deadLetters, query: c.chosen(f)}, &page)
	return page, err
}

// DeadLetterGroups returns the largest groups of dead letters.
func (c *Client) DeadLetterGroups(ctx context.Context, f DeadLetterFilter) (groups DeadLetterGroups, err error) {
	_, err = c.call(ctx, request{method: http.MethodGet, path: deadLetters + "/groups", query: c.chosen(f)}, &groups)
	return groups, err
}

// chosen is a filter as a query.
func (c *Client) chosen(f DeadLetterFilter) url.Values {
	query := c.tenant()
	set(query, "topic", f.Topic)
	set(query, "class", f.Class)
	set(query, "fingerprint", f.Fingerprint)
	set(query, "saga", f.Saga)
	set(query, "status", f.Status)
	if f.After > 0 {
		query.Set("after", strconv.FormatInt(f.After, 10))
	}
	if f.Limit > 0 {
		query.Set("limit", strconv.Itoa(f.Limit))
	}
	return query
}

// DeadLetter returns a dead letter with its record.
func (c *Client) DeadLetter(ctx context.Context, id int64) (found DeadLetter, err error) {
	_, err = c.call(ctx, request{method: http.MethodGet, path: deadLetterPath(id, "")}, &found)
	return found, err
}

func deadLetterPath(id int64, verb string) string {
	return deadLetters + "/" + strconv.FormatInt(id, 10) + verb
}

// RedriveDeadLetter sends the record to its topic again. What must not be redriven
// answers with Refused and says why; with how.DryRun that is in the result.
func (c *Client) RedriveDeadLetter(ctx context.Context, id int64, how Redrive) (result Redriven, err error) {
	err = c.redrive(ctx, request{path: deadLetterPath(id, "/redrive"), query: url.Values{}}, how, how, &result)
	return result, err
}

// RedriveDeadLetters redrives the open dead letters that f chooses, the oldest
// first; f must choose by something.
func (c *Client) RedriveDeadLetters(ctx context.Context, f DeadLetterFilter, how Redrive) (results Redrives, err error) {
	body := struct {
		DeadLetterFilter
		Redrive
	}{f, how}
	err = c.redrive(ctx, request{path: deadLetters + "/redrive", query: c.tenant()}, how, body, &results)
	return results, err
}

func (c *Client) redrive(ctx context.Context, r request, how Redrive, body, out any) (err error) {
	if how.DryRun {
		r.query.Set("dryRun", "true")
	}
	if r.body, err = json.Marshal(body); err != nil {
		return fmt.Errorf("redrive: %w", err)
	}
	r.method, r.contentType = http.MethodPost, "application/json"
	_, err = c.call(ctx, r, out)
	return err
}

// DiscardDeadLetter says that nobody has a use for the record; reason is kept with
// it, and so is the record.
func (c *Client) DiscardDeadLetter(ctx context.Context, id int64, reason string) (discarded DeadLetter, err error) {
	body, err := json.Marshal(map[string]string{"reason": reason})
	if err != nil {
		return DeadLetter{}, fmt.Errorf("discard: %w", err)
	}
	_, err = c.call(ctx, request{
		method: http.MethodPost, path: deadLetterPath(id, "/discard"), contentType: "application/json", body: body,
	}, &discarded)
	return discarded, err
}
