// Package inbox makes a consumer handle a message once: it claims the message's
// id in the transaction of the message's effect, so that a message delivered
// again finds its id taken and is skipped.
package inbox
