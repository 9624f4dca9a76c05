package saga_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

// TestToken: a token binds namespace, command id, epoch and participant; a
// tampered field is found.
func TestToken(t *testing.T) {
	t.Parallel()
	oldKey := saga.Key{ID: "k1", Secret: []byte("0123456789abcdef0123456789abcdef")}
	newKey := saga.Key{ID: "k2", Secret: []byte("fedcba9876543210fedcba9876543210")}
	cmd := exampleCommand()
	token := saga.Keys{oldKey}.Token("default", cmd.ID, cmd.Epoch, cmd.Participant)
	require.Regexp(t, `^k1\.[A-Za-z0-9_-]{22}$`, token)
	for _, test := range []struct {
		name   string
		tamper func(r *saga.Reply, keys *saga.Keys)
		ok     bool
	}{
		{"untouched", func(*saga.Reply, *saga.Keys) {}, true},
		{"other outcome", func(r *saga.Reply, _ *saga.Keys) { r.Outcome, r.Reason, r.Attempt = saga.Failed, "x", 7 }, true},
		{"key replaced", func(_ *saga.Reply, k *saga.Keys) { *k = saga.Keys{newKey, oldKey} }, true},
		{"key dropped", func(_ *saga.Reply, k *saga.Keys) { *k = saga.Keys{newKey} }, false},
		{"no keys", func(_ *saga.Reply, k *saga.Keys) { *k = nil }, false},
		{"other secret", func(_ *saga.Reply, k *saga.Keys) { *k = saga.Keys{{ID: "k1", Secret: newKey.Secret}} }, false},
		{"namespace", func(r *saga.Reply, _ *saga.Keys) { r.Route.Namespace = "other" }, false},
		{"saga", func(r *saga.Reply, _ *saga.Keys) { r.ID.Saga[15]++ }, false},
		{"step", func(r *saga.Reply, _ *saga.Keys) { r.ID.Step.Name = "flight" }, false},
		{"item", func(r *saga.Reply, _ *saga.Keys) { r.ID.Step.Item++ }, false},
		{"visit", func(r *saga.Reply, _ *saga.Keys) { r.ID.Step.Visit++ }, false},
		{"direction", func(r *saga.Reply, _ *saga.Keys) { r.ID.Direction = saga.Do }, false},
		{"epoch", func(r *saga.Reply, _ *saga.Keys) { r.Epoch++ }, false},
		{"participant", func(r *saga.Reply, _ *saga.Keys) { r.Participant = "mail" }, false},
		{"mac", func(r *saga.Reply, _ *saga.Keys) { r.Route.Token = "k1.AAAAAAAAAAAAAAAAAAAAAA" }, false},
		{"key id", func(r *saga.Reply, _ *saga.Keys) { r.Route.Token = "k2" + token[2:] }, false},
		{"cut", func(r *saga.Reply, _ *saga.Keys) { r.Route.Token = token[:len(token)-1] }, false},
		{"empty", func(r *saga.Reply, _ *saga.Keys) { r.Route.Token = "" }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			keys := saga.Keys{oldKey}
			r := saga.Reply{ID: cmd.ID, Participant: cmd.Participant, Epoch: cmd.Epoch, Attempt: 1, Outcome: saga.Succeeded}
			r.Route = saga.Route{Namespace: "default", Token: token}
			test.tamper(&r, &keys)
			err := keys.Verify(r)
			if test.ok {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, saga.ErrToken)
		})
	}
}
