// Package rules says what must hold once a run of sagas has come to rest, whatever
// happened in between: kill -9, lost connections, messages that came twice or late.
//
// A Run is what such a run has left behind: the rows of Postgres, the records of
// the topics, the participants' ledgers, and the starts that were acknowledged.
// Check holds them against each other, saga by saga. It knows nothing of the
// engine: the histories are told again here, by a fold of its own (see tale), so that
// an error of the engine's own fold cannot hide itself.
//
// The invariants are:
//
//	I1   every acknowledged start has its saga, and every saga has ended or needs attention
//	I2   an effect happens once; a completed saga has all of them, a compensated one none
//	I3   compensations come in the reverse order, and only for what may have been done
//	I4   the commands in the topics are those that committed events have sent; nothing is left to send;
//	     the ends are told that definitions let be told, and no others
//	I5   a saga's commands lie in a topic in the order in which they were sent
//	I6   a dead letter is its record, byte for byte
//	I7   a history has no gap, and the saga's row is that of its last event
//	I8   the stored status is what the history says
//	I10  nothing became a dead letter (asked for with Run.NoDeadLetters)
//	I11  one key starts one saga, and so does one record that a definition listens to; one saga has a lock at a time
//	I12  a late, foreign or invented reply or event changes nothing
//	I13  no timer fires before it is due
//	I14  no saga is left held, and holding burns no attempt
package rules
