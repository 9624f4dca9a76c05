package saga

// A state ends with sections: what only some sagas have, each a tag and its
// content. A plain saga has none and pays no byte for them. A build that meets a
// tag it does not know cannot read the state at all, so it leaves the saga alone.
// Tags are never used twice; content never changes once it was released.
const (
	sectionEnd        = 0  // nothing follows
	sectionWindow     = 1  // Window
	sectionPaused     = 2  // Paused
	sectionDeadline   = 3  // Deadline
	sectionSignals    = 4  // Signals
	sectionAnswers    = 5  // the steps' Signal and Answer
	sectionKey        = 6  // Key
	sectionAttributes = 7  // Attributes
	sectionOutput     = 8  // Output
	sectionBegin      = 9  // Begin
	sectionSpreads    = 10 // Spreads, with the steps' items
	sectionTrouble    = 16 // Assigned and Heeds
	sectionEdits      = 17 // the steps' Edit
	sectionReset      = 18 // Reset, and the steps' Again
	sectionLabel      = 19 // Label
	sectionBeats      = 20 // the steps' Until and Progress
	sectionPlan       = 24 // Plan
	sectionFamily     = 12 // Family
	sectionLocks      = 14 // Locks
	sectionChildren   = 13 // the steps' Child and Lost
	sectionRaised     = 11 // the Spreads' Begun
	sectionChain      = 15 // Chain
	sectionTaken      = 21 // Taken
)

// sections appends the sections of s and reports whether there are any.
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
	if len(s.spreads()) > 0 { // before what is about single items
		w.section(sectionSpreads)
		w.spreads(s)
		w.raised(s)
	}
	w.answers(s.Steps)
	w.edits(s.Steps)
	w.beats(s.Steps)
	w.children(s.Steps)
	w.reset(s)
	if s.Extra != nil {
		w.extra(s.Extra)
	}
	return len(w.buf) > before
}

func (w *stateWriter) extra(x *StateExtra) {
	if len(x.Signals) > 0 {
		w.section(sectionSignals)
		w.signals(x.Signals)
	}
	if x.Key != "" {
		w.section(sectionKey)
		w.text(x.Key)
	}
	if len(x.Attributes) > 0 {
		w.section(sectionAttributes)
		w.int(int64(len(x.Attributes)))
		for _, a := range x.Attributes {
			w.text(a.Name)
			w.bytes(a.Value)
		}
	}
	if !x.Begin.IsZero() {
		w.section(sectionBegin)
		w.time(x.Begin)
	}
	if x.Output != nil {
		w.section(sectionOutput)
		w.bytes(x.Output)
	}
	if x.Locks != nil {
		w.section(sectionLocks)
		w.locks(x.Locks)
	}
	if x.Family != nil {
		w.section(sectionFamily)
		w.family(x.Family)
	}
	if x.Chain != nil {
		w.section(sectionChain)
		w.chain(x.Chain)
	}
	if len(x.Taken) > 0 {
		w.section(sectionTaken)
		w.taken(x.Taken)
	}
	if x.Label != nil {
		w.section(sectionLabel)
		w.label(x.Label)
	}
	w.trouble(x)
	if x.Plan != nil {
		w.section(sectionPlan)
		w.plan(x.Plan)
	}
}

func (w *stateWriter) label(l *Label) {
	w.text(l.Title)
	w.text(l.Subject)
	w.int(int64(l.Retention))
	w.int(int64(l.Priority))
}

func (r *stateReader) label() *Label {
	return &Label{Title: r.text(), Subject: r.text(), Retention: Retention(r.int()), Priority: Priority(r.int())}
}

func (w *stateWriter) signals(kept []KeptSignal) {
	w.int(int64(len(kept)))
	for _, k := range kept {
		w.text(k.Name)
		w.int(k.Seq)
		w.bytes(k.Data)
	}
}

// answers writes the steps that a signal has ended, each with its number; -1 ends
// them.
func (w *stateWriter) answers(steps []StepState) {
	begun := false
	for i := range steps {
		extra := steps[i].Extra
		if extra == nil || extra.Answer == 0 {
			continue
		}
		if !begun {
			w.section(sectionAnswers)
			begun = true
		}
		w.int(int64(i))
		w.text(extra.Signal)
		w.int(extra.Answer)
	}
	if begun {
		w.int(-1)
	}
}

func (r *stateReader) answers(steps []StepState) {
	for i := r.int(); i != -1 && !r.bad; i = r.int() {
		if i < 0 || i >= int64(len(steps)) {
			r.fail()
			return
		}
		steps[i].Extra = &StepExtra{Signal: r.text(), Answer: r.int()}
	}
}

// extra returns the Extra of a state that is being read.
func (r *stateReader) extra(s *State) *StateExtra {
	if s.Extra == nil {
		s.Extra = &StateExtra{}
	}
	return s.Extra
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
	case sectionSignals:
		r.extra(s).Signals = list(r, func() KeptSignal { return KeptSignal{Name: r.text(), Seq: r.int(), Data: r.bytes()} })
	case sectionAnswers:
		r.answers(s.Steps)
	case sectionKey:
		r.extra(s).Key = r.text()
	case sectionAttributes:
		r.extra(s).Attributes = list(r, func() AttributeValue { return AttributeValue{Name: r.text(), Value: r.bytes()} })
	case sectionOutput:
		r.extra(s).Output = r.bytes()
	case sectionBegin:
		r.extra(s).Begin = r.time()
	case sectionTrouble:
		x := r.extra(s)
		x.Assigned, x.Heeds = r.text(), list(r, r.heed)
	case sectionReset:
		r.reset(s)
	case sectionEdits:
		r.edits(s.Steps)
	case sectionBeats:
		r.beats(s.Steps)
	case sectionLabel:
		r.extra(s).Label = r.label()
	case sectionPlan:
		r.plan(s)
	case sectionSpreads:
		r.spreads(s)
	case sectionRaised:
		r.raised(s)
	case sectionLocks:
		r.extra(s).Locks = r.locks()
	case sectionFamily:
		r.extra(s).Family = r.family()
	case sectionChain:
		r.extra(s).Chain = r.chain()
	case sectionTaken:
		r.extra(s).Taken = list(r, func() Taken { return Taken{Request: r.fixed(), Seq: r.int()} })
	case sectionChildren:
		r.children(s.Steps)
	default:
		r.fail()
	}
	return !r.bad
}
