package definition_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

func TestCheckInput(t *testing.T) {
	t.Parallel()
	f := loadTrip(t)
	require.NoError(t, f.CheckInput([]byte(tripInput)))
	for _, tt := range []struct{ input, want string }{
		{`{"tripId":"t","flight":"f","seats":1}`, "input: missing property 'cents'"},
		{`{"tripId":"t","flight":"f","seats":0,"cents":"x"}`, "input.cents: got string, want integer\ninput.seats: minimum: got 0, want 1"},
		{`{"tripId":"t","flight":"f","seats":1,"cents":1,"travellers":[{},{"age":1.5}]}`, "input.travellers[1].age: got number, want integer"},
		{`{"tripId":"t","flight":"f","seats":1,"cents":1,"x":1}`, "input: additional properties 'x' not allowed"},
		{`{"tripId":"t","tripId":"u"}`, "input.tripId: the field is there twice"},
		{`{"travellers":[{"name":1,"name":2}]}`, "input.travellers[0].name: the field is there twice"},
		{`{"tripId":`, "input: the JSON text ends too early at byte 10"},
		{``, "input: the JSON text ends too early at byte 0"},
		{`{} {}`, "input: something follows the JSON value at byte 3"},
		{"{\"tripId\":\"\xff\"}", "input: invalid UTF-8 at byte 13"},
		{strings.Repeat("[", 65) + strings.Repeat("]", 65), "input: nested deeper than 64 at byte 64"},
		{strings.Repeat(" ", saga.MaxPayload+1), "input: has 524289 bytes, the most is 524288: pass a reference"},
	} {
		err := f.CheckInput([]byte(tt.input))
		require.ErrorIs(t, err, definition.ErrInvalidInput)
		require.EqualError(t, err, tt.want, tt.input)
	}
}

func TestCheckInputWithoutSchema(t *testing.T) {
	t.Parallel()
	f, err := definition.Build(definition.Spec{Saga: "s", Steps: []definition.Step{{Step: "a", Local: "a", NoCompensation: "none"}}}, definition.Options{})
	require.NoError(t, err)
	require.NoError(t, f.CheckInput([]byte(`[1e999, 123456789012345678901234567890]`)))
	require.Error(t, f.CheckInput([]byte(`{"a":01}`)))
}

func TestManyFields(t *testing.T) {
	t.Parallel()
	f, err := definition.Build(definition.Spec{Saga: "s", Steps: []definition.Step{{Step: "a", Local: "a", NoCompensation: "none"}}}, definition.Options{})
	require.NoError(t, err)
	fields := make([]string, 40_000)
	for i := range fields {
		fields[i] = fmt.Sprintf(`"f%d":0`, i)
	}
	require.NoError(t, f.CheckInput([]byte("{"+strings.Join(fields, ",")+"}")))
	fields[39_999] = `"f7":0`
	require.EqualError(t, f.CheckInput([]byte("{"+strings.Join(fields, ",")+"}")), "input.f7: the field is there twice")
}
