package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// screen shows a board: redrawn in place on a terminal, else a line per change.
type screen struct {
	out   io.Writer
	live  bool
	paint paint
	drawn int    // lines of the last frame
	note  string // the last note that was printed
}

func newScreen(out io.Writer) *screen {
	return &screen{out: out, live: isTerminal(out), paint: paintFor(out)}
}

// isTerminal reports whether cursor movements mean something to out.
func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" || os.Getenv("TERM") == "" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// show draws the board as it is now.
func (s *screen) show(b *board, now time.Time) {
	var text strings.Builder
	if s.live {
		if s.drawn > 0 {
			fmt.Fprintf(&text, "\x1b[%dA", s.drawn)
		}
		frame := b.frame(now, s.paint)
		for _, line := range frame {
			text.WriteString("\r" + line + "\x1b[K\n")
		}
		s.drawn = len(frame)
	} else {
		for _, line := range b.news(now) {
			text.WriteString(line + "\n")
		}
		if b.note != s.note {
			s.note = b.note
			fmt.Fprintf(&text, "%6.2f s  == %s\n", now.Sub(b.begun).Seconds(), b.note)
		}
	}
	_, _ = io.WriteString(s.out, text.String()) // a terminal that has gone sees nothing
}

// paint colours text, if it does at all.
type paint struct{ on bool }

// paintFor paints on terminals, unless NO_COLOR is set.
func paintFor(out io.Writer) paint { return paint{isTerminal(out) && os.Getenv("NO_COLOR") == ""} }

func (p paint) with(code, text string) string {
	if !p.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p paint) bold(text string) string { return p.with("1", text) }
func (p paint) dim(text string) string  { return p.with("2", text) }
func (p paint) good(text string) string { return p.with("1;32", text) }
func (p paint) bad(text string) string  { return p.with("1;31", text) }

// phase colours a step by its phase.
func (p paint) phase(phase, text string) string {
	switch phase {
	case "done":
		return p.with("32", text)
	case "refused", "unknown":
		return p.with("31", text)
	case "undone", "undoing", "undo-resting", "undo-held":
		return p.with("36", text)
	case "waiting", "skipped":
		return p.dim(text)
	}
	return p.with("33", text)
}

// status colours a saga's outcome.
func (p paint) status(status, text string) string {
	switch status {
	case "completed":
		return p.with("32", text)
	case "compensated", "compensating":
		return p.with("36", text)
	case "abandoned":
		return p.with("31", text)
	}
	return text
}
