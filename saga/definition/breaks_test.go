package definition_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga/definition"
)

const trips = `unwind: v1
saga: trips
input: {schema: {type: object, required: [flight], properties: {flight: {type: string}, seats: {type: integer}}}}
steps:
  - {step: seat, command: flights/reserve, compensation: release, input: {flight: "${input.flight}", seats: "${input.seats}"}}
  - {step: whole, command: flights/reserve, compensation: release}
  - {step: pay, kind: pivot, command: cards/charge, input: {ref: "${steps.seat.output.booking.code}"}}
`

const flights = `unwind: v1
participant: flights
commands:
  reserve:
    input:
      type: object
      required: [flight]
      properties: {flight: {type: string}, seats: {type: integer}, meal: {type: string}}
    result:
      type: object
      required: [booking]
      properties: {booking: {$ref: "#/$defs/booking"}, price: {type: integer}}
      $defs: {booking: {type: object, properties: {code: {type: string}, gate: {type: string}}}}
    compensation: release
  charter: {}
`

func contractOf(t *testing.T, text string) *definition.Contract {
	t.Helper()
	c, err := definition.LoadContract("flights.yaml", []byte(text))
	require.NoError(t, err)
	canonical, err := c.Canonical()
	require.NoError(t, err)
	again, err := definition.LoadContract("", canonical)
	require.NoError(t, err)
	require.Equal(t, c, again, "the canonical form is read back")
	return c
}

// TestBreaks has one change of a contract after the other, and what of a definition it
// breaks.
func TestBreaks(t *testing.T) {
	t.Parallel()
	file, err := definition.Load("trips.yaml", []byte(trips), definition.Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"release", "reserve"}, file.Uses("flights"))
	old := contractOf(t, flights)
	for _, c := range []struct{ name, old, new, want string }{
		{"nothing", "participant: flights", "participant: flights", ""},
		{"an optional field more", "meal: {type: string}", "meal: {type: string}, bags: {type: integer}", ""},
		{"a wider input", "seats: {type: integer}", "seats: {type: number}", ""},
		{"another command is removed", "  charter: {}\n", "", ""},
		{"a field of the result that nobody reads", "price: {type: integer}", "cents: {type: integer}", ""},
		{"a field of the result that is wider and not read", "gate: {type: string}", "gate: {type: [string, \"null\"]}", ""},
		{"a command is removed", "  reserve:\n", "  book:\n", `steps[0].command: flights has no command "reserve"; known are book, charter` + "\n" +
			`steps[1].command: flights has no command "reserve"; known are book, charter`},
		{"a field is newly required", "required: [flight]", "required: [flight, meal]", "steps[0].input: the required field meal is missing; write meal: and a value or an expression\n" +
			"steps[1]: the saga's input is passed on as it is, and meal is newly required"},
		{"one that is given is newly required", "required: [flight]", "required: [flight, seats]", "steps[1]: the saga's input is passed on as it is, and seats is newly required"},
		{"a field's type changes", "flight: {type: string}", "flight: {type: integer}", `steps[0].input.flight: the command's input has another type for field "flight"` + "\n" +
			"steps[1]: the saga's input is passed on as it is, and flight has another type"},
		{"a field is not taken any more", ", seats: {type: integer}", "", `steps[0].input.seats: the command's input has no field "seats"; known are flight, meal` + "\n" +
			"steps[1]: the saga's input is passed on as it is, and seats is not taken any more"},
		{"a field that is read is not promised any more", "code: {type: string}, ", "", `steps[2].input.ref: ${steps.seat.output.booking.code}: steps.seat.output.booking has no field "code"`},
		{"a field that is read has another type", "code: {type: string}", "code: {type: integer}", `steps[2].input.ref: ${steps.seat.output.booking.code}: steps.seat.output.booking has another type for field "code"`},
		{"another compensation", "compensation: release", "compensation: cancel", "steps[0].compensation: flights undoes reserve with cancel; write compensation: cancel\n" +
			"steps[1].compensation: flights undoes reserve with cancel; write compensation: cancel"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(flights, c.old, c.new, 1)
			broken := definition.Breaks(file, old, contractOf(t, text))
			if c.want == "" {
				require.Empty(t, broken)
				return
			}
			lines := strings.Split(broken.Error(), "\n")
			wanted := strings.Split(c.want, "\n")
			require.Len(t, lines, len(wanted), broken.Error())
			for i := range wanted {
				require.True(t, strings.HasPrefix(lines[i], wanted[i]), "want %s\ngot  %s", wanted[i], lines[i])
			}
		})
	}
	require.Empty(t, definition.Breaks(file, nil, old), "a first contract that fits")
	require.NotEmpty(t, definition.Breaks(file, nil, contractOf(t, strings.Replace(flights, "  reserve:\n", "  book:\n", 1))))
	other := contractOf(t, strings.Replace(flights, "participant: flights", "participant: hotels", 1))
	require.Empty(t, definition.Breaks(file, nil, other), "who is not asked breaks nothing")
}

func TestPartialContracts(t *testing.T) {
	t.Parallel()
	opts := definition.Options{Contracts: []definition.Contract{*contractOf(t, flights)}}
	_, err := definition.Load("trips.yaml", []byte(trips), opts)
	require.ErrorContains(t, err, `no contract of a participant "cards"`)
	opts.Partial = true
	_, err = definition.Load("trips.yaml", []byte(trips), opts)
	require.NoError(t, err)
}
