package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// figures are those of one `unwind bench` that are compared.
type figures struct {
	SagasPerS float64            `json:"sagas_per_s"`
	P50       float64            `json:"p50_ms"`
	P99       float64            `json:"p99_ms"`
	CPU       map[string]float64 `json:"cpu_s_per_1000"`
	WAL       float64            `json:"wal_bytes_per_saga"`
}

// pair is one run of each.
type pair struct {
	Base figures `json:"base"`
	Head figures `json:"head"`
}

// rows are what is shown, by the names of the JSON.
var rows = []struct {
	name string
	of   func(figures) float64
}{
	{"sagas_per_s", func(f figures) float64 { return f.SagasPerS }},
	{"p50_ms", func(f figures) float64 { return f.P50 }},
	{"p99_ms", func(f figures) float64 { return f.P99 }},
	{"cpu_coordinator", func(f figures) float64 { return f.CPU["coordinator"] }},
	{"cpu_total", func(f figures) float64 { return f.CPU["total"] }},
	{"wal_bytes_per_saga", func(f figures) float64 { return f.WAL }},
}

func parse(out []byte) (f figures, err error) {
	if err := json.Unmarshal(out, &f); err != nil {
		return f, fmt.Errorf("read the result of unwind bench: %w", err)
	}
	return f, nil
}

// ratios are head by base, pair by pair; a figure that a machine cannot measure
// is left out.
func ratios(all []pair, of func(figures) float64) []float64 {
	var list []float64
	for _, p := range all {
		if base := of(p.Base); base > 0 {
			list = append(list, of(p.Head)/base)
		}
	}
	return list
}

// median is the middle one, of an even number the mean of the two in the middle.
func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// report prints the ratios of head to base, and their medians.
func report(out io.Writer, format string, all []pair) error {
	medians := map[string]float64{}
	for _, row := range rows {
		if list := ratios(all, row.of); len(list) > 0 {
			medians[row.name] = median(list)
		}
	}
	if format == "json" {
		return json.NewEncoder(out).Encode(map[string]any{"pairs": all, "head_to_base": medians})
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "head / base\tmedian\teach pair")
	for _, row := range rows {
		_, _ = fmt.Fprintf(w, "%s\t%.3f\t%.3f\n", row.name, medians[row.name], ratios(all, row.of))
	}
	return w.Flush()
}
