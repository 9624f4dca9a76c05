package breaker

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// quiet hides that it is a *testing.T, whose deadline may not be read in a bubble.
type quiet struct{ testing.TB }

// model plays a coordinator with random outcomes, delays and losses.
type model struct {
	*rapid.T
	g       *Gate[int]
	next    int
	asked   []int // items that Release named and that have not asked yet
	held    map[int]bool
	permits []probe
	left    []time.Time // what left in the ramp under way
}

type probe struct {
	Permit
	state State
	at    time.Time
}

func (m *model) status() Status {
	for _, s := range m.g.List() {
		if s.Direction == "do" {
			return s
		}
	}
	return Status{}
}

func (m *model) ask(item int) {
	before := m.status()
	p, ok := m.g.Ask(do, Item[int]{ID: item}, rapid.IntRange(0, 9).Draw(m.T, "before") == 0)
	after := m.status()
	switch {
	case !ok:
		m.held[item] = true
		m.g.Held(Item[int]{ID: item}, []Key{do})
		return
	case before.Held > 0 && !m.held[item]:
		m.Fatalf("item %d overtook %d held ones", item, before.Held)
	case before.State == Open:
		m.Fatalf("item %d passed an open breaker", item)
	}
	delete(m.held, item)
	m.permits = append(m.permits, probe{p, after.State, time.Now()})
	if after.Rate == 0 {
		m.left = nil
		return
	}
	m.left = append(m.left, time.Now())
	n := 0
	for _, at := range m.left {
		if time.Since(at) < time.Second {
			n++
		}
	}
	require.LessOrEqual(m, n, after.Rate, "within a second of a ramp")
}

func (m *model) newcomers(*rapid.T) {
	for range rapid.IntRange(1, 30).Draw(m.T, "n") {
		m.next++
		m.ask(m.next)
	}
}

func (m *model) release(*rapid.T) {
	last := 0
	for _, item := range m.g.Release(rapid.IntRange(0, 50).Draw(m.T, "limit")) {
		require.True(m, m.held[item], "item %d was not held", item)
		require.Greater(m, item, last, "the order is kept")
		last = item
		m.asked = append(m.asked, item)
	}
}

func (m *model) useAPass(*rapid.T) {
	for range rapid.IntRange(0, len(m.asked)).Draw(m.T, "n") {
		item := m.asked[0]
		m.asked = m.asked[1:]
		if m.held[item] && rapid.IntRange(0, 19).Draw(m.T, "forget") > 0 {
			m.ask(item)
		}
	}
}

func (m *model) outcomes(*rapid.T) {
	o := rapid.SampledFrom([]Outcome{Success, Success, Failure, Excluded}).Draw(m.T, "outcome")
	n := rapid.IntRange(0, len(m.permits)).Draw(m.T, "n")
	for _, p := range m.permits[:n] {
		if rapid.IntRange(0, 29).Draw(m.T, "lose") > 0 {
			p.Done(o)
		}
	}
	m.permits = m.permits[n:]
}

func (m *model) time(*rapid.T) {
	wait(time.Duration(rapid.SampledFrom([]int{1, 10, 50, 200, 1000, 11_000}).Draw(m.T, "ms")) * time.Millisecond)
}

// check holds after every step.
func (m *model) check(*rapid.T) {
	s := m.status()
	require.Equal(m, len(m.held), s.Held, "nothing that is held is forgotten")
	probes := 0
	for _, p := range m.permits {
		if p.state == HalfOpen && !p.at.Before(s.Since) && time.Since(p.at) < m.g.cfg.ProbeFor {
			probes++
		}
	}
	if s.State == HalfOpen {
		require.LessOrEqual(m, probes, m.g.cfg.Probes)
	}
}

// drain shows that whatever happened, all held items get through in time.
func (m *model) drain() {
	for end := time.Now().Add(time.Hour); len(m.held) > 0; wait(50 * time.Millisecond) {
		require.True(m, time.Now().Before(end), "stuck: %+v", m.status())
		for _, item := range m.g.Release(100) {
			m.ask(item)
		}
		for _, p := range m.permits {
			p.Done(Success)
		}
		m.permits = nil
	}
}

func TestModel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(quiet{t}, func(t *rapid.T) {
			g, err := NewGate[int](Config{
				MinRequests: 5, Consecutive: 5, Probes: rapid.IntRange(1, 4).Draw(t, "probes"), Ramp: rapid.IntRange(1, 40).Draw(t, "ramp"),
				RampDouble: time.Duration(rapid.IntRange(1, 5).Draw(t, "double")) * time.Second,
			})
			require.NoError(t, err)
			m := &model{T: t, g: g, held: map[int]bool{}}
			t.Repeat(map[string]func(*rapid.T){
				"": m.check, "ask": m.newcomers, "release": m.release, "use": m.useAPass, "outcome": m.outcomes, "time": m.time,
			})
			m.drain()
		})
	})
}
