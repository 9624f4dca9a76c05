package sagatest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/unwindhq/unwind/internal/nearest"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
	"github.com/unwindhq/unwind/sagatest/script"
)

// Play plays a scene of a saga in virtual time, without servers, and fails t with what
// is not as expected and with the story of what happened.
func Play(t TB, of Saga, s Scene) *Played {
	t.Helper()
	if err := s.check(of); err != nil {
		t.Fatalf("the scene %scannot be played: %s", quoted(s.Name), err)
	}
	scripted, err := s.scripted()
	if err != nil {
		t.Fatalf("the scene %scannot be played: %s", quoted(s.Name), err)
	}
	mocks := newCast(s.Answers)
	result, st := script.Perform(of, scripted, mocks)
	for _, fault := range mocks.faults {
		result.Failures = append(result.Failures, script.Failure{What: fault})
	}
	if result.Failed() {
		t.Errorf("%s", result)
	}
	return playedOn(st)
}

// Output reads the saga's output.
func (p *Played) Output(into any) error {
	if err := json.Unmarshal(p.State.Extras().Output, into); err != nil {
		return fmt.Errorf("read the output of the saga, which is %s: %w", p.State.Status, err)
	}
	return nil
}

func quoted(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("%q ", name)
}

// check finds steps that a declared saga does not have. What the function of a saga
// that is code will ask for is not known.
func (s *Scene) check(of Saga) error {
	if _, code := of.(*saga.Code); code {
		return nil
	}
	var names []string
	for _, step := range of.Definition().Steps {
		names = append(names, step.Name)
	}
	var faults []error
	for _, name := range s.steps() {
		plain, _, _ := strings.Cut(name, "[")
		if !slices.Contains(names, plain) {
			fault := fmt.Sprintf("%s has no step %q", of.Definition().Name, name)
			if meant := nearest.Word(plain, names); meant != "" {
				fault += "; did you mean " + meant + "?"
			}
			faults = append(faults, errors.New(fault))
		}
	}
	return errors.Join(faults...)
}

// steps are all steps that the scene names.
func (s *Scene) steps() (names []string) {
	for name := range s.Answers {
		names = append(names, strings.TrimSuffix(name, "/undo"))
	}
	for _, cue := range s.Cues {
		if step, _, ok := strings.Cut(cue.When, " "); ok {
			names = append(names, step)
		}
		names = append(names, cue.Do.cue.Target)
	}
	for _, c := range s.Expect.Commands {
		names = append(names, c.Do+c.Undo)
	}
	names = slices.AppendSeq(names, maps.Keys(s.Expect.Steps))
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
}

// scripted is the scene in the words of scripts, without its answers.
func (s *Scene) scripted() (*definition.Scene, error) {
	out := &definition.Scene{Name: s.Name, Start: s.Start, Until: s.Until}
	if s.Start.IsZero() {
		out.Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	var err, failed error
	if out.Input, err = asJSON(s.Input); out.Input == nil {
		out.Input = json.RawMessage("{}")
	}
	for i, cue := range s.Cues {
		scripted, wrong := cue.scripted()
		if wrong != nil {
			failed = errors.Join(failed, fmt.Errorf("cue %d: %w", i+1, wrong))
		}
		out.Cues = append(out.Cues, scripted)
	}
	expect, wrong := s.Expect.scripted()
	out.Expect = expect
	return out, errors.Join(err, failed, wrong)
}

func (c Cue) scripted() (out definition.Cue, err error) {
	if out = c.Do.cue; out.Kind == "" {
		return out, errors.New("nothing is done: set Do, such as Do: sagatest.Cancel(why)")
	}
	out.At, out.By, out.Groups, out.Refused = c.At, c.By, c.Groups, c.Refused
	if out.Payload, err = asJSON(c.Do.payload); err != nil || c.When == "" {
		return out, err
	}
	step, phase, _ := strings.Cut(c.When, " ")
	if out.Step, out.Phase = step, phase; !slices.Contains(saga.PhaseNames(), phase) {
		return out, fmt.Errorf("%q is not a moment: write a step and its phase, such as hotel resting", c.When)
	}
	return out, nil
}

func (e *Expect) scripted() (out definition.Expect, err error) {
	out = definition.Expect{
		Cause: e.Cause, History: e.History, Attention: e.Attention, WaitingFor: e.WaitingFor, AtLeast: e.AtLeast, AtMost: e.AtMost,
	}
	if e.Status != 0 {
		out.Status = e.Status.String()
	}
	if e.Took != 0 {
		out.AtLeast, out.AtMost = e.Took, e.Took
	}
	for name, phase := range e.Steps {
		if out.Steps == nil {
			out.Steps = map[string]string{}
		}
		out.Steps[name] = phase.String()
	}
	var err1, err2, err3 error
	out.Output, err1 = asJSON(e.Output)
	out.Attributes, err2 = asJSON(e.Attributes)
	out.Commands, err3 = expectedCommands(e.Commands)
	return out, errors.Join(err1, err2, err3)
}

func expectedCommands(list []Command) (out []definition.Expected, err error) {
	if list == nil {
		return nil, nil
	}
	out = []definition.Expected{}
	for i, c := range list {
		one := definition.Expected{Step: c.Do + c.Undo, Direction: saga.Do, Attempt: c.Attempt}
		if c.Undo != "" {
			one.Direction = saga.Undo
		}
		if (c.Do == "") == (c.Undo == "") {
			err = errors.Join(err, fmt.Errorf("command %d: set one of Do and Undo", i+1))
		}
		if c.At != 0 {
			one.At = &list[i].At
		}
		input, wrong := asJSON(c.Input)
		one.Input, err = input, errors.Join(err, wrong)
		out = append(out, one)
	}
	return out, err
}
