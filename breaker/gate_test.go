package breaker

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	do   = Key{Participant: "payments"}
	undo = Key{Participant: "payments", Undo: true}
)

// inBubble runs f where time is the test's: it moves only when f waits.
func inBubble(t *testing.T, cfg Config, f func(t *testing.T, g *Gate[int])) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { f(t, newGate(t, cfg)) })
}

func newGate(t testing.TB, cfg Config) *Gate[int] {
	t.Helper()
	g, err := NewGate[int](cfg)
	require.NoError(t, err)
	return g
}

func wait(d time.Duration) { <-time.After(d) }

// pass asks for n commands without a place and gives their outcome at once.
func pass(t *testing.T, g *Gate[int], k Key, n int, o Outcome) {
	t.Helper()
	for range n {
		p, ok := g.Ask(k, Item[int]{ID: -1}, false)
		require.True(t, ok)
		p.Done(o)
	}
}

// refuse asks for item, is refused, and says so.
func refuse(t *testing.T, g *Gate[int], k Key, items ...int) {
	t.Helper()
	for _, item := range items {
		_, ok := g.Ask(k, Item[int]{ID: item}, false)
		require.False(t, ok, "item %d", item)
		g.Held(Item[int]{ID: item}, []Key{k})
	}
}

func status(t *testing.T, g *Gate[int], k Key) Status {
	t.Helper()
	for _, s := range g.List() {
		if s.Participant == k.Participant && s.Direction == k.Direction() {
			return s
		}
	}
	require.Fail(t, "no breaker "+k.String())
	return Status{}
}

// open fails until k is open.
func open(t *testing.T, g *Gate[int], k Key) {
	t.Helper()
	for range 20 {
		if p, ok := g.Ask(k, Item[int]{ID: -1}, false); ok {
			p.Done(Failure)
		}
	}
	require.Equal(t, Open, status(t, g, k).State)
}

func halfOpen(t *testing.T, g *Gate[int], k Key) {
	t.Helper()
	open(t, g, k)
	wait(10*time.Second + time.Millisecond)
	require.Equal(t, HalfOpen, status(t, g, k).State)
}

func recovered(t *testing.T, g *Gate[int], k Key) {
	t.Helper()
	halfOpen(t, g, k)
	pass(t, g, k, 3, Success)
	require.Equal(t, Closed, status(t, g, k).State)
}

func TestTrip(t *testing.T) {
	t.Parallel()
	const s, f, x = Success, Failure, Excluded
	run := func(n int, o Outcome) (all []Outcome) {
		for range n {
			all = append(all, o)
		}
		return all
	}
	for name, c := range map[string]struct {
		outcomes [][]Outcome
		want     State
	}{
		"too few":             {[][]Outcome{run(19, f)}, Closed},
		"enough":              {[][]Outcome{run(20, f)}, Open},
		"half":                {[][]Outcome{run(10, s), run(10, f)}, Open},
		"less than half":      {[][]Outcome{run(20, s), run(19, f)}, Closed},
		"in a row":            {[][]Outcome{run(100, s), run(20, f)}, Open},
		"not in a row":        {[][]Outcome{run(100, s), run(19, f), run(1, s), run(19, f)}, Closed},
		"excluded say nought": {[][]Outcome{run(100, x), run(19, f), run(100, x)}, Closed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGate(t, Config{})
			for _, outcomes := range c.outcomes {
				for _, o := range outcomes {
					pass(t, g, do, 1, o)
				}
			}
			require.Equal(t, c.want, status(t, g, do).State)
		})
	}
}

func TestCommandsUnderWayAreNotJudged(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, g *Gate[int]) {
		for range 10_000 {
			_, ok := g.Ask(do, Item[int]{ID: 1}, false)
			require.True(t, ok)
		}
		pass(t, g, do, 19, Failure)
		require.Equal(t, 10_000, status(t, g, do).InFlight)
		pass(t, g, do, 1, Failure)
		require.Equal(t, Open, status(t, g, do).State)
	})
}

