package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// Contract is what a participant offers.
type Contract struct {
	Participant string            `json:"participant"`                                                     // Participant is its name.
	Version     string            `json:"version" example:"c3"`                                            // Version is what people call this version.
	Owner       string            `json:"owner,omitempty"`                                                 // Owner is who answers for it.
	Sticky      bool              `json:"sticky" doc:"a refusal is repeated for ever"`                     // Sticky says that a refusal is repeated for ever.
	Commands    []ContractCommand `json:"commands" doc:"by name; a list leaves the schemas out"`           // Commands are sorted by name; a list leaves their schemas out.
	AppliedAt   time.Time         `json:"appliedAt"`                                                       // AppliedAt is when it was applied.
	AppliedBy   string            `json:"appliedBy"`                                                       // AppliedBy is who has done that.
	Users       []ContractUser    `json:"users,omitempty" doc:"who asks it for something; not in lists"`   // Users ask it for something; a list leaves them out.
	Versions    []ContractVersion `json:"versions,omitempty" doc:"the last twenty versions; not in lists"` // Versions are the last twenty, the newest first; a list leaves them out.
}

// ContractCommand is one command of a contract.
type ContractCommand struct {
	Name         string          `json:"name"`                                                          // Name is its name.
	Compensation string          `json:"compensation,omitempty" doc:"the command that undoes it"`       // Compensation is the command that undoes it; empty for none.
	Input        json.RawMessage `json:"input,omitempty" doc:"the JSON Schema of its payload"`          // Input is the JSON Schema of its payload; nil takes any.
	Result       json.RawMessage `json:"result,omitempty" doc:"the JSON Schema of a success's payload"` // Result is the JSON Schema of a success's payload; nil promises nothing.
}

// ContractUser is a version of a definition that asks a participant for something.
type ContractUser struct {
	Definition string   `json:"definition"`                                              // Definition is its name.
	Version    string   `json:"version"`                                                 // Version is the version.
	Latest     bool     `json:"latest,omitempty" doc:"new sagas are of it"`              // Latest says that new sagas are of it.
	Running    int      `json:"running" doc:"how many of its sagas have not ended"`      // Running is how many of its sagas have not ended.
	Commands   []string `json:"commands" doc:"what it asks for, compensations included"` // Commands are what it asks for, compensations included.
}

// ContractVersion is one version of a contract.
type ContractVersion struct {
	Version   string    `json:"version"`                                                            // Version is what people call it.
	AppliedAt time.Time `json:"appliedAt"`                                                          // AppliedAt is when it was applied.
	AppliedBy string    `json:"appliedBy"`                                                          // AppliedBy is who has done that.
	Reason    string    `json:"reason,omitempty"`                                                   // Reason is why, if that was said.
	Forced    bool      `json:"forced,omitempty" doc:"it broke users and was applied all the same"` // Forced says that it broke users and was applied all the same.
}

// Contracts is a page of contracts by participant.
type Contracts struct {
	Contracts []Contract `json:"contracts"`                                                       // Contracts are sorted by participant.
	Next      string     `json:"next,omitempty" doc:"pass it as after for the next page, if any"` // Next is the after of the next page; empty at the end.
}

// AppliedContract is the answer to an applied contract.
type AppliedContract struct {
	Participant string  `json:"participant"`                                     // Participant is whose contract it is.
	Version     string  `json:"version" example:"c3"`                            // Version is that of this content.
	Created     bool    `json:"created" doc:"false: it was the latest already"`  // Created is false when it was the latest already.
	Broken      []Fault `json:"broken,omitempty" doc:"what was broken by force"` // Broken is what was broken by force.
}

// ApplyContract stores a participant's contract, YAML or JSON; file is repeated in
// faults. One that would break who uses it is refused with BreaksUsers, unless force
// says otherwise, which takes the role admin and a reason.
func (c *Client) ApplyContract(ctx context.Context, file string, data []byte, force bool, reason string) (applied AppliedContract, err error) {
	query := c.tenant()
	query.Set("file", file)
	set(query, "reason", reason)
	if force {
		query.Set("force", "true")
	}
	_, err = c.call(ctx, request{method: http.MethodPut, path: "/v1/participants", query: query, contentType: "application/yaml", body: data}, &applied)
	return applied, err
}

// Participant returns a participant's contract and who uses it; version is the latest
// if it is empty.
func (c *Client) Participant(ctx context.Context, name, version string) (found Contract, err error) {
	query := c.tenant()
	set(query, "version", version)
	_, err = c.call(ctx, request{method: http.MethodGet, path: "/v1/participants/" + url.PathEscape(name), query: query}, &found)
	return found, err
}

// Participants returns a page of contracts: those after a participant.
func (c *Client) Participants(ctx context.Context, after string) (page Contracts, err error) {
	query := c.tenant()
	set(query, "after", after)
	_, err = c.call(ctx, request{method: http.MethodGet, path: "/v1/participants", query: query}, &page)
	return page, err
}
