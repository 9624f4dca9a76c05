package saga_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

func TestFaultsOfOnEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		on   saga.OnEnd
		want string
	}{
		{saga.OnEnd{Topic: "a b"}, `onEnd.topic: "a b" is not the name of a topic; write one of at most 249 letters, digits, dots, dashes and underscores`},
		{saga.OnEnd{Type: "ü"}, `onEnd.type: "ü" is not the type of an event; write one such as com.example.order.fulfilled: at most 256 letters, digits, dots, dashes, slashes and underscores`},
		{saga.OnEnd{When: []saga.Status{saga.Running}}, "onEnd.when: running is not how a saga ends; write completed, compensated or abandoned"},
		{saga.OnEnd{When: []saga.Status{saga.Completed, saga.Completed}}, "onEnd.when: completed is there twice; write it once"},
		{saga.OnEnd{Payload: path("nap.a")}, `onEnd.payload: there is no step "nap" that has an output; name steps of this definition`},
	} {
		_, err := saga.Compile(saga.Definition{Name: "s", OnEnd: &tt.on, Steps: []saga.Step{{Name: "nap", Sleep: &saga.Sleep{For: time.Second}}}})
		require.EqualError(t, err, tt.want)
	}
}

func TestTheHeadersOfAnEnd(t *testing.T) {
	t.Parallel()
	a := saga.Announce{Type: "io.unwindhq.saga.compensated", Version: "r3", Payload: []byte("null"), Fault: "no such field", Ended: saga.Ended{
		Saga: storyID.String(), Definition: "trip", Key: "order-7", Status: "compensated", Cause: "cancelled",
	}}
	var got []string
	for _, h := range saga.AnnounceHeaders(a, saga.Route{Namespace: "shop", Incarnation: 2}, storyStart) {
		got = append(got, h.Key+": "+string(h.Value))
	}
	require.Equal(t, []string{
		"ce_specversion: 1.0", "ce_id: " + storyID.String() + "/compensated", "ce_type: io.unwindhq.saga.compensated", "ce_source: /unwind/shop",
		"ce_subject: order-7", "ce_time: 2026-01-01T00:00:00Z", "content-type: application/json",
		"unwind-saga: " + storyID.String(), "unwind-definition: trip", "unwind-version: r3", "unwind-status: compensated",
		"unwind-namespace: shop", "unwind-incarnation: 2", "unwind-reason: cancelled", "unwind-payload-fault: no such field",
	}, got)
	a.Ended.Key = ""
	require.Equal(t, storyID.String(), string(saga.AnnounceHeaders(a, saga.Route{}, storyStart)[4].Value))
}
