// Package dev is the world that `unwind demo` and `unwind dev` play in: a
// coordinator on an embedded Postgres and an embedded Kafka, or on given ones,
// and, for dev, stub participants that answer from their contracts, definitions
// that are read again when they change, and a way to make commands misbehave.
package dev
