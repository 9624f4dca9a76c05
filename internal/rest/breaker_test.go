package rest_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/fleet"
	"github.com/unwindhq/unwind/internal/rest"
)

// ships is a fleet in memory.
type ships []fleet.Breaker

func (s ships) Breakers(_ context.Context, participant string) (found []fleet.Breaker, err error) {
	for _, b := range s {
		if participant == "" || participant == b.Participant {
			found = append(found, b)
		}
	}
	return found, nil
}

// three is a fleet of two nodes with trouble at payments.
func three() ships {
	one := func(node, participant, direction string, state breaker.State, minutes, held, rate int) fleet.Breaker {
		b := fleet.Breaker{Node: node, At: at, Status: breaker.Status{
			Participant: participant, Direction: direction, State: state, Since: at.Add(time.Duration(-minutes) * time.Minute), Held: held, Rate: rate, InFlight: 1, Requests: 20, Failures: held,
		}}
		if held > 0 {
			b.OldestHeld = b.Since.Add(time.Second)
		}
		return b
	}
	return ships{
		one("a", "flights", "do", breaker.Closed, 60, 0, 0),
		one("a", "payments", "do", breaker.Open, 3, 10, 0),
		one("b", "payments", "do", breaker.HalfOpen, 9, 5, 0),
		one("c", "payments", "do", breaker.Open, 5, 0, 20),
		one("a", "payments", "undo", breaker.Closed, 1, 2, 40),
	}
}

func breakers(t *testing.T, f rest.Fleet) *client.Client {
	t.Helper()
	server, _ := newWorld(t).serve(t, func(c *rest.Config) { c.Fleet = f })
	c, err := client.New(client.Config{URL: server.URL})
	require.NoError(t, err)
	return c
}

func TestBreakers(t *testing.T) {
	t.Parallel()
	c := breakers(t, three())
	all, err := c.Breakers(t.Context())
	require.NoError(t, err)
	require.Len(t, all.Breakers, 3)
	got := all.Breakers[1]
	require.Len(t, got.Nodes, 3)
	require.Equal(t, "half-open", got.Nodes[1].State)
	got.Nodes = nil
	oldest := at.Add(-9*time.Minute + time.Second)
	require.Equal(t, client.Breaker{
		Participant: "payments", Direction: "do", State: "open", Since: at.Add(-5 * time.Minute), Held: 15, OldestHeld: &oldest,
		Rate: 20, InFlight: 3, Requests: 60, Failures: 15,
	}, got)

	one, err := c.Breaker(t.Context(), "payments")
	require.NoError(t, err)
	require.Equal(t, all.Breakers[1:], one.Breakers)
}

func TestNoBreakers(t *testing.T) {
	t.Parallel()
	c := breakers(t, nil)
	all, err := c.Breakers(t.Context())
	require.NoError(t, err)
	require.Empty(t, all.Breakers)
	_, err = c.Breaker(t.Context(), "nobody")
	problem, ok := errors.AsType[*client.Problem](err)
	require.True(t, ok)
	require.Equal(t, http.StatusNotFound, problem.Status)
}