func TestADeadlineLongerThanTheWindowCounts(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, g *Gate[int]) {
		var permits []Permit
		for range 20 {
			p, ok := g.Ask(do, Item[int]{ID: 1}, false)
			require.True(t, ok)
			permits = append(permits, p)
		}
		wait(time.Hour)
		for _, p := range permits {
			p.Done(Failure)
		}
		require.Equal(t, Open, status(t, g, do).State)
	})
}

func TestTheWindowMovesOn(t *testing.T) {
	inBubble(t, Config{Consecutive: 1000}, func(t *testing.T, g *Gate[int]) {
		pass(t, g, do, 19, Failure)
		require.Equal(t, 19, status(t, g, do).Failures)
		wait(31 * time.Second)
		require.Zero(t, status(t, g, do).Failures)
		pass(t, g, do, 19, Failure)
		require.Equal(t, Closed, status(t, g, do).State)
	})
}

func TestOutcomesOfAnEarlierStateSayNothing(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, g *Gate[int]) {
		var old []Permit
		for range 100 {
			p, _ := g.Ask(do, Item[int]{ID: 1}, false)
			old = append(old, p)
		}
		halfOpen(t, g, do)
		for _, p := range old[:50] {
			p.Done(Failure)
		}
		require.Equal(t, HalfOpen, status(t, g, do).State)
		pass(t, g, do, 3, Success)
		for _, p := range old {
			p.Done(Failure)
		}
		got := status(t, g, do)
		require.Equal(t, Closed, got.State)
		require.Zero(t, got.Failures)
		require.Zero(t, got.InFlight)
	})
}

func TestHalfOpenLetsProbesPassAndNoMore(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, g *Gate[int]) {
		halfOpen(t, g, do)
		var probes []Permit
		for item := range 3 {
			p, ok := g.Ask(do, Item[int]{ID: item}, false)
			require.True(t, ok)
			probes = append(probes, p)
		}
		refuse(t, g, do, 3)
		probes[0].Done(Excluded)
		require.Equal(t, []int{3}, g.Release(10), "an excluded probe frees its place")
		require.Empty(t, g.Release(10))
		refuse(t, g, do, 4)
		p, ok := g.Ask(do, Item[int]{ID: 3}, false)
		require.True(t, ok)
		for _, p := range []Permit{p, p, probes[0], probes[1]} {
			p.Done(Success)
		}
		require.Equal(t, HalfOpen, status(t, g, do).State, "two have succeeded, repeats do not count")
		probes[2].Done(Success)
		require.Equal(t, Closed, status(t, g, do).State)
	})
}

func TestAFailedProbeOpensAgain(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, g *Gate[int]) {
		for range 100 {
			if len(g.List()) == 0 {
				open(t, g, do)
			}
			wait(10*time.Second + time.Millisecond)
			pass(t, g, do, 2, Success)
			pass(t, g, do, 1, Failure)
			require.Equal(t, Open, status(t, g, do).State)
		}
	})
}

func TestFlapping(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, g *Gate[int]) {
		for item := range 100 {
			recovered(t, g, do)
			refuse(t, g, do, item)
			require.Eventually(t, func() bool { return len(g.Release(10)) == 1 }, time.Minute, 10*time.Millisecond)
			p, ok := g.Ask(do, Item[int]{ID: item}, false)
			require.True(t, ok)
			p.Done(Success)
			wait(6 * time.Second)
			require.Zero(t, status(t, g, do).Rate)
		}
	})
}

func TestALostProbeIsGivenUp(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, g *Gate[int]) {
		halfOpen(t, g, do)
		var lost []Permit
		for range 3 {
			p, ok := g.Ask(do, Item[int]{ID: 1}, false)
			require.True(t, ok)
			lost = append(lost, p)
		}
		refuse(t, g, do, 2)
		wait(99 * time.Second)
		require.Empty(t, g.Release(1))
		wait(time.Second)
		require.Equal(t, []int{2}, g.Release(1))
		lost[0].Done(Failure)
		require.Equal(t, HalfOpen, status(t, g, do).State, "too late to say anything")
	})
}

