// Package code lets a saga be a plain Go function. It runs as any other saga: the
// same engine, history, verbs and tools; see saga.Code for how.
//
//	func bookTrip(c *code.Context, in Trip) (Booking, error) {
//		flight, err := code.Do[Flight](c, saga.Step{Name: "flight", Participant: "airline", Command: "reserve", Compensation: "release"}, in)
//		if err != nil {
//			return Booking{}, err // what was done is undone
//		}
//		paid, err := code.Do[Receipt](c, saga.Step{Name: "pay", Participant: "payments", Command: "charge", Kind: saga.Pivot}, in.Cents)
//		…
//	}
//
// # What the function must be
//
// The function is run again from its start whenever its coroutine is not in
// memory: after a restart, on another node. It then gets the answers of the first
// time, so it has to ask for the same things again. Therefore it may read nothing
// but its input and what this package gives it: [Context.Now] instead of a clock,
// [Context.Float64] instead of chance, [SideEffect] for anything else, [Go] instead of
// the go statement. unwindvet finds what breaks this before it runs; what gets
// past it puts attention on the saga, with the difference, and does no harm.
//
// # What its errors mean
//
// A step that is refused gives a [*Refused]; one that has failed or was not
// answered, after all its attempts, a [*Failed]: it may have been done, and what
// it may have done is being undone already. The function may go on with something
// else. If it returns an error, everything that was done is undone, in the reverse
// order; what ran side by side, side by side. Behind the pivot there is no way
// back: steps are tried until they succeed, and an error puts attention on the saga.
// A saga that is turned back from outside ends the function's waits with
// [ErrCanceled], and ends the function's [Context], which is a context.Context.
package code
