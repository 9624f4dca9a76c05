package main

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/unwindhq/unwind/e2e/checker/rules"
)

// span is a time as definitions write it: 1m30s.
type span time.Duration

// UnmarshalText reads it.
func (s *span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*s = span(d)
	return err
}

// policy is the timeout and retry of a step, or of its undo.
type policy struct {
	Timeout   span `json:"timeout"`
	Heartbeat span `json:"heartbeat"`
	Retry     struct {
		Attempts int  `json:"attempts"`
		Backoff  span `json:"backoff"`
		Cap      span `json:"cap"`
	} `json:"retry"`
}

func (p policy) policy() rules.Policy {
	r := p.Retry
	return rules.Policy{Timeout: time.Duration(p.Timeout), Heartbeat: time.Duration(p.Heartbeat), Backoff: time.Duration(r.Backoff), Cap: time.Duration(r.Cap), Attempts: r.Attempts}
}

// step is a step of a definition in its canonical form.
type step struct {
	policy
	Step           string   `json:"step"`
	After          []string `json:"after"`
	When           string   `json:"when"`
	Kind           string   `json:"kind"`
	Command        string   `json:"command"`
	Compensation   string   `json:"compensation"`
	NoCompensation string   `json:"noCompensation"`
	Undo           policy   `json:"undo"`
	Child          string   `json:"child"`
	ForEach        string   `json:"forEach"`
	Limit          struct {
		Concurrency int `json:"concurrency"`
	} `json:"limit"`
	Sleep *struct {
		For   span   `json:"for"`
		Until string `json:"until"`
	} `json:"sleep"`
	Await *struct {
		Signal  []string `json:"signal"`
		Topic   string   `json:"topic"`
		Timeout span     `json:"timeout"`
	} `json:"await"`
	Approval *struct {
		Due       span   `json:"due"`
		OnTimeout string `json:"onTimeout"`
	} `json:"approval"`
}

// wait is what the step waits for, nil if it has a command.
func (s step) wait() *rules.Wait {
	switch {
	case s.Sleep != nil:
		return &rules.Wait{For: time.Duration(s.Sleep.For), Until: s.Sleep.Until != ""}
	case s.Await != nil:
		signals := s.Await.Signal
		if s.Await.Topic != "" {
			signals = append(signals, "@"+s.Step) // an event is this signal
		}
		return &rules.Wait{For: time.Duration(s.Await.Timeout), Signals: signals, Topic: s.Await.Topic}
	case s.Approval != nil:
		return &rules.Wait{For: time.Duration(s.Approval.Due), Approval: true, ApproveLate: s.Approval.OnTimeout == "approve"}
	}
	return nil
}

// onEnd is the event of a saga's end.
type onEnd struct {
	Topic   string          `json:"topic"`
	Type    string          `json:"type"`
	When    []string        `json:"when"`
	Payload json.RawMessage `json:"payload"`
}

func (o onEnd) onEnd() *rules.OnEnd {
	on := &rules.OnEnd{Topic: o.Topic, Type: o.Type, Mapped: len(o.Payload) > 0}
	for _, status := range o.When {
		on.When = append(on.When, map[string]int{"completed": rules.Completed, "compensated": rules.Compensated, "abandoned": rules.Abandoned}[status])
	}
	return on
}

// startOn are the events that start sagas.
type startOn struct {
	Topic string `json:"topic"`
	When  string `json:"when"`
	Key   string `json:"key"`
}

// parseDefinition reads a definition in its canonical form, in which every default is
// written out.
func parseDefinition(canonical []byte) (rules.Definition, error) {
	var file struct {
		Steps    []step   `json:"steps"`
		Code     string   `json:"code"`
		Deadline span     `json:"deadline"`
		Lock     []string `json:"lock"`
		OnEnd    *onEnd   `json:"onEnd"`
		StartOn  *startOn `json:"startOn"`
	}
	if err := json.Unmarshal(canonical, &file); err != nil {
		return rules.Definition{}, err
	}
	def := rules.Definition{Deadline: time.Duration(file.Deadline), Locked: len(file.Lock) > 0, Code: file.Code != ""}
	if file.OnEnd != nil {
		def.OnEnd = file.OnEnd.onEnd()
	}
	if on := file.StartOn; on != nil {
		def.StartOn = &rules.StartOn{Topic: on.Topic, Some: on.When != "" || on.Key != ""}
	}
	for _, s := range file.Steps {
		participant, _, _ := strings.Cut(s.Command, "/")
		if s.Command == "" {
			participant = rules.Local
		}
		var child *rules.ChildStep
		if s.Child != "" {
			participant, child = "", &rules.ChildStep{Definition: s.Child, Undoable: s.Kind == rules.Compensable && s.NoCompensation == ""}
		}
		if s.wait() != nil {
			s.Kind = rules.Compensable
		}
		def.Steps = append(def.Steps, rules.Step{
			Wait: s.wait(), Child: child,
			Each: s.Limit.Concurrency, Name: s.Step, Participant: participant, Kind: s.Kind, After: s.After, Conditional: s.When != "",
			Compensation: s.Compensation, Uncompensated: s.NoCompensation != "", Do: s.policy.policy(), Undo: s.Undo.policy(),
		})
	}
	return def, nil
}
