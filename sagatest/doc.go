// Package sagatest tests sagas without servers.
//
// [Play] plays a [Scene] of a saga of either kind in virtual time: what is given, what
// happens, and what must become of it. [Scripts] plays those that are written in YAML.
// [Inject] plays a scene with a fault at every point, and [SimulateOwn] runs worlds of many
// sagas of yours, with all faults at once. docs/testing.md shows all of it, and what is beside them.
//
// [Simulate] runs a hundred sagas through the real core in a world that is
// simulated whole: a store, an outbox and its relay, a bus, participants with the
// guard of the participant's contract, and a coordinator that crashes. One seed is
// one course of the world, to the last detail: there is one thread, one source of
// randomness and one virtual clock. After the run a checker looks for broken
// invariants (RELIABILITY.md section 3):
//
//   - I1: every saga whose start was acknowledged ends.
//   - I2: each effect happens at most once for each saga, step and direction.
//   - I3: undone in reverse order; a compensated saga leaves no effect alive, a
//     completed one has every effect.
//   - I8: the history alone yields the stored state.
//   - I12: late, duplicate, foreign and forged replies change nothing.
//
// Then the rules of e2e/checker, which know none of the core's code, look at what
// the world has left behind as they look at a real run's.
//
// A [Mutant] breaks the world on purpose, to prove that the checker can fail.
package sagatest
