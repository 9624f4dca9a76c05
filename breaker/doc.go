// Package breaker answers one question for whoever sends commands to other
// services: may this command leave now? A service that is down or drowning
// gets no more work until it answers again; what was meant for it is held, in
// order, and then let go slowly.
//
//	gate, err := breaker.NewGate[OrderID](breaker.Config{})
//	key := breaker.Key{Participant: "payments"}
//
//	permit, ok := gate.Ask(key, breaker.Item[OrderID]{ID: order}, false)
//	if !ok {
//		gate.Held(breaker.Item[OrderID]{ID: order}, []breaker.Key{key}) // send nothing, count nothing
//		return
//	}
//	send(...)
//	// later, once: on the answer, the deadline, or when it was not sent after all
//	permit.Done(breaker.Success) // Failure, Excluded
//
//	// and every few tens of milliseconds
//	for _, order := range gate.Release(100) {
//		tryAgain(order) // its next Ask carries a pass
//	}
//
// Each participant has two breakers, one for doing and one for undoing, since
// either may be broken alone. A breaker is closed while all is well. Enough
// failures open it: nobody passes for OpenFor. Then it is half-open: a few
// probes pass. All of them must succeed to close it, one failure opens it again.
// After it has closed, a ramp lets the held ones go at a limited rate that
// doubles every few seconds, so that a recovering service does not meet all
// the waiting work at once.
//
// Nobody overtakes: while a key holds items, only those that Release named pass.
// Undoing comes first: while neither of a participant's breakers is closed and
// items are held for undoing, its do side holds everybody: the probes are undos.
// Once these have failed the do side may probe too, or compensations that can never
// succeed would hold it for ever.
//
// People may hold commands too: those to a participant, or those of a group that
// items belong to (SetHolds). What is held so waits for the hold alone, so that it
// keeps nobody else's place, and is let go at a rate; then it asks its breaker. A
// participant may have limits (SetLimits): how many commands are out at once, how
// many leave in a second. Of those that wait, a higher Item.Priority goes first most
// of the time.
//
// A gate lives in memory and belongs to one process; it starts closed. It has no
// goroutines: time passes when one of its methods is called.
package breaker
