package bench

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/saga/sagapg"
)

const (
	definitionName = "benchTravel" // of the declared saga
	codeName       = "benchTrip"   // of the Go function
	codeVersion    = "r1"
	stepTimeout    = 30 * time.Second
)

// definition is the saga that is measured: no mapping, so each step gets the
// saga's input.
func (c Config) definition() []byte {
	text := `unwind: v1
saga: benchTravel
defaults: {timeout: 30s}
steps:
  - {step: flight, command: flights/reserve, compensation: release}
  - {step: hotel, command: hotels/reserve, compensation: release}
  - {step: charge, kind: pivot, command: payments/charge}
`
	if c.Local {
		text = strings.NewReplacer("command: flights/", "local: ", "command: hotels/", "local: ", "command: payments/", "local: ").Replace(text)
	}
	return []byte(text)
}

// trip asks for the steps of the definition.
func (p *process) trip(c *code.Context, in json.RawMessage) (json.RawMessage, error) {
	for _, step := range p.tripSteps() {
		if _, err := code.Do[json.RawMessage](c, step, in); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (p *process) tripSteps() []saga.Step {
	steps := []saga.Step{
		{Name: "flight", Participant: "flights", Command: "reserve", Compensation: "release"},
		{Name: "hotel", Participant: "hotels", Command: "reserve", Compensation: "release"},
		{Name: "charge", Participant: refusing, Command: "charge", Kind: saga.Pivot},
	}
	for i := range steps {
		steps[i].Do.Timeout = stepTimeout
		if p.setup.Local {
			steps[i].Participant = saga.Local
		}
	}
	return steps
}

// functions are the sagas that are code.
func (p *process) functions() ([]*saga.Code, error) {
	trip, err := code.Func(saga.Definition{Name: codeName, Version: codeVersion}, p.trip)
	if err != nil {
		return nil, err
	}
	return []*saga.Code{trip}, nil
}

// locals are the steps that run in the coordinator's process: they do nothing.
func (p *process) locals() []sagapg.LocalStep {
	agree := func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
		if id := sagapg.CommandID(ctx); id.Step.Name == "charge" && p.refuses(saga.Command{ID: id, Participant: refusing}) {
			return nil, sagapg.Refuse(refusal)
		}
		return payload, nil
	}
	var steps []sagapg.LocalStep
	for _, name := range []string{"reserve", "charge", "release"} {
		step := sagapg.Plain(name, agree)
		if p.setup.Guard {
			step = sagapg.Local(name, func(ctx context.Context, _ pgx.Tx, in json.RawMessage) (json.RawMessage, error) {
				return agree(ctx, in)
			})
		}
		steps = append(steps, step)
	}
	return steps
}
