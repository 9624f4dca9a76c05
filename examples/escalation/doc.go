// Package escalation is a claim that people decide: a declared saga (claim.yaml) with an
// approval that goes from the desk to its leads, and an end if nobody answers; and a
// payment of unknown outcome, which a person settles.
//
//	go run ./cmd/unwind def test examples/escalation/claim.test.yaml --stories
package escalation
