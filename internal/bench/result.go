package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// Result is what a run measured. What could not be measured is left out.
type Result struct {
	Via           string `json:"via"`            // Via is how sagas were started.
	InFlight      int    `json:"in_flight"`      // InFlight is how many were under way.
	RejectPercent int    `json:"reject_percent"` // RejectPercent is how many of 100 were to be refused.
	Guard         bool   `json:"guard"`          // Guard says that participants had their guard, or local steps a transaction.
	Local         bool   `json:"local"`          // Local says that the steps ran in the coordinator's process, without Kafka.
	Figures              // Figures are those of the declared saga.

	Code      *Figures `json:"code,omitempty"`             // Code are those of the Go function.
	CodeRatio float64  `json:"code_to_declared,omitempty"` // CodeRatio is Code's SagasPerS to the declared saga's.

	// LimitPostgres is how many sagas a second the same rows would be, in batches
	// of 100 by four writers, without logic and Kafka.
	LimitPostgres float64 `json:"limit_postgres_sagas_per_s,omitempty"`
	Ratio         float64 `json:"ratio_to_limit,omitempty"` // Ratio is SagasPerS to LimitPostgres.
	// LimitLatency is what four bare commits and six bare sends (Local: none) take one
	// after the other, in milliseconds; for one saga in flight only.
	LimitLatency float64 `json:"limit_latency_ms,omitempty"`
	LatencyRatio float64 `json:"ratio_to_limit_latency,omitempty"` // LatencyRatio is P50 to LimitLatency.
}

// Figures are what was measured of one kind of saga.
type Figures struct {
	Seconds     float64 `json:"seconds"`     // Seconds is how long was measured.
	Sagas       int     `json:"sagas"`       // Sagas is how many ended in that time.
	Compensated int     `json:"compensated"` // Compensated is how many of them were undone.
	SagasPerS   float64 `json:"sagas_per_s"` // SagasPerS is Sagas by Seconds.
	P50         float64 `json:"p50_ms"`      // P50 is the median time from start to end, in milliseconds.
	P99         float64 `json:"p99_ms"`      // P99 is what one of a hundred exceeds, in milliseconds.

	// CPU is the CPU time for 1,000 sagas, in seconds, by process, and of those
	// together as "total". Postgres and Kafka are not in it.
	CPU map[string]float64 `json:"cpu_s_per_1000,omitempty"`
	// WAL, Commits and Rows are Postgres's, for one saga. WAL is the whole
	// server's, Commits and Rows the database's: others that use them count.
	WAL     float64 `json:"wal_bytes_per_saga"`
	Commits float64 `json:"commits_per_saga"` // Commits are transactions.
	Rows    float64 `json:"rows_per_saga"`    // Rows are rows written.
}

// JSON writes r as one line.
func (r Result) JSON(out io.Writer) error { return json.NewEncoder(out).Encode(r) }

// Table writes r for people.
func (r Result) Table(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	where := r.Via
	if r.Local {
		where += ", local"
	}
	r.lines(line, fmt.Sprintf("%d in flight, %s", r.InFlight, where))
	if r.Code != nil {
		line("", "")
		r.Code.lines(line, "as a Go function")
		line("code to declared", "%.2f", r.CodeRatio)
	}
	if r.LimitPostgres > 0 {
		line("limit of Postgres", "%.0f sagas per second: %.3f of it reached", r.LimitPostgres, r.Ratio)
	}
	if r.LimitLatency > 0 {
		line("limit of latency", "%.2f ms: %.2f times that", r.LimitLatency, r.LatencyRatio)
	}
	return w.Flush()
}

func (f *Figures) lines(line func(name, format string, args ...any), what string) {
	line("sagas per second", "%.0f (%d in %.1f s, %d compensated; %s)", f.SagasPerS, f.Sagas, f.Seconds, f.Compensated, what)
	line("start to end", "%.1f ms median, %.1f ms p99", f.P50, f.P99)
	for _, name := range []string{"total", RoleCoordinator, RoleParticipants, roleDriver} {
		if s, ok := f.CPU[name]; ok {
			line("CPU "+name, "%.3f s per 1,000 sagas", s)
		}
	}
	line("Postgres per saga", "%.2f commits, %.1f rows, %.0f bytes of WAL", f.Commits, f.Rows, f.WAL)
}
