package client

import (
	"encoding/json"
	"time"
)

// Definition is one version of a definition.
type Definition struct {
	Name      string          `json:"name"`                                                                                                                 // Name is its name.
	Version   string          `json:"version" example:"r12"`                                                                                                // Version is what people call it.
	Hash      string          `json:"hash" doc:"the SHA-256 of its canonical form"`                                                                         // Hash identifies its content.
	AppliedAt *time.Time      `json:"appliedAt,omitempty"`                                                                                                  // AppliedAt is when it was applied last.
	Disabled  string          `json:"disabled,omitempty" doc:"why it starts no sagas; in lists"`                                                            // Disabled is why it starts no sagas; empty: it does. Only a list has it.
	Retention string          `json:"retention,omitempty" doc:"the class that says for how long its sagas are kept once they have ended; not in lists"`     // Retention is short, standard or long; a list leaves it out.
	KeptFor   string          `json:"keptFor,omitempty" example:"720h0m0s" doc:"how long that is at least in this installation; none: for ever, or a list"` // KeptFor is a Go duration; empty: for ever.
	Canonical json.RawMessage `json:"canonical,omitempty" doc:"the definition with every default; not in lists"`                                            // Canonical is the definition with every default; a list leaves it out.
}

// Definitions is a page of definitions by name, each with its latest version.
type Definitions struct {
	Definitions []Definition `json:"definitions"`                                                     // Definitions are sorted by name.
	Next        string       `json:"next,omitempty" doc:"pass it as after for the next page, if any"` // Next is the after of the next page; empty at the end.
}

// Applied is the answer to an applied definition.
type Applied struct {
	Name    string `json:"name"`                                               // Name is the definition's name.
	Version string `json:"version" example:"r12"`                              // Version is that of this content.
	Hash    string `json:"hash"`                                               // Hash identifies the content.
	Created bool   `json:"created" doc:"false: this content was known before"` // Created is false when the content was known before.
}
