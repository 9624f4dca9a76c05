package client

import (
	"encoding/json"
	"time"
)

// Saga is a saga as it was committed last.
type Saga struct {
	ID         string                     `json:"id" doc:"UUIDv7" example:"0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"`                                                      // ID identifies it.
	Definition string                     `json:"definition" doc:"the definition's name"`                                                                              // Definition is the definition's name.
	Version    string                     `json:"version" doc:"the version it is pinned to" example:"r12"`                                                             // Version is what it is pinned to, such as r12.
	Status     string                     `json:"status" enum:"running,compensating,completed,compensated,abandoned"`                                                  // Status is running, compensating, completed, compensated or abandoned.
	WaitingFor []string                   `json:"waitingFor,omitempty" doc:"approval, breaker, child, hold, lock, operator, reply, signal, timer, update"`             // WaitingFor lists approval, breaker, child, hold, lock, operator (it is paused), reply, signal, timer and update.
	Key        string                     `json:"key,omitempty" doc:"the business key"`                                                                                // Key is the business key; empty without one.
	Title      string                     `json:"title,omitempty" doc:"what people call it; in lists only one of its own"`                                             // Title is what people call it: its own or, not in a List, the definition's.
	Subject    string                     `json:"subject,omitempty" doc:"whose data it holds"`                                                                         // Subject is whose data it holds; empty when the definition names nobody.
	Retention  string                     `json:"retention,omitempty" enum:"short,long" doc:"for how long it is kept once it has ended, as a class; none is standard"` // Retention is short, long, or empty for standard.
	Priority   string                     `json:"priority,omitempty" enum:"low,high" doc:"its priority among the sagas of its namespace; none is normal"`              // Priority is low, high, or empty for normal.
	Attributes map[string]json.RawMessage `json:"attributes,omitempty" doc:"what it can be found by"`                                                                  // Attributes are what it can be found by, by name.
	Parent     string                     `json:"parent,omitempty" doc:"the saga one of whose steps it carries out"`                                                   // Parent is the saga one of whose steps it carries out; empty without one.
	ParentStep string                     `json:"parentStep,omitempty" doc:"that step" example:"settle"`                                                               // ParentStep is that step, with its visit: settle#2.
	Root       string                     `json:"root,omitempty" doc:"the first of its family"`                                                                        // Root is the first of its family; empty without a parent.
	Chain      *Chain                     `json:"chain,omitempty" doc:"which run of a chain it is, if it has continued as new or begun so"`                            // Chain says which run of a chain it is; nil: it is none.
	Locks      []Lock                     `json:"locks,omitempty" doc:"the keys that it has or waits for; not in lists"`                                               // Locks are the keys that it has, or waits for; a List leaves them out.
	Output     json.RawMessage            `json:"output,omitempty" doc:"what it has come to, once it is completed; not in lists"`                                      // Output is the saga's, once it is completed and if its definition makes one; a List leaves it out.
	Assigned   string                     `json:"assigned,omitempty" doc:"who looks after what it needs attention for" example:"group:desk"`                           // Assigned is who looks after what it needs attention for, user:NAME or group:NAME.
	Attention  []Attention                `json:"attention,omitempty" doc:"why an operator should look at it"`                                                         // Attention is why an operator should look; empty is good.
	Cause      string                     `json:"cause,omitempty" doc:"why it turned back"`                                                                            // Cause says why it turned back.
	StartedAt  *time.Time                 `json:"startedAt,omitempty"`                                                                                                 // StartedAt is when it began, by the database's clock.
	ChangedAt  *time.Time                 `json:"changedAt,omitempty" doc:"when the last event was stored"`                                                            // ChangedAt is the time of its last event.
	BeginsAt   *time.Time                 `json:"beginsAt,omitempty" doc:"when its first steps begin, if they have not"`                                               // BeginsAt is when its first steps begin; nil once they have.
	WakeAt     *time.Time                 `json:"wakeAt,omitempty" doc:"when something is due next"`                                                                   // WakeAt is when something is due next; nil when nothing is.
	Deadline   *time.Time                 `json:"deadline,omitempty" doc:"when it turns back because it is late"`                                                      // Deadline is when it turns back because it is late; nil without one, and once it cannot.
	PausedAt   *time.Time                 `json:"pausedAt,omitempty" doc:"since when it is paused"`                                                                    // PausedAt is since when it sends nothing; nil when it is not paused.
	HeldBy     []Hold                     `json:"heldBy,omitempty" doc:"what operators hold, or let go at a rate, that its commands wait for; not in lists"`           // HeldBy is what operators hold, or let go at a rate, that its commands wait for; a List leaves it out.
	Steps      []Step                     `json:"steps,omitempty" doc:"the steps in the definition's order; not in lists"`                                             // Steps are in the definition's order; a List leaves them out.
	PivotSent  bool                       `json:"pivotSent,omitempty" doc:"the point of no return was passed: it can only go forward"`                                 // PivotSent says that there is no way back.
}

