package rest

// Permission names what a caller must be allowed to do. It is declared for every
// route and written into the OpenAPI document.
type Permission string

// The permissions of the routes.
const (
	Public           Permission = "public"            // Public needs none: health and readiness.
	SagasStart       Permission = "sagas:start"       // SagasStart is needed to start a saga.
	SagasRead        Permission = "sagas:read"        // SagasRead is needed to see sagas and their payloads.
	SagasCancel      Permission = "sagas:cancel"      // SagasCancel is needed to cancel a saga.
	DefinitionsApply Permission = "definitions:apply" // DefinitionsApply is needed to apply a definition.
	DefinitionsRead  Permission = "definitions:read"  // DefinitionsRead is needed to see definitions.
)

// permissionKey is where a route's permission stands in the OpenAPI document.
const permissionKey = "x-unwind-permission"
