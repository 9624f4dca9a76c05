package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	paying, poor := saga.ID{}, saga.ID{}
	for refuses(paying) {
		paying[0]++
	}
	for !refuses(poor) {
		poor[0]++
	}
	one := map[string]int{"do": 1}
	both := map[string]int{"do": 1, "undo": 1}
	for name, c := range map[string]struct {
		id                     saga.ID
		status                 saga.Status
		flight, hotel, payment map[string]int
		rooms                  int
		good                   bool
	}{
		"completed":        {paying, saga.Completed, one, one, one, 1, true},
		"lost effect":      {paying, saga.Completed, one, nil, one, 1, false},
		"double effect":    {paying, saga.Completed, one, map[string]int{"do": 2}, one, 1, false},
		"needless return":  {paying, saga.Compensated, both, both, nil, 1, false},
		"compensated":      {poor, saga.Compensated, both, both, nil, 1, true},
		"still effective":  {poor, saga.Compensated, both, one, nil, 1, false},
		"charged all same": {poor, saga.Compensated, both, both, one, 1, false},
		"three rooms":      {paying, saga.Completed, one, map[string]int{"do": 3}, one, 3, true},
		"a room too few":   {paying, saga.Completed, one, map[string]int{"do": 2}, one, 3, false},
		"a room is left":   {poor, saga.Compensated, both, map[string]int{"do": 3, "undo": 2}, nil, 3, false},
		"undone for pay":   {paying, saga.Completed, both, one, one, 1, false},
	} {
		text := judge(c.id, c.status, map[string]effects{"flights": {c.id: c.flight}, "hotels": {c.id: c.hotel}, "payments": {c.id: c.payment}}, c.rooms)
		require.Equal(t, c.good, text == "", "%s: %s", name, text)
	}
}
