package tracing

import (
	"go.opentelemetry.io/otel/attribute"

	"github.com/unwindhq/unwind/saga"
)

// scope is the name of the instrumentation.
const scope = "github.com/unwindhq/unwind/tracing"

// The names of spans are "saga bookTrip" for the root, "do charge" and "undo
// charge" for an attempt of a step's command, "held charge" and "rest charge" for
// the time that a command had to wait, "sleep settle", "await paid" and
// "approval sign" for steps that wait, and "payments/charge" for the work of a
// participant.
func rootName(definition string) string { return "saga " + definition }

func attemptName(cmd saga.CommandID) string { return cmd.Direction.String() + " " + cmd.Step.Name }

func waitName(word, step string) string { return word + " " + step }

func workName(cmd saga.Command) string { return cmd.Participant + "/" + cmd.Name }

// The names of attributes.
const (
	keySaga        = attribute.Key("saga.id")
	keyNamespace   = attribute.Key("unwind.namespace")
	keyDefinition  = attribute.Key("unwind.definition")
	keyVersion     = attribute.Key("unwind.version")
	keyStatus      = attribute.Key("unwind.status")    // of the saga when the trace ended
	keyAttention   = attribute.Key("unwind.attention") // reasons for attention, a list
	keyWindow      = attribute.Key("unwind.window")    // the number of the trace's first event
	keySpans       = attribute.Key("unwind.spans")     // how many spans the coordinator tells in this trace, the root among them
	keyStartedBy   = attribute.Key("unwind.started_by.trace_id")
	keyStep        = attribute.Key("unwind.step")
	keyDirection   = attribute.Key("unwind.direction")
	keyParticipant = attribute.Key("unwind.participant")
	keyCommand     = attribute.Key("unwind.command")
	keyAttempt     = attribute.Key("unwind.attempt")
	keyEpoch       = attribute.Key("unwind.epoch")
	keyOutcome     = attribute.Key("unwind.outcome")
	keyAnswered    = attribute.Key("unwind.answered_attempt") // the attempt that the answer was given to, if an earlier one
	keyRepeated    = attribute.Key("unwind.repeated")         // the guard has repeated an answer or refused without a handler
	keyActor       = attribute.Key("unwind.actor")
	keyReason      = attribute.Key("unwind.attention.reason")
)

// The outcomes beside those on the wire.
const (
	outcomeTimeout = "timeout" // no answer in time: unknown
	outcomePending = "pending" // the trace ended before the attempt
	outcomeTrouble = "trouble" // the participant could not answer; the command comes again
)

// The words for the times that a command has to wait.
const (
	wordHeld     = "held"     // a gate is closed
	wordRest     = "rest"     // the pause after a failed attempt
	wordSleep    = "sleep"    // until its time has come
	wordAwait    = "await"    // a signal
	wordApproval = "approval" // somebody's decision
)

// The names of span events; the kinds of a saga's events are others.
const (
	eventAttention = "attention"
	eventOngoing   = "ongoing"
)
