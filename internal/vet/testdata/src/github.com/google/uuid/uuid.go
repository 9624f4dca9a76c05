// Package uuid stands in for the real one.
package uuid

type UUID [16]byte

func New() UUID               { return UUID{} }
func MustParse(s string) UUID { return UUID{} }
