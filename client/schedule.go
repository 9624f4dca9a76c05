package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Schedule is what the clock starts.
type Schedule struct {
	Name        string           `json:"name"`                                                             // Name is its name.
	Definition  string           `json:"definition"`                                                       // Definition is that of the sagas.
	Version     string           `json:"version,omitempty" doc:"the version to pin; empty: the latest"`    // Version is the version that is pinned; empty is the latest of each time.
	Cron        string           `json:"cron" example:"30 2 * * *"`                                        // Cron is minute, hour, day, month, weekday, or a name such as @daily.
	Zone        string           `json:"zone,omitempty" example:"Europe/Berlin"`                           // Zone is the time zone; empty is UTC.
	Overlap     string           `json:"overlap" enum:"skip,allow,queue,replace"`                          // Overlap is skip, allow, queue or replace.
	CatchUp     string           `json:"catchUp" enum:"none,last,all"`                                     // CatchUp is none, last or all.
	AtMost      int              `json:"atMost,omitempty" doc:"how many times catchUp: all catches up on"` // AtMost bounds CatchUp all.
	Input       json.RawMessage  `json:"input"`                                                            // Input is the sagas' input, with ${fire.at} and ${fire.date} in it.
	Paused      bool             `json:"paused,omitempty"`                                                 // Paused says that it starts nothing for now.
	PauseReason string           `json:"pauseReason,omitempty"`                                            // PauseReason is why.
	NextAt      *time.Time       `json:"nextAt,omitempty" doc:"the next time; none while it is paused"`    // NextAt is the next time; nil while it is paused.
	CreatedAt   time.Time        `json:"createdAt"`                                                        // CreatedAt is when it was first applied.
	ChangedAt   time.Time        `json:"changedAt"`                                                        // ChangedAt is when it was last changed.
	ChangedBy   string           `json:"changedBy"`                                                        // ChangedBy is who has done that.
	Times       []time.Time      `json:"times,omitempty" doc:"the next five times; not in lists"`          // Times are the next five; a list leaves them out.
	Fires       []Fire           `json:"fires,omitempty" doc:"the last twenty; not in lists"`              // Fires are the last twenty, the newest first; a list leaves them out.
	Changes     []ScheduleChange `json:"changes,omitempty" doc:"the last twenty; not in lists"`            // Changes are the last twenty, the newest first; a list leaves them out.
}

// Fire is one time of a schedule and what became of it.
type Fire struct {
	At        time.Time `json:"at"`                                                       // At is the time.
	Outcome   string    `json:"outcome" enum:"due,queued,started,skipped,missed,refused"` // Outcome is due, queued, started, skipped, missed or refused.
	Saga      string    `json:"saga,omitempty" doc:"the saga that was started"`           // Saga is the saga that was started; empty for none.
	Detail    string    `json:"detail,omitempty" doc:"why none was started"`              // Detail says why there is none.
	Actor     string    `json:"actor" doc:"the schedule, or who has triggered it"`        // Actor is the schedule, or who has triggered it.
	DecidedAt time.Time `json:"decidedAt" doc:"when the outcome was decided"`             // DecidedAt is when that was decided.
}

// ScheduleChange is one change of a schedule.
type ScheduleChange struct {
	At     time.Time `json:"at"`                                                                // At is when it was made.
	Change string    `json:"change" enum:"applied,paused,resumed,triggered,deleted"`            // Change is applied, paused, resumed, triggered or deleted.
	Actor  string    `json:"actor"`                                                             // Actor is who has made it.
	Detail string    `json:"detail,omitempty" doc:"the reason; the schedule as it was applied"` // Detail is the reason, or the schedule as it was applied.
}

// Schedules is a page of schedules by name.
type Schedules struct {
	Schedules []Schedule `json:"schedules"`                                                       // Schedules are sorted by name.
	Next      string     `json:"next,omitempty" doc:"pass it as after for the next page, if any"` // Next is the after of the next page; empty at the end.
}

// ApplySchedule stores a schedule, YAML or JSON, in the place of an earlier one of its
// name; file is repeated in faults.
func (c *Client) ApplySchedule(ctx context.Context, file string, data []byte) (applied Schedule, err error) {
	query := c.tenant()
	query.Set("file", file)
	_, err = c.call(ctx, request{method: http.MethodPut, path: "/v1/schedules", query: query, contentType: "application/yaml", body: data}, &applied)
	return applied, err
}

// Schedule returns a schedule with its next times, fires and changes.
func (c *Client) Schedule(ctx context.Context, name string) (found Schedule, err error) {
	_, err = c.call(ctx, request{method: http.MethodGet, path: "/v1/schedules/" + url.PathEscape(name), query: c.tenant()}, &found)
	return found, err
}

// Schedules returns a page of schedules: those after a name.
func (c *Client) Schedules(ctx context.Context, after string) (page Schedules, err error) {
	query := c.tenant()
	set(query, "after", after)
	_, err = c.call(ctx, request{method: http.MethodGet, path: "/v1/schedules", query: query}, &page)
	return page, err
}

// PauseSchedule lets a schedule start nothing until ResumeSchedule.
func (c *Client) PauseSchedule(ctx context.Context, name, reason string) (Schedule, error) {
	return c.changeSchedule(ctx, name, "pause", reason)
}

// ResumeSchedule lets a paused schedule start sagas from now on.
func (c *Client) ResumeSchedule(ctx context.Context, name, reason string) (Schedule, error) {
	return c.changeSchedule(ctx, name, "resume", reason)
}

// TriggerSchedule starts a saga of a schedule within about a second, whatever its
// policies say, also while it is paused; the first of Fires is its own.
func (c *Client) TriggerSchedule(ctx context.Context, name, reason string) (Schedule, error) {
	return c.changeSchedule(ctx, name, "trigger", reason)
}

func (c *Client) changeSchedule(ctx context.Context, name, verb, reason string) (changed Schedule, err error) {
	body, err := json.Marshal(map[string]string{"reason": reason})
	if err != nil {
		return Schedule{}, fmt.Errorf("%s schedule %s: %w", verb, name, err)
	}
	path := "/v1/schedules/" + url.PathEscape(name) + "/" + verb
	_, err = c.call(ctx, request{method: http.MethodPost, path: path, query: c.tenant(), contentType: "application/json", body: body}, &changed)
	return changed, err
}

// DeleteSchedule ends a schedule; sagas that it has started go on.
func (c *Client) DeleteSchedule(ctx context.Context, name, reason string) (deleted Schedule, err error) {
	query := c.tenant()
	set(query, "reason", reason)
	_, err = c.call(ctx, request{method: http.MethodDelete, path: "/v1/schedules/" + url.PathEscape(name), query: query}, &deleted)
	return deleted, err
}
