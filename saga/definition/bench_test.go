package definition_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga/definition"
)

func benchmarkEval(b *testing.B, input string, doc scope) {
	e := bind(b, input, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Eval(doc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEvalPaths(b *testing.B) {
	benchmarkEval(b, `{"flight":"${input.flight}","seats":"${input.seats}"}`, scope{input: tripInput})
}

func BenchmarkEvalText(b *testing.B) {
	benchmarkEval(b, `{"label":"Trip ${input.tripId} for ${input.seats}"}`, scope{input: tripInput})
}

func BenchmarkEvalCompare(b *testing.B) {
	benchmarkEval(b, one("input.nights > 2"), scope{input: tripInput})
}

func BenchmarkEvalMap(b *testing.B) {
	benchmarkEval(b, one("input.travellers.map(t, t.name)"), scope{input: tripInput})
}

func BenchmarkCheckInput(b *testing.B) {
	f := loadTrip(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := f.CheckInput([]byte(tripInput)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	data, err := os.ReadFile("testdata/bookTrip.yaml")
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := definition.Load("bookTrip.yaml", data, testOptions()); err != nil {
			b.Fatal(err)
		}
	}
}
