// Package schedule starts sagas by the clock, once in a fleet. Store keeps the
// schedules; at a time that is due any process decides, under the schedule's row lock,
// what it means (plan), and writes that down; whoever then claims the row starts the
// saga with a key that is made of name and time. So a process that dies between any
// two of these is followed by one that goes on, and nothing is started twice.
package schedule
