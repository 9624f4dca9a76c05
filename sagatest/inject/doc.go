// Package inject plays one saga again and again on a [stage.Stage], each time with a
// fault somewhere else: at every command, in both directions and at every attempt, and at
// every event. A run with a fault has points that the run without it did not have, such
// as its compensations, so that there are runs with two faults, and more if wanted.
//
// The participants have the guard of the participant's contract around the answers that
// they are given, a ledger says what they have really done, and messages repeat, come
// late and get lost. After each run the invariants are looked at: see [Report].
//
// sagatest.Inject is the call for tests.
package inject
