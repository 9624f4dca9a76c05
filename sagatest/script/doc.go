// Package script plays scripts: files of scenes in YAML, for people who do not write
// Go, that say what is given, what happens, and what a saga must make of it. Each
// scene is played on a [stage.Stage], in virtual time, without servers.
//
//	unwind: v1
//	definition: travel.yaml
//	given:
//	  input: {traveller: Ada}
//	  answers: {flight: {output: {booking: F-1}}, hotel: succeed, charge: succeed}
//	scenes:
//	  - scene: a hotel without rooms
//	    answers: {hotel: {reject: no rooms}}
//	    expect: {status: compensated, commands: [do flight, do hotel, undo flight]}
//
// docs/def-test.md has every word. `unwind def test` runs them; Go tests do with
// sagatest.Scripts.
package script
