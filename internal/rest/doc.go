// Package rest serves Unwind's REST API: OpenAPI 3.1 from the code, problem+json
// for every error, payloads byte for byte.
//
// Every route declares the permission it will ask for, and looks at the
// namespace of the object itself, not at what the request claims.
package rest
