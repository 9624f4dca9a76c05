// Package tidy holds the house rules as a plain Go test: sizes, doc comments,
// who may import what, banned calls and words, and whether the documents name
// files that exist. It has no code besides its tests, so that a rule costs
// nothing at run time and needs no tool but go test.
//
// To add a rule, write a function from a source (or the tree) to faults, add it
// to one of the lists in tidy_test.go, and prove beside it, on a small source
// string, that it can fail. A fault says where, what, and how to mend it.
package tidy
