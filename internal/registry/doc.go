// Package registry keeps the versions of definitions: in Postgres, where every
// process finds them, and compiled in memory, where the coordinator decides with
// them.
//
// A version is immutable and numbered per name: r1, r2, … Its identity is the
// hash of its canonical form, so applying the same definition again makes no new
// version; it only makes that version the latest, which new sagas are pinned to.
package registry
