package breaker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	shop     = Group{Kind: "namespace", Name: "shop"}
	order    = Group{Kind: "definition", Within: "shop", Name: "order"}
	payments = Group{Kind: ParticipantGroup, Name: "payments"}
)

// of is an item of the shop's orders.
func of(id int) Item[int] { return Item[int]{ID: id, Groups: [2]Group{shop, order}} }

// holdBack asks for items of the shop, is refused, and says so.
func holdBack(t *testing.T, g *Gate[int], k Key, ids ...int) {
	t.Helper()
	for _, id := range ids {
		_, ok := g.Ask(k, of(id), false)
		require.False(t, ok, "item %d", id)
		g.Held(of(id), []Key{k})
	}
}

// leave asks for what was released and returns what got through.
func leave(g *Gate[int], k Key, limit int) (left []int) {
	for _, id := range g.Release(limit) {
		if _, ok := g.Ask(k, of(id), true); ok {
			g.Held(of(id), nil)
			left = append(left, id)
		} else {
			g.Held(of(id), []Key{k})
		}
	}
	return left
}

// Each kind of hold keeps its own commands back and nobody else's, and asking in vain
// is not repeated while it lasts.
func TestAHoldKeepsItsGroup(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, g *Gate[int]) {
		other := Item[int]{ID: 99, Groups: [2]Group{{Kind: "namespace", Name: "other"}, {Kind: "definition", Within: "other", Name: "order"}}}
		for _, group := range []Group{shop, order, payments} {
			g.SetHolds([]Hold{{ID: 1, Group: group}})
			holdBack(t, g, do, 1, 2)
			holdBack(t, g, undo, 3)
			require.True(t, g.Keeps(do, of(4)))
			_, ok := g.Ask(do, other, false)
			require.Equal(t, group != payments, ok)
			_, ok = g.Ask(Key{Participant: "mail"}, of(5), false)
			require.Equal(t, group == payments, ok)
			wait(time.Minute)
			require.Empty(t, g.Release(10))
			require.Equal(t, 2, status(t, g, do).Held)
			require.WithinDuration(t, time.Now().Add(-time.Minute), status(t, g, do).OldestHeld, time.Second)
			require.Equal(t, 3, g.Holds()[0].Held)
			g.SetHolds(nil)
			for range 100 {
				leave(g, do, 10)
				leave(g, undo, 10)
				wait(50 * time.Millisecond)
			}
			require.Zero(t, g.held.Load())
		}
	})
}

// A release lets go at its rate, in order, with newcomers behind, and then is over.
func TestAReleaseHasItsRate(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, g *Gate[int]) {
		g.SetHolds([]Hold{{ID: 1, Group: payments}})
		var want []int
		for id := range 100 {
			holdBack(t, g, do, id)
			want = append(want, id)
		}
		release := []Hold{{ID: 2, Group: payments, Rate: 20}}
		g.SetHolds(release)
		holdBack(t, g, do, 100)
		want = append(want, 100)
		var left []int
		var times []time.Time
		began := time.Now()
		for len(left) < len(want) {
			require.Less(t, time.Since(began), 10*time.Second)
			for _, id := range leave(g, do, 50) {
				left, times = append(left, id), append(times, time.Now())
			}
			g.SetHolds(release)
			wait(50 * time.Millisecond)
		}
		require.Equal(t, want, left)
		require.Greater(t, time.Since(began), 5*time.Second)
		for i, at := range times {
			if i >= 20 {
				require.GreaterOrEqual(t, at.Sub(times[i-20]), time.Second, "more than 20 in a second")
			}
		}
		require.Empty(t, g.Release(10))
		require.Empty(t, g.Holds(), "it is over, though it is told again")
		g.SetHolds(release)
		wait(time.Second)
		pass(t, g, do, 50, Success)
	})
}

// What a process finds held that has heard of the release only then goes by its rate
// too.
func TestAReleaseOutlivesItsProcess(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, g *Gate[int]) {
		g.SetHolds([]Hold{{ID: 2, Group: shop, Rate: 1}})
		pass(t, g, do, 5, Success) // what is new is not its
		for id := range 3 {
			_, ok := g.Ask(do, of(id), true)
			require.False(t, ok)
			g.Held(of(id), []Key{do})
		}
		began, left := time.Now(), 0
		for left < 3 {
			left += len(leave(g, do, 10))
			wait(50 * time.Millisecond)
		}
		require.GreaterOrEqual(t, time.Since(began), 2*time.Second)
	})
}

