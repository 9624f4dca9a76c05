package saga

// A state ends with sections: what only some sagas have, each a tag and its
// content. A plain saga has none and pays no byte for them. A build that meets a
// tag it does not know cannot read the state at all, so it leaves the saga alone.
// Tags are never used twice; content never changes once it was released.
const (
	sectionEnd      = 0 // nothing follows
	sectionWindow   = 1 // Window
	sectionPaused   = 2 // Paused
	sectionDeadline = 3 // Deadline
)

// sections appends the sections of s, by their tags, and reports whether there
// are any.
func (w *stateWriter) sections(s *State) bool {
	before := len(w.buf)
	if s.Window != 0 {
		w.section(sectionWindow)
		w.int(s.Window)
	}
	if !s.Paused.IsZero() {
		w.section(sectionPaused)
		w.time(s.Paused)
	}
	if !s.Deadline.IsZero() {
		w.section(sectionDeadline)
		w.time(s.Deadline)
	}
	return len(w.buf) > before
}

func (w *stateWriter) section(tag byte) { w.buf = append(w.buf, tag) }

// section reads one section into s and reports whether another may follow.
func (r *stateReader) section(s *State) bool {
	switch r.byte() {
	case sectionEnd:
		return false
	case sectionWindow:
		s.Window = r.int()
	case sectionPaused:
		s.Paused = r.time()
	case sectionDeadline:
		s.Deadline = r.time()
	default:
		r.fail()
	}
	return !r.bad
}
