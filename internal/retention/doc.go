// Package retention deletes sagas that have ended long enough ago. Policy says which
// those are, Walk where to look for them, both without a clock of their own; Runner
// does it, a few at a time, in one process of an installation. The store of package
// sagapg is its hands.
package retention
