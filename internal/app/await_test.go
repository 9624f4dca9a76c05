package app_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
)

// TestEventsAdvanceSagas: an event of somebody else's topic ends the step of the sagas
// that it is for, wherever they live, whether it comes before the step or after, once;
// and of no others.
func TestEventsAdvanceSagas(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	parcels := c.topic(t, "parcels", 3)
	apply := func(text string) {
		_, err := c.ApplyDefinition(t.Context(), "x.yaml", []byte(text))
		require.NoError(t, err)
	}
	apply(`unwind: v1
saga: track
steps:
  - {step: rest, sleep: 1ms}
  - step: delivered
    await:
      topic: ` + parcels + `
      match: ${event.value.order == input.order && event.value.status == 'delivered'}
      schema: {type: object, required: [at], properties: {at: {type: string}}}
output: {at: "${steps.delivered.output.at}", by: "${steps.delivered.signal}"}
`)
	apply(`unwind: v1
saga: late
steps:
  - {step: rest, sleep: 1s}
  - {step: delivered, await: {signal: found, topic: ` + parcels + `, match: "${event.value.order == input.order}"}}
  - {step: gone, when: "${steps.delivered.signal != 'found'}", sleep: 1ms}
`)
	start := func(n int, definition, order string) string {
		api := []*client.Client{c.Client, c.second}[n%2]
		started, _, err := api.Start(t.Context(), client.Start{Definition: definition, Input: map[string]string{"order": order}})
		require.NoError(t, err)
		return started.ID
	}
	const sagas = 30
	var ids []string
	for n := range sagas {
		ids = append(ids, start(n, "track", fmt.Sprint("o", n)))
	}
	early := start(0, "late", "early")
	c.tell(t, parcels, `{"order":"early"}`, `{"order":"nobody's"}`, `{"kind":"another"}`, `no JSON`, `{"order":"o0","status":"delivered"}`)
	eventually(t, "what does not fit is kept", func() bool { // before what fits comes on another partition
		return c.count(t, "SELECT count(*) FROM unwind.dead_letters") == 1
	})
	for n := range sagas {
		event := fmt.Sprintf(`{"order":"o%d","status":"delivered","at":"%d:00"}`, n, n)
		c.tell(t, parcels, fmt.Sprintf(`{"order":"o%d","status":"sent"}`, n), event, event)
	}
	for n, id := range ids {
		ended := wait(t, c.Client, id, client.End)
		require.Equal(t, "completed", ended.Status)
		require.JSONEq(t, fmt.Sprintf(`{"at":"%d:00","by":%q}`, n, parcels), string(ended.Output))
	}
	ended := wait(t, c.Client, early, client.End)
	require.Equal(t, "done", ended.Steps[2].Phase, "it came while the saga slept")
	letters, err := c.DeadLetters(t.Context(), client.DeadLetterFilter{})
	require.NoError(t, err)
	require.Equal(t, "definition track: step delivered: event.value: missing property 'at'", letters.DeadLetters[0].Reason)
	events, err := c.History(t.Context(), ids[3], 0, 0)
	require.NoError(t, err)
	require.Equal(t, "signalled", events.Events[2].Kind)
	require.Equal(t, "operator:kafka/"+parcels, events.Events[2].Actor)
	require.Zero(t, c.count(t, "SELECT count(*) FROM unwind.event_waits"))
	require.InDelta(t, sagas, c.heard(t, "track", "advanced"), 0)

	old := start(0, "track", "old")
	apply("unwind: v1\nsaga: track\nsteps: [{step: rest, sleep: 1ms}]\n")
	apply("unwind: v1\nsaga: late\nsteps: [{step: rest, sleep: 1ms}]\n")
	c.tell(t, parcels, `{"order":"old","status":"delivered","at":"noon"}`)
	require.Equal(t, "completed", wait(t, c.Client, old, client.End).Status, "a saga of an older version still hears")
	require.Equal(t, 1, c.count(t, "SELECT count(*) FROM unwind.dead_letters"))
}

// TestASagaHearsFromItsStart: an event that is written right after a saga was started
// is not missed, though the definition was never seen by the coordinator that reads it.
func TestASagaHearsFromItsStart(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	news := c.topic(t, "news", 1)
	c.listen(t, "first", "{topic: "+news+"}")
	eventually(t, "the topic is read", func() bool {
		c.tell(t, news, `{}`)
		return c.sagas(t, "first") > 0
	})
	for n := range 10 {
		name := fmt.Sprint("fresh", n)
		_, err := c.ApplyDefinition(t.Context(), "x.yaml", fmt.Appendf(nil, "unwind: v1\nsaga: %s\nsteps: [{step: a, await: {topic: %s, match: \"${event.value.id == input.id}\"}}]\n", name, news))
		require.NoError(t, err)
		started, _, err := c.second.Start(t.Context(), client.Start{Definition: name, Input: map[string]string{"id": name}})
		require.NoError(t, err)
		c.tell(t, news, fmt.Sprintf(`{"id":%q}`, name))
		require.Equal(t, "completed", wait(t, c.Client, started.ID, client.End).Status)
	}
}
