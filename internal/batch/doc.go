// Package batch carries out one verb on many sagas: Store freezes which ones, and
// Runner works through them, one process at a time, at a given rate. What a process
// had not written down when it died is asked again by the next one with the same
// request id, which changes nothing twice.
package batch
