package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
)

func TestDevShowsSagas(t *testing.T) {
	t.Parallel()
	var text []string
	v := &devView{say: func(s string) { text = append(text, s) }}
	running := client.Saga{ID: sagaID, Definition: "trip", Status: "running", Steps: []client.Step{
		{Step: "seat", Phase: "done", Command: "flights/reserve"}, {Step: "pay", Phase: "doing", Attempt: 2, Kind: "pivot", Command: "payments/charge"},
	}}
	v.saga(running)
	turned := running
	turned.Status, turned.Cause = "compensated", "pay was rejected: card declined"
	turned.Attention = []client.Attention{{Reason: "pivot-unknown", Step: "pay", Text: "no answer"}}
	v.saga(turned)
	require.Len(t, text, 2)
	for i, line := range text {
		text[i] = line[len("15:04:05 "):] // the time of day differs
	}
	golden(t, "dev-sagas.txt", strings.Join(text, "\n")+"\n")
}

func TestDevBreakWantsOneMode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, args := range [][]string{
		{"dev", "break", "a/b"}, {"dev", "break", "a/b", "--reject", "--off"}, {"dev", "break"}, {"dev", "break", "a/b", "--late", "-1s", "--dir", dir},
	} {
		code, _, errs := unwind(t.Context(), nil, args...)
		require.Equal(t, exitUsage, code, "%v: %s", args, errs)
	}
	code, _, errs := unwind(t.Context(), nil, "dev", "break", "a/b", "--reject", "--dir", dir)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "no unwind dev is running here")
}
