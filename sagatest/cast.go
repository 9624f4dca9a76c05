package sagatest

import (
	"encoding/json"
	"fmt"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
	"github.com/unwindhq/unwind/sagatest/script"
	"github.com/unwindhq/unwind/sagatest/stage"
)

// With returns an answer that fn makes of each command's input. A command whose input
// does not fit In fails the test.
func With[In any](fn func(in In) Answer) Answer {
	return Answer{Make: func(c saga.Command) (Answer, error) {
		var in In
		if err := json.Unmarshal(c.Payload.Data, &in); err != nil {
			return Answer{}, fmt.Errorf("the input of %s does not fit the mock: %w", c.ID.Step, err)
		}
		return fn(in), nil
	}}
}

// Input returns a condition for Answer.When: fn holds of the command's input. An input
// that does not fit In does not fit.
func Input[In any](fn func(in In) bool) func(saga.Command) bool {
	return func(c saga.Command) bool {
		var in In
		return json.Unmarshal(c.Payload.Data, &in) == nil && fn(in)
	}
}

// Holds returns a condition for Answer.When: the command's input has what want, as
// JSON, has. Other fields may be there, too; lists are compared item by item.
func Holds(want any) func(saga.Command) bool {
	data, err := json.Marshal(want)
	return func(c saga.Command) bool { return err == nil && script.Mismatch(data, c.Payload.Data) == "" }
}

// Attempt returns a condition for Answer.When: it is this attempt, from 1.
func Attempt(n int) func(saga.Command) bool {
	return func(c saga.Command) bool { return c.Attempt == n }
}

// cast acts the participants of a scene.
type cast struct {
	answers map[string][]Answer
	used    map[string][]int // how often each answer of a list was given
	faults  []string         // what is wrong with the mocks
}

func newCast(answers map[string][]Answer) *cast {
	return &cast{answers: answers, used: map[string][]int{}}
}

// Answer implements stage.Cast.
func (c *cast) Answer(command saga.Command) []stage.Answer {
	answer, err := c.pick(command)
	if err == nil && answer.Make != nil {
		answer, err = made(answer, command)
	}
	timed, wrong := answer.scripted()
	if err == nil {
		err = wrong
	}
	if err != nil {
		c.faults = append(c.faults, err.Error())
		return nil
	}
	return script.Timed(timed)
}

// made lets an answer be made of a command; how long it takes is the maker's own if it
// says so.
func made(by Answer, command saga.Command) (Answer, error) {
	answer, err := by.Make(command)
	if answer.After == 0 {
		answer.After = by.After
	}
	if answer.Ongoing == 0 {
		answer.Ongoing = by.Ongoing
	}
	return answer, err
}

// pick chooses the answer to a command.
func (c *cast) pick(command saga.Command) (Answer, error) {
	list := c.answers[script.Answers(command)]
	if len(list) == 0 {
		return Answer{}, nil
	}
	key := script.Asked(command)
	used := c.used[key]
	if used == nil {
		used = make([]int, len(list))
		c.used[key] = used
	}
	last := -1
	for i, a := range list {
		if a.When != nil && !a.When(command) {
			continue
		}
		if last = i; used[i] < max(a.Times, 1) {
			break
		}
	}
	if last < 0 {
		return Answer{}, fmt.Errorf("no answer of %s is for attempt %d with the input %s: add one without When", script.Answers(command), command.Attempt, command.Payload.Data)
	}
	used[last]++
	return list[last], nil
}

// scripted is the answer in the words of scripts.
func (a Answer) scripted() (definition.Answer, error) {
	out := definition.Answer{After: a.After, Ongoing: a.Ongoing, Times: max(a.Times, 1)}
	switch {
	case a.Silent:
	case a.Reject != "":
		out.Outcome, out.Reason = saga.Rejected, a.Reject
	case a.Fail != "":
		out.Outcome, out.Reason = saga.Failed, a.Fail
	default:
		data, err := asJSON(a.Output)
		if err != nil {
			return out, fmt.Errorf("an answer cannot be written as JSON: %w", err)
		}
		if out.Outcome, out.Output = saga.Succeeded, data; data == nil {
			out.Output = json.RawMessage("{}")
		}
	}
	return out, nil
}
