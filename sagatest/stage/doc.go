// Package stage plays one saga through the real core in virtual time, without
// servers: a [Cast] acts the participants, cues say what others do and when, and the
// clock jumps to whatever is due next, so that thirty days take microseconds.
//
// It is what `unwind def test` and package sagatest/script are made of, and takes any
// saga.Decider.
package stage
