// Package e2e tests the whole from outside: the binary unwind serve in processes
// of its own, a real Kafka broker, a real Postgres, REST, and participants made
// with the SDK whose tables say what has really happened.
//
// A world is one database, one prefix of topics, some coordinators and one
// process of participants. What the participants are to do stands in the input of
// each saga (see package participant below), so that many sagas with fates of
// their own share a world. Each test ends with the checks of world.ended: status,
// history, ledger and replay must tell the same story.
package e2e