// Ended reports whether nothing more can happen to the saga.
func (s Saga) Ended() bool {
	return s.Status == "completed" || s.Status == "compensated" || s.Status == "abandoned"
}

// Chain says which run of a chain a saga is: its code continues as new, so that no
// history grows for ever.
type Chain struct {
	First  string `json:"first" doc:"the first run"`                                     // First is the first run.
	Run    int    `json:"run" doc:"counts from 1"`                                       // Run counts from 1.
	Before string `json:"before,omitempty" doc:"the run that has continued as this one"` // Before is the run that has continued as this one; empty of the first.
	Next   string `json:"next,omitempty" doc:"the run that it goes on as"`               // Next is the run that it goes on as; empty: it has not.
}

// Lock is one key that a saga has or waits for.
type Lock struct {
	Key     string `json:"key" doc:"the key"`                                                // Key is the key.
	Granted bool   `json:"granted" doc:"the saga has it"`                                    // Granted: the saga has it.
	Holder  string `json:"holder" doc:"the saga that has it"`                                // Holder is who has it.
	Ahead   int    `json:"ahead" doc:"how many sagas come before it, the holder among them"` // Ahead is how many come before it, the holder among them; at most 1,000.
}

// Attention is one reason why an operator should look at a saga.
type Attention struct {
	Reason string     `json:"reason" doc:"the kind of trouble, such as pivot-unknown"`   // Reason is the kind of trouble.
	Step   string     `json:"step,omitempty" doc:"the step concerned"`                   // Step is the step concerned, if one is.
	Text   string     `json:"text,omitempty" doc:"what happened"`                        // Text says what happened.
	By     string     `json:"by,omitempty" doc:"who has acknowledged it, or put it off"` // By is who has acknowledged it, or put it off; empty: nobody yet.
	At     *time.Time `json:"at,omitempty" doc:"when they have"`                         // At is when they have.
	Until  *time.Time `json:"until,omitempty" doc:"until when it is put off"`            // Until is until when it is put off; nil: it was only acknowledged.
}

// Step is the state of one step.
type Step struct {
	Step       string          `json:"step" doc:"the step's name"`                                                                                                                                                                       // Step is the step's name.
	Kind       string          `json:"kind,omitempty" enum:"compensable,pivot,retriable"`                                                                                                                                                // Kind is compensable, pivot or retriable.
	Command    string          `json:"command,omitempty" doc:"participant/command"`                                                                                                                                                      // Command is participant/command.
	Phase      string          `json:"phase" enum:"waiting,doing,resting,held,done,skipped,refused,unknown,undoing,undo-resting,undo-held,undone,kept,sleeping,awaiting,asking,expired,spreading,raising,reversing" doc:"how far it is"` // Phase says how far it is.
	Waits      string          `json:"waits,omitempty" doc:"what a step waits for that has no command" example:"signal paid"`                                                                                                            // Waits says what a step waits for that has no command: sleep, signal NAME, approval by WHOM.
	Child      string          `json:"child,omitempty" doc:"the last saga that carries the step out"`                                                                                                                                    // Child is the last saga that carries the step out; empty without one.
	Saga       string          `json:"saga,omitempty" doc:"the definition of the saga that carries the step out, and its version if it is pinned" example:"settleOrder"`                                                                 // Saga is the definition of the saga that carries the step out; empty without one.
	Attempt    int             `json:"attempt,omitempty" doc:"the number of the last attempt in the present direction"`                                                                                                                  // Attempt is that of the last command in the present direction.
	Epoch      int             `json:"epoch,omitempty" doc:"rises when the step is reversed or re-opened"`                                                                                                                               // Epoch is that of the last command.
	Progress   json.RawMessage `json:"progress,omitempty" doc:"what the participant has said last of a command under way"`                                                                                                               // Progress is what the participant has said last of a command under way; nil: nothing.
	ProgressAt *time.Time      `json:"progressAt,omitempty" doc:"when it has said that"`                                                                                                                                                 // ProgressAt is when it has said that.
	Visit      int             `json:"visit,omitempty" doc:"how often a reset has let it begin anew"`                                                                                                                                    // Visit is how often a reset has let it begin anew; its commands are called step#2 and so on.
	LeftAlive  bool            `json:"leftAlive,omitempty" doc:"an operator has decided that this step's effect, which is or may be there, stays"`                                                                                       // LeftAlive says that its effect is, or may be, there and stays: the saga was terminated, or its undo skipped.
	Due        *time.Time      `json:"due,omitempty" doc:"when its present wait is over"`                                                                                                                                                // Due is when its wait is over; nil when it waits for no time.
	Items      map[string]int  `json:"items,omitempty" doc:"of a step that runs for each item of a list: how many of them are in each phase"`                                                                                            // Items says of a step that runs for each item of a list how many of them are in each phase; nil for others.
	Listed     []Item          `json:"listed,omitempty" doc:"its items that are under way or in trouble, in their order; at most 200"`                                                                                                   // Listed are its items that are under way or in trouble, in their order; at most 200.
}

