package definition_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

// scope is a saga.Scope over fixed documents.
type scope struct {
	input   string
	outputs map[string]string
	waited  map[string]saga.Waited
	item    json.RawMessage
	err     error
}

func (s scope) Input() (json.RawMessage, error) { return json.RawMessage(s.input), s.err }

// Waited implements saga.Scope.
func (s scope) Waited(step string) saga.Waited { return s.waited[step] }

// Item implements saga.Scope.
func (s scope) Item() (json.RawMessage, int, error) { return s.item, 2, nil }

func (s scope) Output(step string) (json.RawMessage, bool, error) {
	out, ok := s.outputs[step]
	return json.RawMessage(out), ok, s.err
}

func testOptions() definition.Options { return definition.Options{Dir: os.DirFS("testdata")} }

func loadTrip(t testing.TB) *definition.File {
	t.Helper()
	data, err := os.ReadFile("testdata/bookTrip.yaml")
	require.NoError(t, err)
	f, err := definition.Load("bookTrip.yaml", data, testOptions())
	require.NoError(t, err)
	return f
}

const tripInput = `{"tripId":"t1","flight":"LH1","seats":2,"nights":3,"cents":12345678901234567890,"travellers":[{"name":"Ann"},{"name":"Bo"}]}`

func TestLoadTrip(t *testing.T) {
	t.Parallel()
	f := loadTrip(t)
	d := f.Definition
	require.Equal(t, "bookTrip", d.Name)
	require.Equal(t, "A trip", d.Title)
	require.Equal(t, "team-trips", d.Owner)
	require.Len(t, d.Steps, 4)
	require.Empty(t, d.Steps[0].After)
	require.NotNil(t, d.Steps[1].After)
	require.Empty(t, d.Steps[1].After)
	require.Equal(t, []string{"charge"}, d.Steps[3].After)
	require.Equal(t, saga.Policy{Timeout: 10 * time.Second, Attempts: 3, Backoff: 200 * time.Millisecond, Cap: 5 * time.Second}, d.Steps[0].Do)
	require.Equal(t, saga.Policy{Timeout: 30 * time.Second, Attempts: 10, Backoff: time.Second, Cap: time.Minute}, d.Steps[0].Undo)
	require.Equal(t, saga.Policy{Timeout: time.Minute, Attempts: 20, Backoff: time.Second, Cap: time.Minute}, d.Steps[1].Undo)
	require.Equal(t, time.Minute, d.Steps[2].Do.Timeout)
	require.Equal(t, saga.Policy{}, d.Steps[2].Undo)
	require.Equal(t, 0, d.Steps[3].Do.Attempts)
	require.Equal(t, saga.Local, d.Steps[3].Participant)
	_, err := saga.Compile(d)
	require.NoError(t, err)
}

func TestEvalTrip(t *testing.T) {
	t.Parallel()
	steps := loadTrip(t).Definition.Steps
	s := scope{input: tripInput, outputs: map[string]string{"reserveFlight": `{"id":"f-9"}`}}
	eval := func(e saga.Expr) string {
		out, err := e.Eval(s)
		require.NoError(t, err)
		return string(out)
	}
	require.Equal(t, `{"flight":"LH1","seats":2}`, eval(steps[0].Input))
	require.Equal(t, `true`, eval(steps[1].When))
	require.Equal(t, `{"nights":3,"label":"Trip t1 for 2"}`, eval(steps[1].Input))
	require.Equal(t, `{"cents":12345678901234567890,"flight":"f-9","hotel":"none","names":["Ann","Bo"]}`, eval(steps[2].Input))
	require.Equal(t, saga.Reads{Input: true}, steps[1].When.Reads())
	require.Equal(t, saga.Reads{Input: true, Steps: []string{"reserveFlight", "reserveHotel"}}, steps[2].Input.Reads())
	require.Nil(t, steps[3].Input)
}

func TestCanonicalLoadsToTheSameHash(t *testing.T) {
	t.Parallel()
	f := loadTrip(t)
	again, err := definition.Load("stored", f.Canonical, definition.Options{})
	require.NoError(t, err)
	require.Equal(t, string(f.Canonical), string(again.Canonical))
	require.Equal(t, f.Hash, again.Hash)
	require.Len(t, f.Hash, 64)
	golden(t, "testdata/bookTrip.canonical.json", f.Canonical)
}

func TestBuildIsTheSameAsLoad(t *testing.T) {
	t.Parallel()
	data := `
unwind: v1
saga: pay
steps:
  - {step: charge, command: payments/charge, noCompensation: nothing to undo, input: {a: "${input.a}", b: [1.10, "<x>"]}, timeout: 1d}
`
	loaded, err := definition.Load("pay.yaml", []byte(data), definition.Options{})
	require.NoError(t, err)
	built, err := definition.Build(definition.Spec{Saga: "pay", Steps: []definition.Step{{
		Step: "charge", Command: "payments/charge", NoCompensation: "nothing to undo", Timeout: "24h",
		Input: map[string]any{"b": []any{json.Number("1.10"), "<x>"}, "a": "${input.a}"},
	}}}, definition.Options{})
	require.NoError(t, err)
	require.Equal(t, string(loaded.Canonical), string(built.Canonical))
	out, err := built.Definition.Steps[0].Input.Eval(scope{input: `{"a": {"x" : 1.50}}`})
	require.NoError(t, err)
	require.Equal(t, `{"a":{"x" : 1.50},"b":[1.10,"<x>"]}`, string(out))
}

func TestContracts(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/payments.contract.yaml")
	require.NoError(t, err)
	c, err := definition.LoadContract("payments.contract.yaml", data)
	require.NoError(t, err)
	require.Equal(t, "payments", c.Participant)
	require.True(t, *c.Sticky)
	file := `
unwind: v1
saga: pay
steps:
  - step: charge
    command: %s
    compensation: %s
    input: %s
  - {step: mail, local: mail, noCompensation: none, input: {r: "${steps.charge.output.%s}"}}
`
	ok := []any{"payments/charge", "refund", `{cents: 1, flight: x}`, "receipt"}
	for _, tt := range []struct {
		at   int
		text string
		want string
	}{
		{0, "payment/charge", `pay.yaml:6: steps[0].command: no contract of a participant "payment"; did you mean payments?`},
		{0, "payments/chrage", `pay.yaml:6: steps[0].command: payments has no command "chrage"; did you mean charge?`},
		{1, "refnud", `pay.yaml:7: steps[0].compensation: payments undoes charge with refund; write compensation: refund`},
		{2, `{cent: 1, cents: 2, flight: x}`, `pay.yaml:8: steps[0].input.cent: the command's input has no field "cent"; did you mean cents?`},
		{2, `{cents: 2}`, `pay.yaml:8: steps[0].input: the required field flight is missing; write flight: and a value or an expression`},
		{3, `recipt`, `pay.yaml:9: steps[1].input.r: ${steps.charge.output.recipt}: steps.charge.output has no field "recipt" in the contract of step charge's command; did you mean receipt?`},
	} {
		args := append([]any{}, ok...)
		_, err := definition.Load("pay.yaml", sprintf(file, args), definition.Options{Contracts: []definition.Contract{*c}})
		require.NoError(t, err)
		args[tt.at] = tt.text
		_, err = definition.Load("pay.yaml", sprintf(file, args), definition.Options{Contracts: []definition.Contract{*c}})
		require.EqualError(t, err, tt.want)
	}
}
