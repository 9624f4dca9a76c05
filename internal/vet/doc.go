// Package vet is the analyzer of unwindvet: it looks for what makes a saga that is
// a Go function answer differently when it is run again.
//
// A saga function is a function or a function literal that takes a *code.Context,
// so what it hands its Context to is looked at as well. What it calls without its
// Context is not: a helper that reads the clock on its behalf is found when the
// saga is run again, by the difference.
package vet
