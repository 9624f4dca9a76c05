package saga_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

// faulty is a definition with one fault and the text of the fault.
type faulty struct {
	name   string
	change func(def *saga.Definition)
	want   string
}

// stepFaults concern one step or the graph.
var stepFaults = []faulty{
	{
		"saga name", func(d *saga.Definition) { d.Name = "Trip" },
		`saga: "Trip" is not a name; write a name like fulfilOrder: [a-z][A-Za-z0-9]*`,
	},
	{
		"no steps", func(d *saga.Definition) { d.Steps = nil },
		`steps: 0 steps; write 1 to 100`,
	},
	{
		"many steps", func(d *saga.Definition) { d.Steps = make([]saga.Step, 101) },
		`steps: 101 steps; write 1 to 100`,
	},
	{
		"step name", func(d *saga.Definition) { d.Steps[0].Name = "book flight" },
		`steps[0].step: "book flight" is not a name; write a name like reserveStock: [a-z][A-Za-z0-9]*`,
	},
	{
		"same name", func(d *saga.Definition) { d.Steps[1].Name = "flight" },
		`steps[1].step: "flight" is the name of an earlier step too; give each step its own name`,
	},
	{
		"participant", func(d *saga.Definition) { d.Steps[0].Participant = "" },
		`steps[0].command: "/reserve" is not a command; write participant/command, such as payments/charge`,
	},
	{
		"command", func(d *saga.Definition) { d.Steps[0].Command = "Reserve" },
		`steps[0].command: "airline/Reserve" is not a command; write participant/command, such as payments/charge`,
	},
	{
		"compensation", func(d *saga.Definition) { d.Steps[0].Compensation = "airline/release" },
		`steps[0].compensation: "airline/release" is not a command; write a command of the same participant, such as refund`,
	},
	{
		"no list", func(d *saga.Definition) { d.Steps[0].ForEach = &saga.ForEach{} },
		`steps[0].forEach: there is no list; write an expression that yields one, such as ${input.lines}`,
	},
	{
		"a list of too many", func(d *saga.Definition) {
			d.Steps[0].ForEach = &saga.ForEach{List: path("input.lines"), Items: 1001}
		},
		`steps[0].limit.items: 1001 items; write 1 to 1000; let child sagas take the parts of a longer list`,
	},
	{
		"too many at once", func(d *saga.Definition) {
			d.Steps[0].ForEach = &saga.ForEach{List: path("input.lines"), Concurrency: 101}
		},
		`steps[0].limit.concurrency: 101 at once; write 1 to 100`,
	},
	{
		"a pivot for each item", func(d *saga.Definition) { d.Steps[2].ForEach = &saga.ForEach{List: path("input.lines")} },
		`steps[2].forEach: a pivot runs once: several commands are no point of no return; make the step compensable, and one behind it the pivot`,
	},
	{
		"waits for each item", func(d *saga.Definition) {
			d.Steps[1] = saga.Step{Name: "wait", Sleep: &saga.Sleep{For: time.Second}, ForEach: &saga.ForEach{List: path("input.lines")}}
		},
		`steps[1].forEach: a step that waits has no command to run for each item; remove forEach`,
	},
	{
		"a list that comes later", func(d *saga.Definition) { d.Steps[0].ForEach = &saga.ForEach{List: path("hotel")} },
		`steps[0].forEach: reads the output of hotel, which does not come before this step; add it to after`,
	},
	{
		"too many of all", func(d *saga.Definition) {
			d.Steps = d.Steps[:1]
			for i := range 11 {
				step := d.Steps[0]
				step.Name, step.ForEach = "s"+strconv.Itoa(i), &saga.ForEach{List: path("input.lines")}
				d.Steps = append(d.Steps, step)
			}
		},
		`steps: the lists of all steps may have 11000 items; write limit.items so that they have at most 10000`,
	},
	{
		"timeout", func(d *saga.Definition) { d.Steps[0].Do.Timeout = time.Microsecond },
		`steps[0].timeout: 1µs is out of range; write 1ms to 365 days`,
	},
	{
		"backoff", func(d *saga.Definition) { d.Steps[0].Do.Backoff = -1 },
		`steps[0].retry.backoff: -1ns is out of range; write 1ms to 365 days`,
	},
	{
		"undo cap", func(d *saga.Definition) { d.Steps[0].Undo.Cap = 366 * 24 * time.Hour },
		`steps[0].undo.retry.cap: 8784h0m0s is out of range; write 1ms to 365 days`,
	},
	{"heartbeat below the timeout", func(d *saga.Definition) {
		d.Steps[0].Do.Heartbeat, d.Steps[0].Do.Timeout = time.Minute, time.Second
	}, "steps[0].timeout: the attempt is over after 1s, before its first heartbeat at 1m0s; write a timeout of the whole attempt, above the heartbeat, or remove it"},
	{
		"attempts", func(d *saga.Definition) { d.Steps[0].Do.Attempts = -1 },
		`steps[0].retry.attempts: -1 attempts; write 1 to 1000`,
	},
	{"cap below backoff", func(d *saga.Definition) {
		d.Steps[0].Do.Backoff, d.Steps[0].Do.Cap = time.Minute, time.Second
	}, `steps[0].retry.cap: cap 1s is below backoff 1m0s; write a cap of at least the backoff`},
	{
		"after", func(d *saga.Definition) { d.Steps[1].After = []string{"fligth"} },
		`steps[1].after: there is no step "fligth"; name steps of this definition`,
	},
	{
		"cycle", func(d *saga.Definition) { d.Steps[0].After = []string{"pay"} },
		`steps[0].after: the step waits for itself; break the cycle`,
	},
}

