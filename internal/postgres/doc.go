// Package postgres is what every package that speaks to Postgres has to know of it:
// how a session is set up, where a statement names its schema, and what errors say of
// the server.
package postgres
