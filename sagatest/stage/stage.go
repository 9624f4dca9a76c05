package stage

import (
	"bytes"
	"container/heap"
	"errors"
	"fmt"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// Cast acts all participants of a saga.
type Cast interface {
	// Answer returns what becomes of a command, in any order; none: nobody answers.
	Answer(command saga.Command) []Answer
}

// Answer is one answer to a command.
type Answer struct {
	After   time.Duration // After is how long after the command it comes.
	Outcome saga.Outcome  // Outcome says what it is.
	Reason  string        // Reason says why it was rejected or failed.
	Output  []byte        // Output is the payload of a success, JSON.
}

// Config configures a Stage.
type Config struct {
	Decider    saga.Decider  // Decider decides. Required.
	Definition string        // Definition is the definition's name.
	Version    string        // Version is its version. Default r1.
	Cast       Cast          // Cast acts the participants. Required.
	Start      time.Time     // Start is when the saga begins. Default 2026-01-01 in UTC.
	MaxEvents  int           // MaxEvents is how many events may happen. Default 10,000.
	Until      time.Duration // Until is when the play ends at the latest; 0: when nothing more happens.

	Stop  func(saga.State) bool         // Stop, if set, ends the play once it holds.
	Crash func(saga.Event, int64) Crash // Crash, if set, says what becomes of the process that decides the event of that number. An event may come again.
}

// Crash is what becomes of the process that decides an event. Another follows it at once:
// it has the state as it was stored, no coroutine, and is told of the event again.
type Crash int

// The crashes.
const (
	NoCrash      Crash = iota // NoCrash: it lives.
	BeforeCommit              // BeforeCommit: it dies, and nothing of the event is kept.
	AfterCommit               // AfterCommit: it dies, everything is kept, and nothing was sent yet.
	AfterSend                 // AfterSend: it dies, everything is kept and was sent, and is sent again.
	Away                      // Away is BeforeCommit, and nobody follows it for ten minutes.
)

// away is how long nobody is there with Away.
const away = 10 * time.Minute

// Sent is a command and when it was sent.
type Sent struct {
	saga.Command               // Command is what was sent.
	At           time.Duration // At is when, from the start.
	Seq          int64         // Seq is the event that has sent it.
}

// ErrEndless says that a saga goes on and on.
var ErrEndless = errors.New("the saga goes on and on")

// Stage plays one saga. It is for one goroutine.
type Stage struct {
	cfg     Config
	now     time.Time
	queue   queue
	n       int
	state   saga.State
	run     saga.Run // of a saga that is code
	history saga.History
	sent    []Sent
	onward  saga.Payload // the input of the next run of its chain
	watches []watch
	childs  map[saga.ID]*child
	events  int
	ended   time.Duration
	kept    []saga.Event // what the saga takes later
	healthy time.Time    // since when somebody decides; zero: ever since
}

// watch is something that happens once a condition holds.
type watch struct {
	when func(saga.State) bool
	do   func() error
}

// playID is the saga's: always the same, so that the pauses between attempts are.
var playID = saga.ID{0x01, 0x9b, 0x76, 0xda, 0xa8, 0x00, 0x7a, 0x11, 0x8a, 0x9b, 0x0c, 0x1d, 0x2e, 0x3f, 0x4a, 0x5b}

// New returns a Stage on which nothing has happened yet.
func New(cfg Config) *Stage {
	if cfg.Version == "" {
		cfg.Version = "r1"
	}
	if cfg.Start.IsZero() {
		cfg.Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if cfg.MaxEvents == 0 {
		cfg.MaxEvents = 10_000
	}
	return &Stage{cfg: cfg, now: cfg.Start, state: saga.State{ID: playID}, childs: map[saga.ID]*child{}}
}

// State returns the saga's state as it is.
func (s *Stage) State() saga.State { return s.state }

// History returns the saga's events so far.
func (s *Stage) History() saga.History { return s.history }

// Next is the input with which the saga has continued as new; without Data if it has not.
func (s *Stage) Next() saga.Payload { return s.onward }

// Sent returns all commands so far, in the order in which they were sent.
func (s *Stage) Sent() []Sent { return s.sent }

// Now returns the virtual time.
func (s *Stage) Now() time.Time { return s.now }

// Elapsed returns the virtual time since the start.
func (s *Stage) Elapsed() time.Duration { return s.now.Sub(s.cfg.Start) }

// Took returns how long the saga took, or has taken so far.
func (s *Stage) Took() time.Duration {
	if s.state.Status.Ended() {
		return s.ended
	}
	return s.Elapsed()
}

// Start starts the saga.
func (s *Stage) Start(input []byte, extra saga.EventExtra) error {
	extra.Definition, extra.Version, extra.Level = s.cfg.Definition, s.cfg.Version, saga.Level
	return s.Submit(saga.Event{
		Kind: saga.Started, Actor: saga.Actor{Kind: saga.Operator, Name: "script"}, Payload: saga.JSON(input), Extra: &extra,
	})
}

// At lets something happen at a time from the start; what has passed happens at once.
func (s *Stage) At(at time.Duration, do func() error) { s.push(s.cfg.Start.Add(at), do) }

// When lets something happen once, as soon as a condition holds, also if it holds
// already.
func (s *Stage) When(when func(saga.State) bool, do func() error) {
	s.watches = append(s.watches, watch{when, do})
	s.look()
}

// Submit lets an event happen now. A refusal of a verb is returned and changes
// nothing.
func (s *Stage) Submit(e saga.Event) error {
	if s.events++; s.events > s.cfg.MaxEvents {
		return fmt.Errorf("%w: %d events in %s", ErrEndless, s.cfg.MaxEvents, s.Elapsed())
	}
	if s.keep(&e) {
		return nil
	}
	e.At = s.now
	next, effects, err := s.decide(nil, e)
	if errors.Is(err, saga.ErrNeedHistory) {
		next, effects, err = s.decide(s.history, e)
	}
	if err != nil {
		s.run.Stop()
		return s.poisoned(e, err)
	}
	if next.Seq == s.state.Seq {
		return nil
	}
	crash := s.crash(e, next.Seq)
	if crash == BeforeCommit || crash == Away {
		return errors.Join(s.restart(crash), s.Submit(e))
	}
	s.commit(e, next, effects)
	if crash != NoCrash {
		err = s.restart(crash)
	}
	if err = errors.Join(err, s.perform(effects, crash == AfterSend)); err != nil || crash == NoCrash {
		return err
	}
	return s.Submit(e)
}

// commit stores an event.
func (s *Stage) commit(e saga.Event, next saga.State, effects []saga.Effect) {
	s.history = append(s.history, e.Stored(&next, effects))
	if next.Status.Ended() && !s.state.Status.Ended() {
		s.ended = s.Elapsed()
	}
	s.state = next
	s.free()
}

func (s *Stage) crash(e saga.Event, seq int64) Crash {
	if s.cfg.Crash == nil {
		return NoCrash
	}
	return s.cfg.Crash(e, seq)
}

// restart is another process: it reads the state from where it was stored.
func (s *Stage) restart(crash Crash) error {
	s.run.Stop()
	if crash == Away {
		s.now = s.now.Add(away)
		s.healthy = s.now
	}
	if s.state.Seq == 0 {
		return nil
	}
	stored := saga.AppendState(nil, &s.state)
	again, err := saga.DecodeState(s.state.ID, stored)
	if err == nil && !bytes.Equal(stored, saga.AppendState(nil, &again)) {
		err = errors.New("the state that was read is not the one that was stored")
	}
	s.state = again
	return err
}

// perform carries out what an event has led to, and lets those who wait see it.
func (s *Stage) perform(effects []saga.Effect, twice bool) error {
	for _, effect := range effects {
		if err := s.performOne(effect); err != nil {
			return err
		}
	}
	for _, effect := range effects {
		if send, ok := effect.(saga.Send); ok && twice {
			s.deliver(send.Command)
		}
	}
	s.look()
	return nil
}

// decide decides an event. The coroutine of a saga that is code is kept between two
// events, as a coordinator keeps it.
func (s *Stage) decide(h saga.History, e saga.Event) (saga.State, []saga.Effect, error) {
	if code, ok := s.cfg.Decider.(*saga.Code); ok {
		return code.DecideIn(&s.run, s.state, h, e)
	}
	return s.cfg.Decider.Decide(s.state, h, e)
}

// performOne lets the cast answer a command, or play a child. What the saga notes or
// announces is for nobody here.
func (s *Stage) performOne(effect saga.Effect) error {
	switch e := effect.(type) {
	case saga.Send:
		s.sent = append(s.sent, Sent{Command: e.Command, At: s.Elapsed(), Seq: s.state.Seq})
		s.deliver(e.Command)
	case saga.Tell:
		s.child(e)
	case saga.Acquire: // the saga is alone here, so every lock is free
		for _, key := range e.Keys {
			granted := saga.Event{Kind: saga.Granted, Actor: saga.Actor{Kind: saga.Engine}, Extra: &saga.EventExtra{Key: key}}
			s.push(s.now, func() error { return s.Submit(granted) })
		}
	case saga.Continue:
		s.onward = e.Event.Payload
	case saga.Noted, saga.Announce, saga.Release, saga.Watch:
	default:
		return fmt.Errorf("the stage cannot perform %T", effect)
	}
	return nil
}

// deliver lets the cast answer a command.
func (s *Stage) deliver(c saga.Command) {
	for _, a := range s.cfg.Cast.Answer(c) {
		s.push(s.now.Add(a.After), func() error {
			return s.Submit(saga.ReplyEvent(saga.Reply{
				ID: c.ID, Participant: c.Participant, Attempt: c.Attempt, Epoch: c.Epoch, Outcome: a.Outcome, Reason: a.Reason, Payload: saga.JSON(a.Output),
			}, s.now))
		})
	}
}

// look lets the watches see the state. What they do happens after what is happening.
func (s *Stage) look() {
	waiting := s.watches[:0]
	for _, w := range s.watches {
		if w.when(s.state) {
			s.push(s.now, w.do)
		} else {
			waiting = append(waiting, w)
		}
	}
	s.watches = waiting
}

func (s *Stage) push(at time.Time, do func() error) {
	s.n++
	if at.Before(s.now) {
		at = s.now
	}
	heap.Push(&s.queue, item{at, s.n, do})
}

// Run lets time pass until the saga has ended, nothing more will happen, or until the
// end that Config says. The error wraps ErrEndless if it goes on and on. Of a saga that
// is code no coroutine is left behind; who calls Start has to call Run.
func (s *Stage) Run() error {
	defer s.run.Stop()
	for {
		at, do := s.next()
		if do == nil || s.cfg.Stop != nil && s.cfg.Stop(s.state) {
			return nil
		}
		if end := s.cfg.Start.Add(s.cfg.Until); s.cfg.Until > 0 && at.After(end) {
			s.now = end
			return nil
		}
		if at.After(s.now) {
			s.now = at
		}
		if err := do(); err != nil {
			return err
		}
	}
}

// next is what happens next: what was pushed, or the saga's own wake. What happens at
// one time happens in the order in which it was pushed, the wake last.
func (s *Stage) next() (time.Time, func() error) {
	wake := s.wakeAt()
	if !wake.IsZero() && wake.Before(s.now) {
		wake = s.now
	}
	if len(s.queue) > 0 && (wake.IsZero() || !s.queue[0].at.After(wake)) {
		first := heap.Pop(&s.queue).(item)
		return first.at, first.do
	}
	if wake.IsZero() {
		return s.now, nil
	}
	return wake, func() error {
		before := s.state.Seq
		woke := saga.Event{Kind: saga.Woke, Actor: saga.Actor{Kind: saga.Engine}}
		if !s.healthy.IsZero() {
			woke.Own().Healthy = s.healthy
		}
		if err := s.Submit(woke); err != nil {
			return err
		}
		if s.state.Seq == before && !s.wakeAt().After(s.now) && len(s.queue) == 0 {
			return fmt.Errorf("%w: a wake at %s changes nothing", ErrEndless, s.Elapsed())
		}
		return nil
	}
}