// kindFaults concern compensable, pivot and retriable, and what expressions read.
var kindFaults = []faulty{
	{"two pivots", func(d *saga.Definition) {
		d.Steps[0] = saga.Step{Name: "flight", Participant: "airline", Command: "reserve", Kind: saga.Pivot}
		d.Steps = d.Steps[:3:3]
		d.Steps[1].Kind, d.Steps[1].Compensation = saga.Retriable, ""
	}, `steps[2].kind: a second pivot; a saga has one point of no return: make one of them compensable or retriable`},
	{
		"beside the pivot", func(d *saga.Definition) { d.Steps[2].After = []string{"flight"} },
		`steps[1].after: runs beside the pivot pay; let it come before or after the pivot`,
	},
	{
		"pivot with condition", func(d *saga.Definition) { d.Steps[2].When = path("input.pay") },
		"steps[2].when: the pivot has a condition; put the condition on the steps around it: without its pivot a saga has no point of no return",
	},
	{
		"pivot with compensation", func(d *saga.Definition) { d.Steps[2].Compensation = "refund" },
		`steps[2].compensation: a pivot step is never undone; remove compensation and noCompensation`,
	},
	{
		"pivot with undo", func(d *saga.Definition) { d.Steps[2].Undo.Attempts = 3 },
		`steps[2].undo: a pivot step is never undone; remove undo`,
	},
	{"retriable before the pivot", func(d *saga.Definition) {
		d.Steps[1].Kind, d.Steps[1].Compensation = saga.Retriable, ""
	}, "steps[1].kind: a retriable step that does not come after the pivot could not be undone; mark the last step that may be refused as kind: pivot, or make this one compensable"},
	{"retriable with attempts", func(d *saga.Definition) {
		mail := saga.Step{Name: "mail", Participant: "mail", Command: "send", Kind: saga.Retriable}
		mail.Do.Attempts = 3
		d.Steps = append(d.Steps, mail)
	}, `steps[3].retry.attempts: a retriable step never gives up; remove attempts`},
	{"compensable after the pivot", func(d *saga.Definition) {
		d.Steps = append(d.Steps, saga.Step{Name: "mail", Participant: "mail", Command: "send", Reason: "sent is sent"})
	}, `steps[3].kind: comes after the pivot and is compensable; make it kind: retriable: after the pivot a saga only goes forward`},
	{
		"no compensation", func(d *saga.Definition) { d.Steps[0].Compensation = "" },
		`steps[0].compensation: a compensable step has no compensation; name the command that undoes it, or say why none is needed with noCompensation`,
	},
	{
		"both", func(d *saga.Definition) { d.Steps[0].Reason = "reads only" },
		`steps[0].noCompensation: the step has a compensation too; keep one of them`,
	},
	{"undo of nothing", func(d *saga.Definition) {
		d.Steps[0].Compensation, d.Steps[0].Reason, d.Steps[0].Undo.Attempts = "", "reads only", 3
	}, `steps[0].undo: a step without compensation is never undone; remove undo`},
	{
		"kind", func(d *saga.Definition) { d.Steps[0].Kind = 7 },
		`steps[0].kind: there is no kind 7; write compensable, pivot or retriable`,
	},
	{
		"reads nothing", func(d *saga.Definition) { d.Steps[1].When = path("cruise.ok") },
		`steps[1].when: there is no step "cruise"; name steps of this definition`,
	},
	{
		"reads later", func(d *saga.Definition) { d.Steps[0].Input = path("hotel.room") },
		`steps[0].input: reads the output of hotel, which does not come before this step; add it to after`,
	},
}

