package rest

import "github.com/unwindhq/unwind/internal/access"

// Permission names what a caller must be allowed to do. It is declared for every
// route and written into the OpenAPI document.
type Permission string

// The permissions of the routes.
const (
	Public           Permission = "public"             // Public needs none: health and readiness.
	AnyKey           Permission = "any-key"            // AnyKey needs a key and no more: it shows nothing but the key itself.
	SagasStart       Permission = "sagas:start"        // SagasStart is needed to start a saga.
	SagasRead        Permission = "sagas:read"         // SagasRead is needed to see sagas and their payloads.
	SagasCancel      Permission = "sagas:cancel"       // SagasCancel is needed to cancel a saga.
	SagasOperate     Permission = "sagas:operate"      // SagasOperate is needed to pause, resume and retry a saga.
	SagasSignal      Permission = "sagas:signal"       // SagasSignal is needed to hand a signal or an update to a saga.
	SagasDecide      Permission = "sagas:decide"       // SagasDecide is needed to give or refuse an approval; the definition says who else may not.
	SagasTerminate   Permission = "sagas:terminate"    // SagasTerminate is needed to end a saga with its effects left alive.
	DefinitionsApply Permission = "definitions:apply"  // DefinitionsApply is needed to apply a definition.
	ContractsApply   Permission = "contracts:apply"    // ContractsApply is needed to apply a participant's contract; to break who uses it takes an admin.
	DefinitionsRead  Permission = "definitions:read"   // DefinitionsRead is needed to see definitions.
	DeadLettersRead  Permission = "dead-letters:read"  // DeadLettersRead is needed to see dead letters and their records.
	DeadLettersWrite Permission = "dead-letters:write" // DeadLettersWrite is needed to redrive and discard them.
	SchedulesRead    Permission = "schedules:read"     // SchedulesRead is needed to see what the clock starts.
	SchedulesWrite   Permission = "schedules:write"    // SchedulesWrite is needed to apply, pause, trigger and delete schedules.
	BreakersRead     Permission = "breakers:read"      // BreakersRead is needed to see breakers, which all namespaces share.
	HoldsRead        Permission = "holds:read"         // HoldsRead is needed to see what is held.
	HoldsWrite       Permission = "holds:write"        // HoldsWrite is needed to hold and release a definition or a namespace.
	QuotasRead       Permission = "quotas:read"        // QuotasRead is needed to see a namespace's quotas.
	QuotasWrite      Permission = "quotas:write"       // QuotasWrite is needed to set them: whoever is bounded does not say how much.
	ParticipantsHold Permission = "participants:hold"  // ParticipantsHold is needed to hold and release a participant, which all namespaces share.
)

// permissionKey is where a route's permission stands in the OpenAPI document.
const permissionKey = "x-unwind-permission"

// scope says on what a permission is checked.
type scope int

const (
	ofAll    scope = iota // all namespaces at once: what they share
	ofObject              // the namespace of the object: the handler asks for it (read, namespace)
	ofSelf                // nothing: every key has it
)

// rule says who has a permission.
type rule struct {
	least access.Role
	scope scope
}

// rules is the one table of who may do what. A permission that is not in it is
// an admin's of all namespaces.
var rules = map[Permission]rule{
	AnyKey:           {access.Viewer, ofSelf},
	SagasRead:        {access.Viewer, ofObject},
	SagasStart:       {access.Operator, ofObject},
	SagasCancel:      {access.Operator, ofObject},
	SagasOperate:     {access.Operator, ofObject},
	SagasSignal:      {access.Operator, ofObject},
	SagasDecide:      {access.Viewer, ofObject}, // whoever the approval names; one that names nobody takes an operator
	SagasTerminate:   {access.Admin, ofObject},  // the one verb that gives a promise up
	DefinitionsRead:  {access.Viewer, ofObject},
	ContractsApply:   {access.Operator, ofObject}, // a participant's team tells what it offers
	DeadLettersRead:  {access.Viewer, ofObject},
	DeadLettersWrite: {access.Operator, ofObject},
	SchedulesRead:    {access.Viewer, ofObject},
	SchedulesWrite:   {access.Operator, ofObject}, // who may start sagas may do so every night
	BreakersRead:     {access.Viewer, ofAll},
	HoldsRead:        {access.Viewer, ofObject},
	HoldsWrite:       {access.Operator, ofObject},
	ParticipantsHold: {access.Operator, ofAll},
	QuotasRead:       {access.Viewer, ofObject},
	QuotasWrite:      {access.Admin, ofAll},    // they keep one tenant from taking another's room
	DefinitionsApply: {access.Admin, ofObject}, // a definition is code: who runs sagas need not write it
}

// ruleOf returns the rule of a permission.
func ruleOf(p Permission) rule {
	if r, ok := rules[p]; ok {
		return r
	}
	return rule{access.Admin, ofAll}
}
