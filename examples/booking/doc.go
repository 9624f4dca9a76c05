// Command booking is a program that needs nothing but Postgres: its sagas are a Go
// function, its steps run in its own process and in its own tables, and it keeps
// its word when it is killed.
//
//	go run ./examples/booking -database postgres://localhost/shop -trips 100
//
// Kill it, start it again with the same arguments, and look: every trip is booked
// as a whole or not at all.
package main
