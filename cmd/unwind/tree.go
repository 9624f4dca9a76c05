package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/unwindhq/unwind/client"
)

// marks are what the eye sees first of a step.
var marks = map[string]string{
	"waiting": "·", "doing": "▸", "resting": "◦", "held": "‖", "done": "✓", "skipped": "–", "refused": "✗", "unknown": "?",
	"undoing": "◂", "undo-resting": "◦", "undo-held": "‖", "undone": "↩", "kept": "!",
	"sleeping": "☾", "awaiting": "▸", "asking": "?", "expired": "–", "spreading": "▸",
	"raising": "▸", "reversing": "◂",
}

// writeTree shows a saga and its steps.
func writeTree(w io.Writer, s client.Saga) {
	_, _ = fmt.Fprintf(w, "%s %s  %s  %s\n", s.Definition, s.Version, s.ID, s.Status)
	if s.Title != "" {
		_, _ = fmt.Fprintln(w, s.Title)
	}
	writeNames(w, s)
	_, _ = fmt.Fprintf(w, "started %s, changed %s", stamp(s.StartedAt), stamp(s.ChangedAt))
	if len(s.WaitingFor) > 0 {
		_, _ = fmt.Fprintf(w, ", waits for %s", strings.Join(s.WaitingFor, " and "))
	}
	_, _ = fmt.Fprintln(w)
	if s.Parent != "" {
		_, _ = fmt.Fprintf(w, "carries out %s of %s\n", s.ParentStep, s.Parent)
	}
	if c := s.Chain; c != nil {
		_, _ = fmt.Fprintf(w, "run %d of the chain %s%s%s\n", c.Run, c.First, before(", after ", c.Before), before(", goes on as ", c.Next))
	}
	for _, l := range s.Locks {
		_, _ = fmt.Fprintln(w, lockLine(l))
	}
	if s.BeginsAt != nil {
		_, _ = fmt.Fprintf(w, "begins %s\n", stamp(s.BeginsAt))
	}
	if s.PausedAt != nil {
		_, _ = fmt.Fprintf(w, "paused since %s: nothing is sent until it is resumed\n", stamp(s.PausedAt))
	}
	for _, h := range s.HeldBy {
		_, _ = fmt.Fprintln(w, holdLine(h))
	}
	if s.Cause != "" {
		_, _ = fmt.Fprintf(w, "%s: %s\n", turn(s.Status), s.Cause)
	}
	for _, a := range s.Attention {
		_, _ = fmt.Fprintf(w, "needs attention: %s %s %s%s\n", a.Reason, a.Step, a.Text, heeded(a))
	}
	if s.Assigned != "" {
		_, _ = fmt.Fprintf(w, "looked after by %s\n", s.Assigned)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, step := range s.Steps {
		branch := "├─"
		if i == len(s.Steps)-1 {
			branch = "└─"
		}
		note := stepNote(step)
		if n := len(failingItems(step, s.Attention)); n > 0 {
			note += fmt.Sprintf(", %d failing", n)
		}
		cells := []string{branch + " " + marks[step.Phase] + " " + step.Step, step.Phase, stepWork(step), note}
		_, _ = fmt.Fprintln(tw, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
		writeItems(tw, step, s.Attention)
	}
	defer writeOutput(w, s)
	_ = tw.Flush() // a terminal that has gone hears nothing
}

// before puts a word before a text that is there.
func before(word, text string) string {
	if text == "" {
		return ""
	}
	return word + text
}

// maxItemLines is how many items of a step the tree shows.
const maxItemLines = 20

// writeItems shows the items of a step that are under way or in trouble.
func writeItems(w io.Writer, step client.Step, attention []client.Attention) {
	failing := failingItems(step, attention)
	for i, item := range step.Listed {
		if i == maxItemLines {
			_, _ = fmt.Fprintf(w, "│    … and %d more\n", len(step.Listed)-i)
			return
		}
		note := strings.TrimPrefix(stepNote(client.Step{Attempt: item.Attempt, Due: item.Due})+", "+item.Child, ", ")
		note = strings.TrimSuffix(note, ", ")
		if failing[item.Step] {
			note = strings.TrimPrefix(note+", failing", ", ")
		}
		cells := []string{"│    " + marks[item.Phase] + " " + item.Step, item.Phase, "", note}
		_, _ = fmt.Fprintln(w, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
	}
}

// failingItems are those of a step that ask for attention.
func failingItems(step client.Step, attention []client.Attention) map[string]bool {
	failing := map[string]bool{}
	for _, a := range attention {
		if strings.HasPrefix(a.Step, step.Step+"[") {
			failing[a.Step] = true
		}
	}
	return failing
}

// itemsNote counts a step's items: 12 of 200 done, 1 undone.
func itemsNote(step client.Step) string {
	all := 0
	for _, n := range step.Items {
		all += n
	}
	notes := []string{fmt.Sprintf("%d of %d done", step.Items["done"], all)}
	for _, phase := range []string{"undone", "refused", "unknown", "skipped", "kept"} {
		if n := step.Items[phase]; n > 0 {
			notes = append(notes, fmt.Sprintf("%d %s", n, phase))
		}
	}
	return strings.Join(notes, ", ")
}

// writeNames shows what the saga can be found by.
func writeNames(w io.Writer, s client.Saga) {
	var words []string
	if s.Key != "" {
		words = append(words, "key "+s.Key)
	}
	for _, word := range [][2]string{{"subject", s.Subject}, {"priority", s.Priority}, {"retention", s.Retention}} {
		if word[1] != "" {
			words = append(words, word[0]+" "+word[1])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Attributes)) {
		words = append(words, name+" "+string(s.Attributes[name]))
	}
	if len(words) > 0 {
		_, _ = fmt.Fprintln(w, strings.Join(words, ", "))
	}
}

func writeOutput(w io.Writer, s client.Saga) {
	if s.Output != nil {
		_, _ = fmt.Fprintf(w, "output %s\n", s.Output)
	}
}

// turn says what a saga's cause was the cause of.
func turn(status string) string {
	if status == "abandoned" {
		return "given up"
	}
	return "turned back"
}

// lockLine says who has a key.
func lockLine(l client.Lock) string {
	if l.Granted {
		return "has the lock " + l.Key
	}
	return fmt.Sprintf("waits for the lock %s, which %s has: %d before it", l.Key, l.Holder, l.Ahead)
}

// stepWork says what a step does: whom it asks, what it waits for, which saga carries
// it out.
func stepWork(step client.Step) string {
	if step.Saga != "" {
		return strings.TrimSpace("saga " + step.Saga + " " + step.Child)
	}
	return step.Command + step.Waits
}

// stepNote says what is unusual about a step.
func stepNote(step client.Step) string {
	var notes []string
	if step.Kind == "pivot" || step.Kind == "retriable" {
		notes = append(notes, step.Kind)
	}
	if step.Items != nil {
		notes = append(notes, itemsNote(step))
	}
	if step.Attempt > 1 && step.Waits != "" {
		notes = append(notes, "escalated")
	} else if step.Attempt > 1 {
		notes = append(notes, fmt.Sprintf("attempt %d", step.Attempt))
	}
	if step.Due != nil {
		notes = append(notes, "until "+stamp(step.Due))
	}
	if step.Progress != nil {
		notes = append(notes, fmt.Sprintf("at %s: %s", stamp(step.ProgressAt), step.Progress))
	}
	if step.LeftAlive {
		notes = append(notes, "left alive")
	}
	return strings.Join(notes, ", ")
}

// writeTimeline shows a history, each event with its distance from the first.
func writeTimeline(w io.Writer, events []client.Event) {
	if len(events) == 0 {
		return
	}
	begin := events[0].At
	_, _ = fmt.Fprintf(w, "%s\n", stamp(&begin))
	for _, e := range events {
		_, _ = fmt.Fprintf(w, "%10s  %s\n", "+"+e.At.Sub(begin).Round(time.Millisecond).String(), eventLine(e))
		for _, c := range e.Sent {
			_, _ = fmt.Fprintf(w, "%10s  → %s %s %s%s\n", "", c.Direction, c.Step, c.Command, attemptNote(c.Attempt))
		}
	}
}

func eventLine(e client.Event) string {
	line := fmt.Sprintf("%d %s", e.Seq, e.Kind)
	switch {
	case e.Signal+e.Update != "":
		line += " " + e.Signal + e.Update
	case e.Direction == "" && e.Step != "": // a verb on one step
		line += strings.TrimRight(" "+e.Step+": "+e.Outcome, ": ")
	case e.Step != "":
		line += fmt.Sprintf(" %s %s: %s%s", e.Direction, e.Step, e.Outcome, attemptNote(e.Attempt))
	}
	if e.Reason != "" {
		line += " (" + e.Reason + ")"
	}
	return line + " by " + e.Actor
}

func attemptNote(attempt int) string {
	if attempt <= 1 {
		return ""
	}
	return fmt.Sprintf(", attempt %d", attempt)
}

// heeded is what was said of a reason for attention.
func heeded(a client.Attention) string {
	switch {
	case a.Until != nil:
		return fmt.Sprintf(" (put off by %s until %s)", a.By, stamp(a.Until))
	case a.At != nil:
		return fmt.Sprintf(" (known to %s since %s)", a.By, stamp(a.At))
	}
	return ""
}
