// Package peers has the sagas that others show first, told with Unwind: the trip of
// Temporal (as a function, temporal.go) and of Step Functions (stepfunctions.yaml), the
// customers and orders of Eventuate (eventuate.yaml), the transfer of DTM (dtm.yaml), and
// an order that began as a choreography (choreography.yaml). What is shorter, longer or
// impossible here is in docs/peers.md, how to move is in docs/migrate.
//
//	go run ./cmd/unwind def test examples/peers/*.test.yaml --stories
package peers
