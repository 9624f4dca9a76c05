package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReport(t *testing.T) {
	t.Parallel()
	var all []pair
	for _, head := range []float64{300, 50, 110} {
		p, err := parse([]byte(`{"sagas_per_s": 100, "p50_ms": 2, "cpu_s_per_1000": {"total": 0.5}, "wal_bytes_per_saga": 10, "via": "direct"}`))
		require.NoError(t, err)
		all = append(all, pair{Base: p, Head: figures{SagasPerS: head, P50: 1, WAL: 10}})
	}
	var table, line bytes.Buffer
	require.NoError(t, report(&table, "table", all))
	require.Contains(t, table.String(), "sagas_per_s         1.100   [3.000 0.500 1.100]")
	require.NoError(t, report(&line, "json", all))
	var got struct {
		Ratio map[string]float64 `json:"head_to_base"`
	}
	require.NoError(t, json.Unmarshal(line.Bytes(), &got))
	require.InDelta(t, 0.5, got.Ratio["p50_ms"], 1e-9)
	require.NotContains(t, got.Ratio, "p99_ms", "what was not measured is left out")
	_, err := parse([]byte("no"))
	require.ErrorContains(t, err, "unwind bench")
}

func TestMedian(t *testing.T) {
	t.Parallel()
	require.Zero(t, median(nil))
	require.InDelta(t, 2.5, median([]float64{4, 1, 3, 2}), 1e-9)
}

func TestRefusesAWrongCall(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, run(t.Context(), "", 1, "table", nil), "BASE=")
	require.ErrorContains(t, run(t.Context(), "HEAD", 0, "table", nil), "-pairs")
}
