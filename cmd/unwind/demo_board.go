package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/examples/travel"
)

// board is what the demo shows: a line for each trip.
type board struct {
	trips  []*trip
	begun  time.Time
	note   string   // what happened last beside the trips
	killed string   // the participant that was killed, once it was
	lines  []string // the trips' lines as they were shown last, for those who can't redraw
}

func newBoard(trips []*trip, now time.Time) *board {
	return &board{trips: trips, begun: now, note: "starting the trips", lines: make([]string, len(trips))}
}

// count counts the trips in a status.
func (b *board) count(status string) int {
	n := 0
	for _, t := range b.trips {
		if t.saga.Status == status {
			n++
		}
	}
	return n
}

// over reports whether every trip has ended.
func (b *board) over() bool {
	for _, t := range b.trips {
		if !t.over() {
			return false
		}
	}
	return true
}

// width is what the lines of a frame have at most.
const width = 79

// frame is the whole board, 23 lines for twenty trips: it fits the smallest
// usual terminal.
func (b *board) frame(now time.Time, p paint) []string {
	head := fmt.Sprintf("%5.1f s   %d running  %d going back  %d completed  %d compensated", now.Sub(b.begun).Seconds(),
		b.count("running"), b.count("compensating"), b.count("completed"), b.count("compensated"))
	lines := []string{p.bold(head)}
	for _, t := range b.trips {
		lines = append(lines, tripLine(t, p))
	}
	return append(lines, p.dim("     ✓ done  ▸ asked  ✗ refused  ◂ being undone  ↩ undone"), p.bold(cut(b.note, width)))
}

// tripLine is one trip: who, the three steps, how it goes.
func tripLine(t *trip, p paint) string {
	var line strings.Builder
	fmt.Fprintf(&line, "%2d %-5s", t.number, t.input.Traveller)
	for i, name := range []string{"flight", "hotel", "charge"} {
		step := client.Step{Step: name, Phase: "waiting"}
		if i < len(t.saga.Steps) {
			step = t.saga.Steps[i]
		}
		line.WriteString(" " + stepCell(step, p))
	}
	return line.String() + "  " + p.status(t.saga.Status, cut(t.outcome(), width-43))
}

// stepCell is one step, ten columns wide.
func stepCell(step client.Step, p paint) string {
	text := marks[step.Phase] + " " + step.Step
	if step.Attempt > 1 {
		text += fmt.Sprintf("×%d", step.Attempt)
	}
	return p.phase(step.Phase, pad(text, 10))
}

// pad fills up to a number of columns.
func pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-utf8.RuneCountInString(text)))
}

// cut shortens to a number of columns.
func cut(text string, columns int) string {
	if utf8.RuneCountInString(text) <= columns {
		return text
	}
	return string([]rune(text)[:columns-1]) + "…"
}

// news are the lines that changed since the last call.
func (b *board) news(now time.Time) []string {
	var news []string
	for i, t := range b.trips {
		line := strings.TrimRight(tripLine(t, paint{}), " ")
		if t.started() && line != b.lines[i] {
			b.lines[i] = line
			news = append(news, fmt.Sprintf("%6.2f s  %s", now.Sub(b.begun).Seconds(), line))
		}
	}
	return news
}

// ended lists how the trips ended, for the audit.
func (b *board) ended() []travel.Ended {
	var all []travel.Ended
	for _, t := range b.trips {
		all = append(all, travel.Ended{Saga: t.saga.ID, Status: t.saga.Status})
	}
	return all
}

// summary judges the trips; faults are the audit's.
func (b *board) summary(faults []string) summary {
	s := summary{Sagas: len(b.trips), Completed: b.count("completed"), Compensated: b.count("compensated"), Checked: true, Faults: faults}
	for _, t := range b.trips {
		if t.saga.Status != t.want {
			s.Faults = append(s.Faults, fmt.Sprintf("trip %d (%s) is %s and must be %s", t.number, t.saga.ID, t.saga.Status, t.want))
		}
		if t.hit {
			s.Hit++
		}
	}
	if b.killed == "" {
		s.Faults = append(s.Faults, "no participant was killed: the trips were over too soon")
	}
	s.OK = len(s.Faults) == 0
	return s
}

// verdict says it to people.
func (b *board) verdict(w io.Writer, s summary) {
	p := paintFor(w)
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	say("")
	say("%d trips: %d completed, %d refused on the way and undone in reverse", s.Sagas, s.Completed, s.Compensated)
	if b.killed != "" {
		say("%s was killed while %d trips waited for it, and came back", b.killed, s.Hit)
	}
	say("the tables of %s were compared with every outcome", strings.Join(travel.Participants(), ", "))
	if s.OK {
		say("%s", p.good("✓ all is as it must be: nothing lost, nothing left over, nothing done twice"))
		say("")
		say("next: %s dev keeps such a world running to play with", self())
		return
	}
	for _, fault := range s.Faults {
		say("%s", p.bad("✗ "+fault))
	}
}