func TestAPassThatIsNotUsedGoesBack(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, g *Gate[int]) {
		open(t, g, do)
		refuse(t, g, do, 1, 2, 3, 4, 5)
		wait(10*time.Second + time.Millisecond)
		require.Equal(t, []int{1, 2, 3}, g.Release(10))
		g.Held(Item[int]{ID: 2}, []Key{do}) // it will not ask: its pass is over, its place kept
		require.Equal(t, []int{2}, g.Release(10))
		g.Held(Item[int]{ID: 3}, nil)
		require.Equal(t, []int{4}, g.Release(10))
		wait(10 * time.Second)
		require.Equal(t, []int{1, 2, 4}, g.Release(10))
	})
}

func TestARefusedPassKeepsThePlace(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, g *Gate[int]) {
		open(t, g, do)
		refuse(t, g, do, 1, 2)
		wait(10*time.Second + time.Millisecond)
		require.Equal(t, []int{1, 2}, g.Release(2))
		p, ok := g.Ask(do, Item[int]{ID: 1}, false)
		require.True(t, ok)
		p.Done(Failure)
		refuse(t, g, do, 2, 3)
		wait(10*time.Second + time.Millisecond)
		require.Equal(t, []int{2, 3}, g.Release(9))
	})
}

func TestUndoFirst(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, g *Gate[int]) {
		open(t, g, undo)
		pass(t, g, do, 1, Success) // undoing fails, doing goes on
		open(t, g, do)
		refuse(t, g, undo, 1, 2, 3)
		refuse(t, g, do, 4)
		wait(10*time.Second + time.Millisecond)
		require.Equal(t, []int{1, 2, 3}, g.Release(10), "undo probes, and nothing for do")
		for item := 1; item <= 3; item++ {
			refuse(t, g, do, 5)
			p, ok := g.Ask(undo, Item[int]{ID: item}, false)
			require.True(t, ok)
			p.Done(Success)
		}
		require.Equal(t, []int{4, 5}, g.Release(10), "doing may probe now")
	})
}

// Compensations that can never succeed, more than there are probes, do not hold
// the do side for ever.
func TestDoProbesAfterUndoHasFailed(t *testing.T) {
	inBubble(t, Config{Probes: 1}, func(t *testing.T, g *Gate[int]) {
		open(t, g, undo)
		open(t, g, do)
		refuse(t, g, undo, 1, 2, 3)
		refuse(t, g, do, 4, 5)
		for range 2 { // they take turns, undoing first
			wait(10*time.Second + time.Millisecond)
			first := g.Release(10)
			require.Len(t, first, 1)
			require.LessOrEqual(t, first[0], 3, "undo probes first")
			p, ok := g.Ask(undo, Item[int]{ID: first[0]}, false)
			require.True(t, ok)
			p.Done(Failure)
			g.Held(Item[int]{ID: first[0]}, []Key{undo})

			wait(time.Millisecond)
			second := g.Release(10)
			require.Len(t, second, 1, "doing may probe now")
			require.Greater(t, second[0], 3)
			p, ok = g.Ask(do, Item[int]{ID: second[0]}, false)
			require.True(t, ok)
			g.Held(Item[int]{ID: second[0]}, []Key{do})
			p.Done(Failure)
		}
	})
}

func TestHeldBeforeBeginsARamp(t *testing.T) {
	inBubble(t, Config{Ramp: 5}, func(t *testing.T, g *Gate[int]) {
		granted := 0
		for item := range 100 {
			if _, ok := g.Ask(do, Item[int]{ID: item}, true); ok {
				granted++
			} else {
				g.Held(Item[int]{ID: item}, []Key{do})
			}
		}
		require.Equal(t, 1, granted)
		require.Equal(t, 99, status(t, g, do).Held)
		require.Equal(t, 5, status(t, g, do).Rate)
	})
}

