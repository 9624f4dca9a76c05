// Package metrics counts what a coordinator process does and shows it to
// Prometheus. Its names, helps and labels are all in families.go; what they mean
// to an operator is in docs/metrics.md.
//
// Counters and histograms are fed by the parts of the process after the fact
// (coordinator.Meter, rest.Config.Observe). Gauges are read when somebody scrapes:
// those of this process from memory, those of the database with a bounded look
// that is kept for a while, so that scraping cannot become a load of its own.
//
// No label's value comes from a message, a payload or a saga's id: definitions,
// participants, commands and reasons come from applied definitions, the rest from
// this program. Even so each family has a limit; what is above it is counted
// under the label "other".
package metrics
