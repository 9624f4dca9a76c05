// Package compose reads docker-compose.yml and the Dockerfile with compose-go's
// own loader and finds what would surprise people who run them. No container
// engine is needed. It is for tests: what each program understands is asked by
// the tests of that program.
package compose
