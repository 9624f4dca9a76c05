// Package events takes the events of other people's topics: it reads each topic that
// an applied definition waits for, once for all definitions of a namespace, and
// starts the sagas that they ask for. A record is finished with when all that it
// starts, or its dead letter, is committed; what can be neither now comes again,
// and only its key waits.
package events
