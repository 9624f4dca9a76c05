package schedule

import (
	"time"

	"github.com/unwindhq/unwind/internal/cron"
	"github.com/unwindhq/unwind/saga/definition"
)

// moment is what is known of a schedule at a time that is due.
type moment struct {
	now    time.Time // of the database
	next   time.Time // the first time that was not decided about
	queued time.Time // the time that waits; zero for none
	busy   bool      // a saga of the schedule is under way, or about to be started
	open   int       // sagas of it that wait to be started
}

// plan is what is decided.
type plan struct {
	fires   []Fire
	next    time.Time
	queued  time.Time // zero for none
	dropped time.Time // a queued time whose place another has taken; zero for none
}

// decide says what the times up to now mean. It is pure.
func decide(spec *definition.Schedule, times cron.Cron, m moment) plan {
	wanted, missed := caughtUp(spec, times, m)
	p := plan{queued: m.queued, fires: missed}
	for _, at := range wanted {
		p.fires = append(p.fires, p.overlap(spec.Overlap, at, &m))
	}
	p.next, _ = times.Next(m.now) // there is always one: the expression was checked
	return p
}

// caughtUp tells the times that sagas are wanted for from those that are left out.
func caughtUp(spec *definition.Schedule, times cron.Cron, m moment) (wanted []time.Time, missed []Fire) {
	newest := 2 // as many as can be on time
	if spec.CatchUp == definition.CatchUpAll {
		newest = spec.AtMost
	}
	all, older := times.Newest(m.next, m.now, newest)
	if older {
		missed = append(missed, Fire{At: m.next, Outcome: Missed, Detail: "nobody was there, nor at any time before " + all[0].UTC().Format(time.RFC3339)})
	}
	for i, at := range all {
		late := m.now.Sub(at) > Late
		last := i == len(all)-1
		if !late || spec.CatchUp == definition.CatchUpAll || spec.CatchUp == definition.CatchUpLast && last {
			wanted = append(wanted, at)
			continue
		}
		missed = append(missed, Fire{At: at, Outcome: Missed, Detail: "nobody was there"})
	}
	return wanted, missed
}

// overlap says what a time means while another saga may be under way.
func (p *plan) overlap(policy string, at time.Time, m *moment) Fire {
	fire := Fire{At: at, Outcome: Due}
	switch {
	case m.open >= maxOpen:
		fire.Outcome, fire.Detail = Missed, ErrBusy.Error()
	case !m.busy && p.queued.IsZero() || policy == definition.OverlapAllow:
		m.busy, m.open = true, m.open+1
	case policy == definition.OverlapSkip:
		fire.Outcome, fire.Detail = Skipped, "a saga of before was under way"
	case policy == definition.OverlapQueue && !p.queued.IsZero():
		fire.Outcome, fire.Detail = Skipped, "one waits already"
	default:
		p.enqueue(&fire)
	}
	return fire
}

// enqueue lets a time wait, in the place of one that waits already.
func (p *plan) enqueue(fire *Fire) {
	fire.Outcome = Queued
	if earlier := p.queued; !earlier.IsZero() {
		p.dropped = earlier
		for i := range p.fires {
			if p.fires[i].At.Equal(earlier) {
				p.fires[i].Outcome, p.fires[i].Detail, p.dropped = Skipped, replaced, time.Time{}
			}
		}
	}
	p.queued = fire.At
}

const replaced = "a later one took its place"
