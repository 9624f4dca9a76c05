package e2e

// definitions are those that every world knows, by name. Steps without an input
// get the saga's, and with it the script.
var definitions = map[string]string{
	// trip has time enough for everything.
	"trip": `
unwind: v1
saga: trip
defaults: {timeout: 30s, retry: {attempts: 3, backoff: 100ms, cap: 1s}, undo: {retry: {backoff: 100ms, cap: 1s}}}
` + tripSteps,
	// hasty gives up after two attempts of two seconds.
	"hasty": `
unwind: v1
saga: hasty
defaults: {timeout: 2s, retry: {attempts: 2, backoff: 100ms, cap: 500ms}, undo: {timeout: 2s, retry: {backoff: 100ms, cap: 500ms}}}
` + tripSteps,
	// steady has a retry budget that an outage outlasts, and time for a participant to
	// find its way back to the broker: two attempts of six seconds.
	"steady": `
unwind: v1
saga: steady
defaults: {timeout: 6s, retry: {attempts: 2, backoff: 100ms, cap: 1s}, undo: {timeout: 6s, retry: {attempts: 2, backoff: 100ms}}}
` + tripSteps,
	// steadier gives participants time to join again behind a broker that was killed: a busy
	// one answers who asks for offsets at once, and lets groups join some ten seconds later.
	"steadier": `
unwind: v1
saga: steadier
defaults: {timeout: 15s, retry: {attempts: 2, backoff: 100ms, cap: 1s}, undo: {timeout: 15s, retry: {attempts: 2, backoff: 100ms}}}
` + tripSteps,
	// patient outlasts two minutes without an answer.
	"patient": `
unwind: v1
saga: patient
defaults: {timeout: 4s, retry: {attempts: 40, backoff: 500ms, cap: 2s}}
steps:
  - {step: flight, command: flights/book, compensation: cancel}
  - {step: charge, kind: pivot, command: payments/book}
`,
	// lazy rests for an hour after a failure.
	"lazy": `
unwind: v1
saga: lazy
defaults: {timeout: 30s, retry: {backoff: 1h, cap: 1h}, undo: {retry: {backoff: 1h, cap: 1h}}}
` + tripSteps,
	// urgent turns back 13 seconds after its start, if its pivot was not sent by then.
	"urgent": `
unwind: v1
saga: urgent
deadline: 13s
defaults: {timeout: 4s, retry: {attempts: 1}}
` + tripSteps,
	// claim asks somebody before its pivot and awaits a signal after it.
	"claim": `
unwind: v1
saga: claim
steps:
  - {step: flight, command: flights/book, compensation: cancel}
  - {step: sign, approval: {by: group:desk, due: 1h, escalate: {after: 30m, to: group:leads}}}
  - {step: charge, kind: pivot, command: payments/book}
  - {step: paid, await: {signal: paid, timeout: 1h, schema: {type: object, required: [ref]}}}
  - step: mail
    when: ${!steps.paid.timedOut}
    kind: retriable
    command: mails/book
    input: {ref: "${steps.paid.?output.ref.orValue('none')}", by: "${steps.sign.output.by}"}
`,
	// nap sleeps for five seconds.
	"nap": `
unwind: v1
saga: nap
steps:
  - {step: flight, command: flights/book, compensation: cancel}
  - {step: rest, sleep: 5s}
  - {step: charge, kind: pivot, command: payments/book}
`,
	// pair books flight and hotel side by side.
	"pair": `
unwind: v1
saga: pair
defaults: {timeout: 30s}
steps:
  - {step: flight, command: flights/book, compensation: cancel}
  - {step: hotel, after: [], command: hotels/book, compensation: cancel}
  - {step: charge, after: [flight, hotel], kind: pivot, command: payments/book}
`,
	// mapped needs a field of the first step's result for the second.
	"mapped": `
unwind: v1
saga: mapped
defaults: {timeout: 5s}
steps:
  - {step: flight, command: flights/book, compensation: cancel}
  - step: hotel
    command: hotels/book
    compensation: cancel
    input: {flight: "${steps.flight.output.number}"}
`,
	// haunted asks a participant that nobody acts until a test employs it.
	"haunted": `
unwind: v1
saga: haunted
defaults: {timeout: 30s}
steps:
  - {step: flight, command: flights/book, compensation: cancel}
  - step: ghost
    command: ghosts/book
    compensation: cancel
    timeout: 500ms
    retry: {attempts: 2, backoff: 100ms}
    undo: {timeout: 500ms, retry: {backoff: 100ms, cap: 500ms}}
  - {step: charge, kind: pivot, command: payments/book}
`,
	// hosted asks a participant written without the SDK.
	"hosted": `
unwind: v1
saga: hosted
defaults: {timeout: 30s}
steps:
  - {step: guest, command: guests/book, compensation: cancel}
  - {step: charge, kind: pivot, command: payments/book}
`,
	// parcels books a flight for each line of its script, four at once, and then writes a
	// mail for each.
	"parcels": `
unwind: v1
saga: parcels
defaults: {timeout: 30s, retry: {attempts: 3, backoff: 100ms, cap: 1s}, undo: {retry: {backoff: 100ms, cap: 1s}}}
steps:
  - step: flight
    forEach: ${input.script.lines}
    limit: {items: 100, concurrency: 4}
    command: flights/book
    compensation: cancel
    input: {script: "${input.script}", line: "${item}", no: "${index}"}
  - {step: charge, kind: pivot, command: payments/book}
  - step: mail
    kind: retriable
    forEach: ${steps.flight.outputs}
    limit: {items: 100, concurrency: 4}
    command: mails/book
    input: {script: "${input.script}", flight: "${item.number}"}
`,
	// outing is what a journey begins as its child.
	"outing": `
unwind: v1
saga: outing
defaults: {timeout: 30s, retry: {attempts: 3, backoff: 100ms, cap: 1s}, undo: {retry: {backoff: 100ms, cap: 1s}}}
steps:
  - {step: hotel, command: hotels/book, compensation: cancel}
  - {step: mail, command: mails/book, compensation: cancel}
`,
	// guarded runs one at a time for each account.
	"guarded": `
unwind: v1
saga: guarded
lock: "account ${input.script.account[0]}"
defaults: {timeout: 30s, retry: {attempts: 3, backoff: 100ms, cap: 1s}, undo: {retry: {backoff: 100ms, cap: 1s}}}
steps:
  - {step: flight, command: flights/book, compensation: cancel}
  - {step: charge, kind: pivot, command: payments/book}
`,
	// mute asks a participant for whom a test answers by hand.
	"mute": `
unwind: v1
saga: mute
defaults: {timeout: 30s}
steps:
  - {step: mute, command: mutes/book, compensation: cancel}
  - {step: charge, kind: pivot, command: payments/book}
`,
}

const tripSteps = `steps:
  - {step: flight, command: flights/book, compensation: cancel}
  - {step: hotel, command: hotels/book, compensation: cancel}
  - {step: charge, kind: pivot, command: payments/book}
  - {step: mail, kind: retriable, command: mails/book}
`