// An item that waits with several commands, as the items of a list do, lets them go
// one by one.
func TestAReleaseCountsEveryCommand(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, g *Gate[int]) {
		g.SetHolds([]Hold{{ID: 1, Group: shop}})
		holdBack(t, g, do, 1)
		g.SetHolds([]Hold{{ID: 2, Group: shop, Rate: 2}})
		began, left := time.Now(), 0
		for left < 8 {
			wait(50 * time.Millisecond)
			if len(g.Release(10)) == 0 {
				continue
			}
			for range 8 - left {
				if _, ok := g.Ask(do, of(1), true); ok {
					left++
				}
			}
			if left < 8 {
				g.Held(of(1), []Key{do})
			}
		}
		require.Greater(t, time.Since(began), 3*time.Second)
		require.Less(t, time.Since(began), 10*time.Second)
	})
}

// What a release lets go still asks the breaker, and waits there in its turn.
func TestAReleasePassesNoBreaker(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, g *Gate[int]) {
		g.SetHolds([]Hold{{ID: 1, Group: order}})
		holdBack(t, g, do, 1, 2, 3)
		open(t, g, do)
		g.SetHolds([]Hold{{ID: 2, Group: order, Rate: 1000}})
		wait(time.Second)
		require.Empty(t, leave(g, do, 10))
		require.Equal(t, 3, status(t, g, do).Held)
		require.Empty(t, g.Holds(), "they have done with the release")
		wait(10 * time.Second)
		require.Equal(t, []int{1, 2, 3}, leave(g, do, 10), "the probes")
		g.SetHolds([]Hold{{ID: 3, Group: order}})
		holdBack(t, g, do, 4)
		require.Empty(t, leave(g, do, 10))
	})
}

// A hold that begins while commands wait at a breaker takes them over.
func TestAHoldTakesOverWhatABreakerHolds(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, g *Gate[int]) {
		open(t, g, do)
		holdBack(t, g, do, 1, 2)
		g.SetHolds([]Hold{{ID: 1, Group: order}})
		wait(11 * time.Second)
		require.Empty(t, leave(g, do, 10))
		require.Equal(t, 2, g.Holds()[0].Held)
		for range 10 {
			wait(time.Second)
			require.Empty(t, g.Release(10), "asked again for nothing")
		}
	})
}

// Of those that wait, the higher priority goes first most of the time, and the lowest
// is not starved.
func TestPrioritiesAtARamp(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, g *Gate[int]) {
		g.SetHolds([]Hold{{ID: 1, Group: payments}})
		for id := range 300 {
			item := Item[int]{ID: id, Priority: id/100 - 1}
			_, ok := g.Ask(do, item, false)
			require.False(t, ok)
			g.Held(item, []Key{do})
		}
		g.SetHolds([]Hold{{ID: 2, Group: payments, Rate: 20}})
		var count [3]int
		for n := 0; n < 105; wait(50 * time.Millisecond) {
			for _, id := range g.Release(10) {
				_, ok := g.Ask(do, Item[int]{ID: id, Priority: id/100 - 1}, true)
				require.True(t, ok)
				g.Held(Item[int]{ID: id}, nil)
				count[id/100]++
				n++
			}
		}
		require.Equal(t, [3]int{5, 20, 80}, count)
	})
}

// A participant's limits bound what is out, in both directions together, and how much
// leaves in a second.
func TestLimits(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, g *Gate[int]) {
		g.SetLimits(map[string]Limit{"payments": {Concurrency: 3}})
		var out []Permit
		for id := range 2 {
			p, ok := g.Ask(do, of(id), false)
			require.True(t, ok)
			out = append(out, p)
		}
		p, ok := g.Ask(undo, of(2), false)
		require.True(t, ok)
		out = append(out, p)
		holdBack(t, g, do, 3, 4)
		holdBack(t, g, undo, 5)
		require.Empty(t, g.Release(10))
		out[0].Done(Success)
		require.Len(t, g.Release(10), 1, "one place is free, whichever direction takes it")
		g.SetLimits(map[string]Limit{"payments": {Rate: 10}})
		began := time.Now()
		for g.held.Load() > 0 {
			leave(g, do, 10)
			leave(g, undo, 10)
			wait(50 * time.Millisecond)
		}
		require.Less(t, time.Since(began), 15*time.Second)
		left := 0
		for time.Since(began) < 30*time.Second {
			for range 20 {
				if _, ok := g.Ask(do, Item[int]{ID: -1}, false); ok {
					left++
				}
			}
			wait(100 * time.Millisecond)
		}
		require.LessOrEqual(t, left, 10*30)
		g.SetLimits(nil)
		pass(t, g, do, 100, Success)
	})
}