// Item is one item of a step that runs for each item of a list.
type Item struct {
	Step    string     `json:"step" doc:"the item's name, as verbs take it" example:"ship[3]"`                  // Step is the item's name, such as ship[3].
	Phase   string     `json:"phase" doc:"how far it is"`                                                       // Phase says how far it is.
	Attempt int        `json:"attempt,omitempty" doc:"the number of the last attempt in the present direction"` // Attempt is that of the last command in the present direction.
	Due     *time.Time `json:"due,omitempty" doc:"when its present wait is over"`                               // Due is when its wait is over; nil when it waits for no time.
	Child   string     `json:"child,omitempty" doc:"the last saga that carries the item out"`                   // Child is the last saga that carries the item out; empty without one.
}

// Page is a page of sagas, the newest first.
type Page struct {
	Sagas   []Saga `json:"sagas" doc:"the newest first"`                                                                                                              // Sagas come without their steps.
	Next    string `json:"next,omitempty" doc:"the cursor of the next page, if any"`                                                                                  // Next is the cursor of the next page; empty at the end.
	Snoozed int    `json:"snoozed,omitempty" doc:"how many more need attention that was put off: on the first page of a list of attention; at most 1000 are counted"` // Snoozed is how many more need attention that was put off, on the first page of a List with Filter.Attention; at most 1,000 are counted.
}

// Event is one event of a saga's history.
type Event struct {
	Seq           int64           `json:"seq" doc:"counts from 1"`                                                       // Seq counts from 1.
	At            time.Time       `json:"at"`                                                                            // At is the database's clock.
	Kind          string          `json:"kind" example:"replied"`                                                        // Kind is started, replied, woke, cancelled and so on.
	Actor         string          `json:"actor,omitempty" doc:"who caused it" example:"participant:payments"`            // Actor is kind:name.
	Reason        string          `json:"reason,omitempty"`                                                              // Reason is a sentence for people.
	RequestID     string          `json:"requestId,omitempty"`                                                           // RequestID made a verb idempotent.
	Step          string          `json:"step,omitempty"`                                                                // Step is whose reply it is.
	Signal        string          `json:"signal,omitempty"`                                                              // Signal is the name of a signal.
	Update        string          `json:"update,omitempty"`                                                              // Update is the name of an update.
	Direction     string          `json:"direction,omitempty" enum:"do,undo"`                                            // Direction is do or undo.
	Attempt       int             `json:"attempt,omitempty"`                                                             // Attempt is the reply's.
	Epoch         int             `json:"epoch,omitempty"`                                                               // Epoch is the reply's.
	Outcome       string          `json:"outcome,omitempty" enum:"succeeded,rejected,failed,ongoing"`                    // Outcome is the reply's.
	Payload       json.RawMessage `json:"payload,omitempty" doc:"the input or the result, if it is JSON"`                // Payload is the input or the result, if it is JSON.
	PayloadBase64 []byte          `json:"payloadBase64,omitempty" doc:"the input or the result, if it is not JSON"`      // PayloadBase64 is the same if it is not JSON.
	ContentType   string          `json:"contentType,omitempty" doc:"of a payload that is not plain JSON"`               // ContentType is that of a payload that is not plain JSON.
	Held          []string        `json:"held,omitempty" doc:"where commands were held, such as payments/do"`            // Held lists the ways on which commands were held.
	Asked         []string        `json:"asked,omitempty" doc:"what the code asked for, such as do:pay payments/charge"` // Asked lists what the function of a saga that is code asked for.
	Sent          []Sent          `json:"sent,omitempty" doc:"the commands it made the saga send"`                       // Sent lists the commands that it made the saga send.
}

// Sent is a command that an event made a saga send.
type Sent struct {
	Step      string `json:"step"`                              // Step is the step.
	Direction string `json:"direction" enum:"do,undo"`          // Direction is do or undo.
	Attempt   int    `json:"attempt"`                           // Attempt counts from 1.
	Command   string `json:"command" doc:"participant/command"` // Command is participant/command.
	Hash      string `json:"hash" doc:"of the payload's bytes"` // Hash is the 64-bit FNV-1a of the payload, in hexadecimal.
}

// Events is a page of a history, the oldest first.
type Events struct {
	Events []Event `json:"events"`                                                                // Events are in order.
	Next   int64   `json:"next,omitempty" doc:"pass it as after for the next page; 0 at the end"` // Next is the after of the next page; 0 at the end.
}
