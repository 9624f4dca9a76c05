package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/unwindhq/unwind/internal/failpoint"
)

func TestScheduleHasEveryFault(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seed, kills := rapid.Uint64().Draw(t, "seed"), rapid.IntRange(len(roles), 200).Draw(t, "kills")
		list := schedule(seed, kills)
		require.Equal(t, list, schedule(seed, kills), "the seed alone makes the schedule")
		c := counts{}
		for _, f := range list {
			c.add(f.kind, roles[f.role])
			for _, arm := range f.arms {
				c.add(placeOf(arm), roles[f.role])
			}
		}
		require.Equal(t, kills, c.group(faultKill, roles))
		for _, role := range roles {
			c.add(faultRestart, role)
			c["taken-over "+role] = c["pause "+role]
			c[failpoint.LoseCommit+" "+role], c[failpoint.LoseSend+" "+role] = kills, kills
		}
		require.Empty(t, c.lacking(kills))
	})
}

func TestLackingFaultsAreNamed(t *testing.T) {
	t.Parallel()
	require.Contains(t, counts{"kill hotels": 9}.lacking(50), "kill of hotels was hit 9 times, want 10")
	require.NotContains(t, counts{"kill hotels": 10}.lacking(50), "kill of hotels")
}
