package client

import (
	"errors"
	"fmt"
	"strings"
)

// Code tells problems apart; it is stable.
type Code string

// The codes of problems.
const (
	BadRequest        Code = "bad-request"        // BadRequest: the request cannot be read.
	InvalidInput      Code = "invalid-input"      // InvalidInput: the saga's input breaks the definition's schema.
	InvalidDefinition Code = "invalid-definition" // InvalidDefinition: the definition has faults; all are listed.
	UnknownDefinition Code = "unknown-definition" // UnknownDefinition: there is no such definition or version.
	Unauthenticated   Code = "unauthenticated"    // Unauthenticated: no API key was shown, or one that is not valid.
	Forbidden         Code = "forbidden"          // Forbidden: the key's role does not allow it.
	UnknownNamespace  Code = "unknown-namespace"  // UnknownNamespace: the namespace is not served there, or not for this key; or must be named.
	NotFound          Code = "not-found"          // NotFound: there is no such saga or route.
	KeyUsed           Code = "key-used"           // KeyUsed: the idempotency key was used for another start.
	KeyTaken          Code = "key-taken"          // KeyTaken: a running saga has the business key; the detail says which.
	Disabled          Code = "disabled"           // Disabled: the definition starts no sagas for now; the detail says why.
	Ended             Code = "ended"              // Ended: nothing more can happen to the saga.
	NotNow            Code = "not-now"            // NotNow: the saga is not where the verb helps; the detail says why.
	NotYours          Code = "not-yours"          // NotYours: somebody else has to decide; the detail says who.
	Unapproved        Code = "unapproved"         // Unapproved: a large batch waits for a second person.
	UnknownSignal     Code = "unknown-signal"     // UnknownSignal: no step of the definition awaits the signal.
	UnknownQuery      Code = "unknown-query"      // UnknownQuery: the saga's function does not have the query; the detail names those that it has.
	QueryFailed       Code = "query-failed"       // QueryFailed: the saga's function failed to answer a query; the detail says why.
	UnknownUpdate     Code = "unknown-update"     // UnknownUpdate: the saga's function does not have the update; the detail names those that it has.
	UpdateRefused     Code = "update-refused"     // UpdateRefused: the saga's function does not want the update; the detail is what it says.
	UpdateFailed      Code = "update-failed"      // UpdateFailed: the saga's function failed to take an update; the detail says why.
	PastPivot         Code = "past-pivot"         // PastPivot: the point of no return was passed.
	BreaksUsers       Code = "breaks-users"       // BreaksUsers: a contract would break definitions or running sagas; all is listed.
	TopicsMissing     Code = "topics-missing"     // TopicsMissing: a Kafka topic of the definition does not exist.
	TooLarge          Code = "too-large"          // TooLarge: the body is above its limit.
	Refused           Code = "refused"            // Refused: a dead letter must not be redriven or discarded; the detail says why.
	CrossOrigin       Code = "cross-origin"       // CrossOrigin: a browser's page of another site asked.
	OverQuota         Code = "over-quota"         // OverQuota: the namespace has used up a quota; Problem.Quota says which.
	NotReady          Code = "not-ready"          // NotReady: try again soon.
	Internal          Code = "internal"           // Internal: something failed; the server's log says what.
)

// Problem is what went wrong, as application/problem+json (RFC 9457).
type Problem struct {
	Type   string    `json:"type" doc:"a URN that ends with the code" example:"urn:unwind:problem:past-pivot"` // Type is a URN that ends with the code.
	Title  string    `json:"title" doc:"what kind of problem it is"`                                           // Title says what kind of problem it is.
	Status int       `json:"status" doc:"the HTTP status"`                                                     // Status is the HTTP status.
	Code   Code      `json:"code" doc:"tells problems apart; stable" example:"past-pivot"`                     // Code tells problems apart.
	Detail string    `json:"detail,omitempty" doc:"what is wrong this time and what to do"`                    // Detail says what is wrong this time and what to do.
	Errors []Fault   `json:"errors,omitempty" doc:"everything that is wrong, one by one"`                      // Errors lists everything that is wrong.
	Quota  *Exceeded `json:"quota,omitempty" doc:"of over-quota: which quota it is"`                           // Quota says, of OverQuota, which quota it is.
}

// Exceeded is a quota that was used up.
type Exceeded struct {
	Namespace  string `json:"namespace"`                                                                               // Namespace is whose quota it is.
	Quota      string `json:"quota" enum:"starts,open,bytes" doc:"starts a second, open sagas, or bytes in histories"` // Quota is starts, open or bytes.
	Limit      int64  `json:"limit"`                                                                                   // Limit is how much it is.
	Burst      int64  `json:"burst,omitempty" doc:"of starts: how many may come at once"`                              // Burst is, of starts, how many may come at once.
	Used       int64  `json:"used"`                                                                                    // Used is how much is used.
	RetryAfter int    `json:"retryAfter" doc:"after how many seconds it is worth asking again"`                        // RetryAfter is after how many seconds it is worth asking again.
}

// Fault is one thing that is wrong with a request.
type Fault struct {
	File    string `json:"file,omitempty" doc:"the file, of a definition"`     // File is the definition's file.
	Line    int    `json:"line,omitempty" doc:"counts from 1"`                 // Line counts from 1; 0 when unknown.
	Path    string `json:"path,omitempty" doc:"where, such as steps[2].after"` // Path says where.
	Problem string `json:"problem" doc:"what is wrong"`                        // Problem says what is wrong.
	Cure    string `json:"cure,omitempty" doc:"what to do about it"`           // Cure says what to do.
}

// String returns file:line: path: problem; cure.
func (f Fault) String() string {
	var b strings.Builder
	if f.File != "" {
		b.WriteString(f.File + ":")
	}
	if f.Line > 0 {
		fmt.Fprintf(&b, "%d:", f.Line)
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	b.WriteString(f.Problem)
	if f.Cure != "" {
		b.WriteString("; " + f.Cure)
	}
	return b.String()
}

// Error returns the detail and, one a line, everything that is wrong.
func (p *Problem) Error() string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	for _, f := range p.Errors {
		text += "\n" + f.String()
	}
	return text
}

// CodeOf returns the code of the *Problem that err is or wraps, else "".
func CodeOf(err error) Code {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p.Code
	}
	return ""
}
