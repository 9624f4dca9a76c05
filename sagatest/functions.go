package sagatest

import (
	"errors"
	"fmt"
	"time"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

// document is what the sagas of the simulator are given and what their steps answer.
type document struct {
	Yes  bool  `json:"yes"`
	N    int   `json:"n"`
	List []int `json:"list"`
}

// drawFunctions makes the sagas of a world of functions: they do one thing after the
// other, several side by side, wait for people and time, begin other sagas and go on for
// ever, beside some that are declared.
func (w *world) drawFunctions() {
	w.compile(saga.Definition{Name: "sequence", Version: "r1", Deadline: 2 * time.Minute, Steps: w.sequence()})
	for _, def := range w.family()[:3] {
		w.compile(def)
	}
	deadline := saga.Definition{Name: "patient", Version: "r1", Deadline: 3 * time.Minute}
	w.write(saga.Definition{Name: "trip", Version: "r1"}, w.trip())
	w.write(deadline, w.patient())
	w.write(saga.Definition{Name: "branches", Version: "r1"}, w.branches())
	w.write(saga.Definition{Name: "hop", Version: "r1"}, w.hop())
	w.write(saga.Definition{Name: "parent", Version: "r1"}, w.parent())
	w.write(saga.Definition{Name: "rounds", Version: "r1"}, w.rounds())
	mixed := []saga.Step{w.step(0, saga.Compensable), {Name: "step1", Child: &saga.Child{Definition: "hop", Version: "r1"}}, w.step(2, saga.Pivot)}
	w.compile(saga.Definition{Name: "mixed", Version: "r1", Steps: mixed})
}

// play is a function of the simulator.
type play func(c *code.Context, in document) (int, error)

func (w *world) write(def saga.Definition, fn play) {
	made, err := code.Func(def, fn)
	if err != nil {
		panic(fmt.Sprintf("seed %d has a faulty function: %s", w.report.Seed, err))
	}
	w.deciders = append(w.deciders, made)
}

// steps draws steps of a function, which are its own for the whole world.
func (w *world) steps(kinds ...saga.Kind) []saga.Step {
	var list []saga.Step
	for i, kind := range kinds {
		list = append(list, w.step(i, kind))
	}
	return list
}

// behind goes on behind the pivot, unless that was refused. An operator may have ended it.
func behind(c *code.Context, pivot saga.Step, in any, then ...saga.Step) error {
	_, err := code.Do[document](c, pivot, in)
	if refused := (*code.Refused)(nil); errors.As(err, &refused) {
		return err
	}
	for _, step := range then {
		_, _ = code.Do[document](c, step, in) // it has succeeded, or was ended by hand
	}
	return nil
}

// trip does one thing after the other: a value is recorded, a change is marked, and an
// inn that has no room is replaced by another.
func (w *world) trip() play {
	s := w.steps(saga.Compensable, saga.Compensable, saga.Compensable, saga.Pivot, saga.Retriable, saga.Retriable)
	return func(c *code.Context, in document) (int, error) {
		first, err := code.Do[document](c, s[0], in)
		if err != nil {
			return 0, err
		}
		number := code.SideEffect(c, "number", w.number)
		if _, err := code.Do[document](c, s[1], first); err != nil {
			if c.Version("other", 0, 1) == 0 {
				return 0, err
			}
			if _, err := code.Do[document](c, s[2], number); err != nil {
				return 0, err
			}
		}
		if in.N%3 == 0 {
			c.Sleep(time.Duration(1+c.Uint64()%20) * time.Second)
		}
		return number, behind(c, s[3], in, s[4], s[5])
	}
}

// number is what no two runs of a function could guess alike.
func (w *world) number() int {
	w.drawn++
	return w.drawn
}

// patient waits for people, before its pivot and after.
func (w *world) patient() play {
	s := w.steps(saga.Compensable, saga.Compensable, saga.Pivot, saga.Retriable)
	wait := w.seconds(60)
	asks := saga.Approval{By: []string{"group:desk"}, EscalateAfter: w.seconds(20), EscalateTo: []string{"group:leads"}, Due: 21*time.Second + w.seconds(60), ApproveWhenLate: w.rng.IntN(2) == 0}
	return func(c *code.Context, in document) (int, error) {
		more := takesMore(c)
		if _, err := code.Do[document](c, s[0], in); err != nil {
			return 0, err
		}
		code.First(c, c.When(func() bool { return *more > 0 }), c.Timer(wait/4))
		if in.Yes {
			if _, err := code.Approve(c, "sign", asks); err != nil && !errors.Is(err, code.ErrTimeout) {
				return 0, err
			}
		}
		paid, err := code.Await[document](c, "paid", wait)
		if err == nil {
			_, err = code.Do[document](c, s[1], paid)
		}
		if err != nil && !errors.Is(err, code.ErrTimeout) {
			return 0, err
		}
		err = behind(c, s[2], in, s[3])
		if err == nil {
			_, _ = code.Await[document](c, "waived", wait) // nothing can fail any more
		}
		return in.N, err
	}
}

// takesMore offers an update that adds up what it is given.
func takesMore(c *code.Context) *int {
	more := 0
	code.Update(c, updateMore, func(n int) error {
		if n == 0 {
			return errors.New("nothing is no more")
		}
		return nil
	}, func(n int) (int, error) { more += n; return more, nil })
	return &more
}

// branches does some things side by side, with branches of its own, and goes on when all
// are over: what one of them has refused turns the saga back.
func (w *world) branches() play {
	s := w.steps(saga.Compensable, saga.Compensable, saga.Compensable, saga.Compensable, saga.Compensable, saga.Pivot)
	return func(c *code.Context, in document) (int, error) {
		left := code.Go(c, func(c *code.Context) (document, error) {
			out, err := code.Do[document](c, s[0], in)
			if err != nil {
				return out, err
			}
			return code.Do[document](c, s[1], out)
		})
		right := code.Go(c, func(c *code.Context) (document, error) {
			c.Sleep(time.Duration(1+in.N%10) * time.Second)
			return code.Do[document](c, s[2], in)
		})
		each := code.Start[document](c, s[3], in.N)
		timer := c.Timer(15 * time.Second)
		if code.First(c, left, timer) == 1 && in.Yes {
			if _, err := code.Do[document](c, s[4], in.N); err != nil {
				return 0, err
			}
		}
		for _, one := range []code.Future[document]{left, right, each} {
			if _, err := one.Get(c); err != nil {
				return 0, err
			}
		}
		return in.N, behind(c, s[5], in)
	}
}

// hop is a child that can be turned back.
func (w *world) hop() play {
	s := w.steps(saga.Compensable, saga.Compensable)
	return func(c *code.Context, in document) (int, error) {
		_, err := code.Do[document](c, s[0], in)
		if err == nil && in.Yes {
			c.SetAttribute("n", in.N)
			_, err = code.Do[document](c, s[1], in)
		}
		return in.N, err
	}
}

// parent begins other sagas, declared and functions, side by side and behind its pivot.
func (w *world) parent() play {
	s := w.steps(saga.Compensable, saga.Pivot)
	child := func(name string) saga.Child { return saga.Child{Definition: name, Version: "r1"} }
	closes := saga.Child{Definition: "closing", Version: "r1"}
	return func(c *code.Context, in document) (int, error) {
		declared := code.StartChild[any](c, "declared", child("middle"), in)
		if _, err := code.Do[document](c, s[0], in); err != nil {
			return 0, err
		}
		if _, err := code.Child[any](c, "function", child("hop"), in); err != nil {
			return 0, err
		}
		if _, err := declared.Get(c); err != nil {
			return 0, err
		}
		last := saga.Step{Name: "last", Child: &closes, Kind: saga.Retriable, Do: saga.Policy{Backoff: time.Second}}
		if in.Yes {
			return in.N, behind(c, saga.Step{Name: "pivot", Child: &closes, Kind: saga.Pivot}, in, last)
		}
		return in.N, behind(c, s[1], in, last)
	}
}

// rounds goes on for ever, three runs long.
func (w *world) rounds() play {
	reads := w.step(0, saga.Compensable)
	reads.Compensation, reads.Undo, reads.Reason = "", saga.Policy{}, "reads only"
	return func(c *code.Context, in document) (int, error) {
		for range 3 {
			if _, err := code.Do[document](c, reads, in.N); err != nil && c.HistoryLength() > 100 {
				return 0, err
			}
			_, _ = code.Await[document](c, "paid", 10*time.Second) // or not
		}
		if in.N%4 == 3 {
			return in.N, nil
		}
		in.N = in.N/4*4 + in.N%4 + 1
		return 0, code.ContinueAsNew(c, in)
	}
}