// TestCompileFaults has each fault that Compile can find, with its exact text.
func TestCompileFaults(t *testing.T) {
	t.Parallel()
	for _, test := range slices.Concat(stepFaults, kindFaults) {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			def := threeSteps()
			test.change(&def)
			machine, err := saga.Compile(def)
			require.Nil(t, machine)
			require.ErrorIs(t, err, saga.ErrInvalidDefinition)
			require.EqualError(t, err, test.want)
		})
	}
}

// TestCompileReportsAll: every fault at once, in the order of the file.
func TestCompileReportsAll(t *testing.T) {
	t.Parallel()
	def := threeSteps()
	def.Name, def.Steps[0].Command, def.Steps[2].After = "", "", []string{"nowhere"}
	_, err := saga.Compile(def)
	var faults saga.Faults
	require.ErrorAs(t, err, &faults)
	var paths []string
	for _, fault := range faults {
		paths = append(paths, fault.Path)
	}
	require.Equal(t, []string{"saga", "steps[0].command", "steps[2].after"}, paths)
}

func TestFaultText(t *testing.T) {
	t.Parallel()
	fault := saga.Fault{File: "trip.yaml", Line: 7, Path: "steps[0].step", Problem: "no name", Cure: "write one"}
	require.Equal(t, "trip.yaml:7: steps[0].step: no name; write one", fault.Error())
	require.Equal(t, "7: no name", saga.Fault{Line: 7, Problem: "no name"}.Error())
}

// TestCompileAgain: a definition with its defaults compiles to itself.
func TestCompileAgain(t *testing.T) {
	t.Parallel()
	def := threeSteps()
	def.Steps = append(def.Steps,
		saga.Step{Name: "mail", Participant: "mail", Command: "send", Kind: saga.Retriable},
		saga.Step{Name: "log", Participant: "log", Command: "write", Kind: saga.Retriable, When: path("input.log")})
	def.Steps = append([]saga.Step{{Name: "score", Participant: "risk", Command: "score", Reason: "reads only"}}, def.Steps...)
	machine, err := saga.Compile(def)
	require.NoError(t, err)
	filled := machine.Definition()
	require.Equal(t, saga.Policy{Timeout: 30 * time.Second, Attempts: 5, Backoff: time.Second, Cap: time.Minute}, filled.Steps[1].Do)
	require.Equal(t, 10, filled.Steps[1].Undo.Attempts)
	require.Zero(t, filled.Steps[0].Undo)
	require.Zero(t, def.Steps[0].Do, "Compile changed its argument")
	again, err := saga.Compile(filled)
	require.NoError(t, err)
	require.Equal(t, filled, again.Definition())
}
