// Package fleet shows in Postgres what each process knows only of itself, so that
// any of them can answer for all. So far these are its breakers.
//
// It is for people: nothing is decided by it, and a process that cannot write
// goes on without.
package fleet
