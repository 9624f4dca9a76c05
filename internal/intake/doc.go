// Package intake takes starts: whatever way a request to start a saga comes in,
// over REST or over Kafka, the same is checked in the same order, and the same is
// refused.
package intake
