// Package tracing tells sagas as OpenTelemetry traces: one trace for each saga,
// whatever crashed while it ran.
//
// The coordinator's spans are not recorded while a saga runs. They are built from
// its stored history when it has ended, with the times of the database's clock and
// with ids that follow from the saga's (package saga, TraceRoot): Tell folds the
// history as the coordinator did and writes down what every event began and ended.
// A note in the transaction that ended the saga says that its trace is to be
// exported; Exporter.Run works these notes off. So a trace is complete although
// three processes and a crash took part in it.
//
// A participant's spans are recorded while it works, below the span that the
// command's traceparent names: Tracer.Command is the hook for the SDK.
//
// Setup reads the standard OTEL_ environment. Nothing is exported, and no command
// carries a traceparent, unless that turns traces on. Payloads and the reasons that
// participants give never become part of a trace.
package tracing
