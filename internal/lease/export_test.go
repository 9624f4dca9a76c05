package lease

// WaitOut is the statement by which a takeover waits for fenced transactions.
const WaitOut = waitOut

// Class is the first key of a schema's advisory locks.
func Class(schema string) int32 { return class(schema) }
