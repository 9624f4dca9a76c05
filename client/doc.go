// Package client talks to Unwind from a Go program: over REST (Client), or from
// inside the program's own Postgres transaction (StartTx).
//
// The types are those of the REST API, whose server uses them too. Every error
// that the server answers is a *Problem; CodeOf tells them apart:
//
//	_, err := c.Cancel(ctx, id, client.Verb{Reason: "ordered twice"})
//	if client.CodeOf(err) == client.PastPivot { … }
package client
