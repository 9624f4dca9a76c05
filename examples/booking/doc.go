// Command booking is a program whose sagas are a Go function, and which keeps its word
// when it is killed. It needs nothing but Postgres: its steps run in its own process
// and in its own tables.
//
//	go run ./examples/booking -database postgres://localhost/shop -trips 100
//
// With Kafka the same function asks a participant, which has the same two handlers:
//
//	go run ./examples/booking -database postgres://localhost/shop -kafka localhost:9092 -trips 100
//
// Before another version of it is deployed, that one runs the histories again and says
// what it would not do as it was done:
//
//	go run ./examples/booking replay -database postgres://localhost/shop -since 24h
//
// Kill it, start it again with the same arguments, and look: every trip is booked
// as a whole or not at all.
package main