func TestARampDoublesAndEnds(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, g *Gate[int]) {
		open(t, g, do)
		for item := range 1000 {
			refuse(t, g, do, item)
		}
		wait(10*time.Second + time.Millisecond)
		next, perSecond := 0, map[int]int{}
		begin := time.Now()
		for status(t, g, do).Held > 0 {
			for _, item := range g.Release(math.MaxInt) {
				require.Equal(t, next, item)
				next++
				p, ok := g.Ask(do, Item[int]{ID: item}, false)
				require.True(t, ok)
				p.Done(Success)
				perSecond[int(time.Since(begin).Seconds())]++
			}
			wait(10 * time.Millisecond)
		}
		last := int(time.Since(begin).Seconds())
		for second := range last {
			limit := 20 << (second / 5)
			require.LessOrEqual(t, perSecond[second], limit)
			require.GreaterOrEqual(t, perSecond[second], limit*3/4, "second %d", second)
		}
		require.Equal(t, 1000, next)
		require.Zero(t, status(t, g, do).Rate)
	})
}

func TestAnItemThatIsHeldTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, other := newGate(t, Config{}), Key{Participant: "stock"}
		open(t, g, do)
		open(t, g, other)
		g.Held(Item[int]{ID: 1}, []Key{do, other})
		wait(10*time.Second + time.Millisecond)
		require.Equal(t, []int{1}, g.Release(10))
		g.Held(Item[int]{ID: 1}, []Key{other})
		require.Zero(t, status(t, g, do).Held)
		require.Equal(t, 1, status(t, g, other).Held)
		g.Held(Item[int]{ID: 1}, nil)
		require.Zero(t, g.held.Load())
		require.Empty(t, g.places)
	})
}

func TestTooManyParticipants(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	g := newGate(t, Config{MaxParticipants: 2, Log: slog.New(slog.NewTextHandler(&log, nil))})
	for i := range 5 {
		pass(t, g, Key{Participant: strconv.Itoa(i)}, 30, Success)
		pass(t, g, Key{Participant: strconv.Itoa(i), Undo: true}, 1, Success)
	}
	pass(t, g, Key{Participant: "4"}, 100, Failure)
	g.Held(Item[int]{ID: 1}, []Key{{Participant: "4"}})
	require.Len(t, g.List(), 4)
	require.Equal(t, 1, strings.Count(log.String(), "too many participants"))
	g.Held(Item[int]{ID: 1}, nil)
}

func TestChangesAreLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	g := newGate(t, Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	open(t, g, undo)
	require.Contains(t, log.String(), `level=WARN msg="breaker is open" participant=payments direction=undo was=closed held=0 failures=20 successes=0`)
}

func TestStatusAsJSON(t *testing.T) {
	t.Parallel()
	g := newGate(t, Config{})
	pass(t, g, undo, 2, Failure)
	pass(t, g, do, 1, Success)
	b, err := json.Marshal(g.List())
	require.NoError(t, err)
	var list []Status
	require.NoError(t, json.Unmarshal(b, &list))
	require.Equal(t, []string{"do", "undo"}, []string{list[0].Direction, list[1].Direction})
	require.Contains(t, string(b), `"state":"closed"`)
	require.NotContains(t, string(b), "oldest_held")
	require.Error(t, json.Unmarshal([]byte(`"broken"`), new(State)))
}

func TestValidate(t *testing.T) {
	t.Parallel()
	require.NoError(t, Config{Window: time.Second}.Validate())
	for _, bad := range []Config{{Window: -1}, {Probes: -1}, {Ratio: 1.1}, {Ratio: math.NaN()}, {Window: time.Second, BucketPeriod: time.Minute}} {
		_, err := NewGate[int](bad)
		require.Error(t, err)
	}
}

func BenchmarkAskAndDone(b *testing.B) {
	g := newGate(b, Config{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p, _ := g.Ask(do, Item[int]{ID: 1}, false)
			g.Held(Item[int]{ID: 1}, nil)
			p.Done(Success)
		}
	})
}
