// Package access knows who may ask for what: roles in namespaces, the principal
// that an API key stands for, and the keys themselves, kept in Postgres as hashes.
//
// A key is 256 random bits, so its plain SHA-256 is safe to keep: there is nothing
// to guess offline, which is what slow password hashes are against, and a request
// must not cost a tenth of a second of CPU to whoever sends one.
package access
