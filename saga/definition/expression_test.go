package definition_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

// bind loads a definition whose last step has the given input.
func bind(t require.TestingT, input string, schema any) saga.Expr {
	spec := definition.Spec{Saga: "s", Steps: []definition.Step{
		{Step: "a", Local: "a", NoCompensation: "none"},
		{Step: "b", Local: "b", NoCompensation: "none", When: "${input.b}"},
		{Step: "c", Local: "c", NoCompensation: "none", Input: json.RawMessage(input)},
	}}
	if schema != nil {
		spec.Input = &definition.Input{Schema: schema}
	}
	f, err := definition.Build(spec, definition.Options{})
	require.NoError(t, err)
	return f.Definition.Steps[2].Input
}

func one(source string) string {
	out, err := json.Marshal("${" + source + "}")
	if err != nil {
		panic(err) // a string is always JSON
	}
	return string(out)
}

func TestEval(t *testing.T) {
	t.Parallel()
	doc := scope{
		input: `{"i":7,"big":12345678901234567890,"price":1.10,"s":"a\"b\u00e9","t":true,"n":null,"lines":[{"sku":"x","q":1},{"sku":"y","q":2}],` +
			`"m":{"z":1,"a":2,"k y":3},"o": { "keep" : [1, 2.0] },"esc\u0061pe":5}`,
		outputs: map[string]string{"a": `{"id":"f-1","score":0.5}`},
	}
	for _, tt := range []struct{ input, want string }{
		{one("input.i"), `7`},
		{one("input.big"), `12345678901234567890`},
		{one("input.price"), `1.10`},
		{one("input.s"), `"a\"b\u00e9"`},
		{one("input.o"), `{ "keep" : [1, 2.0] }`},
		{one("input.lines[1].sku"), `"y"`},
		{one("input['k y']"), ``},
		{one("input.m['k y']"), `3`},
		{one("input.escape"), `5`},
		{one("steps.a.output"), `{"id":"f-1","score":0.5}`},
		{one("steps.a.output.score"), `0.5`},
		{one("steps.b.?output.x.orValue('none')"), `"none"`},
		{one("has(steps.b.output) ? 1 : 2"), `2`},
		{one("steps.a.output.score >= 0.4 && input.i > 1.5"), `true`},
		{one("input.i + 1"), `8`},
		{one("input.big + 1u"), `12345678901234567891`},
		{one("input.price * 2.0"), `2.2`},
		{one("input.lines.map(l, l.sku)"), `["x","y"]`},
		{one("input.lines.filter(l, l.q > 1)"), `[{"q":2,"sku":"y"}]`},
		{one("input.lines.exists(l, l.q == 2)"), `true`},
		{one("keys(input.m)"), `["a","k y","z"]`},
		{one("keys(input.m).map(k, input.m[k])"), `[2,3,1]`},
		{one("{'b': 1, 'a': [true, null]}"), `{"a":[true,null],"b":1}`},
		{one("input.m"), `{"z":1,"a":2,"k y":3}`},
		{one("string(size(input.lines)) + '}'"), `"2}"`},
		{one("input.s.upperAscii()"), `"A\"Bé"`},
		{`"Trip ${input.i}, ${input.price} ${input.s} ${input.t} ${size(input.lines)}"`, `"Trip 7, 1.10 a\"bé true 2"`},
		{`"$${input.i} costs $5"`, `"${input.i} costs $5"`},
		{`{"b":"${input.i}","a":[1.50,null,"x<y","${'}'}"]}`, `{"b":7,"a":[1.50,null,"x<y","}"]}`},
		{`""`, `""`},
	} {
		got, err := bind(t, tt.input, nil).Eval(doc)
		if tt.want == "" {
			require.Error(t, err)
			continue
		}
		require.NoError(t, err, tt.input)
		require.Equal(t, tt.want, string(got), tt.input)
		require.True(t, json.Valid(got))
	}
}

// TestWhatIsNotUTF8IsNoJSON: a participant's bytes are not handed on as JSON that the next
// one cannot read.
func TestWhatIsNotUTF8IsNoJSON(t *testing.T) {
	t.Parallel()
	doc := scope{input: "{\"a\":\"\xff\",\"b\":1}"}
	_, err := bind(t, `{"k":"${input.a}"}`, nil).Eval(doc)
	require.EqualError(t, err, "step c, input.k: ${input.a}: input.a is not JSON that can be read: is broken JSON")
	got, err := bind(t, `{"k":"${input.b}"}`, nil).Eval(doc)
	require.NoError(t, err)
	require.JSONEq(t, `{"k":1}`, string(got))
}

func TestEvalErrors(t *testing.T) {
	t.Parallel()
	doc := scope{input: `{"i":7,"s":"x","m":{"a":1},"n":null,"twice":{"a":1,"a":2},"l":[1]}`, outputs: map[string]string{"a": `{"id":`}}
	for _, tt := range []struct{ source, want string }{
		{"input.cents", "step c, input.k: ${input.cents}: input has no field cents"},
		{"input.m.b", "step c, input.k: ${input.m.b}: input.m has no field b"},
		{"input.i.b", "step c, input.k: ${input.i.b}: input.i is a number, not an object"},
		{"input.n.b", "step c, input.k: ${input.n.b}: input.n is null, not an object"},
		{"input.l[3]", "step c, input.k: ${input.l[3]}: input.l has no element 3: it has 1"},
		{"input.m[0]", "step c, input.k: ${input.m[0]}: input.m is an object, not a list"},
		{"input.twice.a", "step c, input.k: ${input.twice.a}: input.twice has the field a twice"},
		{"input.m.b + 1", `step c, input.k: ${input.m.b + 1}: input is not JSON that can be read: it has the field "a" twice`},
		{"steps.a.output.id", "step c, input.k: ${steps.a.output.id}: steps.a.output is broken JSON"},
		{"size(steps.a.output)", "step c, input.k: ${size(steps.a.output)}: steps.a.output is not JSON that can be read: the JSON text ends too early at byte 6"},
		{"[1].map(x, 1 / 0)", "step c, input.k: ${[1].map(x, 1 / 0)}: division by zero"},
	} {
		_, err := bind(t, `{"k":`+one(tt.source)+`}`, nil).Eval(doc)
		require.EqualError(t, err, tt.want)
	}
	doc.input, doc.outputs = `{"m":{"a":1},"n":"x"}`, nil
	for _, tt := range []struct{ source, want string }{
		{"steps.a.output.id", "step c, input.k: ${steps.a.output.id}: step a has no output: it was skipped or is not over"},
		{"steps.a.output.id + 'x'", "step c, input.k: ${steps.a.output.id + 'x'}: step a has no output: it was skipped or is not over"},
		{"input.m.b + 1", "step c, input.k: ${input.m.b + 1}: no such key: b"},
		{"input.m.map(k, k)", "step c, input.k: ${input.m.map(k, k)}: want a list, found a map; a map has no order: go over keys(m) instead"},
		{"dyn(input.?q)", "step c, input.k: ${dyn(input.?q)}: the result is an optional value: add .orValue(…)"},
		{"input.m.a / 0", "step c, input.k: ${input.m.a / 0}: division by zero"},
		{"1e300 * 1e300", "step c, input.k: ${1e300 * 1e300}: the result is +Inf, which JSON can't hold"},
		{"[1,2,3,4,5,6,7,8,9,10].map(a, [1,2,3,4,5,6,7,8,9,10].map(b, input.m.a + '" + strings.Repeat("x", 3000) + "'.size() + a + b))", ""},
	} {
		_, err := bind(t, `{"k":`+one(tt.source)+`}`, nil).Eval(doc)
		if tt.want != "" {
			require.EqualError(t, err, tt.want)
		}
	}
}

func TestCostLimit(t *testing.T) {
	t.Parallel()
	list := "[" + strings.TrimSuffix(strings.Repeat("1,", 1000), ",") + "]"
	e := bind(t, one("input.l.map(a, input.l.map(b, a + b))"), nil)
	_, err := e.Eval(scope{input: `{"l":` + list + `}`})
	require.EqualError(t, err, "step c, input: ${input.l.map(a, input.l.map(b, a + b))}: it costs more than 100000: make it smaller")
}

func TestScopeErrorsAreKept(t *testing.T) {
	t.Parallel()
	history := errors.New("need history")
	for _, source := range []string{"input.i", "input.i + 1", "steps.a.output", "steps.a.output.x + 1"} {
		_, err := bind(t, one(source), nil).Eval(scope{err: history})
		require.ErrorIs(t, err, history)
	}
}

func TestNumbersAreTypedByTheSchema(t *testing.T) {
	t.Parallel()
	schema := json.RawMessage(`{"$ref":"#/$defs/root","$defs":{"root":{"properties":{"b":{},"price":{"type":["number","null"]},"n":{"type":"integer"},"l":{"items":{"type":"number"}}}}}}`)
	e := bind(t, one("[input.price * 1.5, double(input.n + 1), input.l[0] + 0.5]"), schema)
	for _, input := range []string{`{"price":2,"n":1,"l":[1]}`, `{"price":2.0,"n":1.0,"l":[1.0]}`, `{"price":2e0,"n":10e-1,"l":[1e0]}`} {
		out, err := e.Eval(scope{input: input})
		require.NoError(t, err)
		require.Equal(t, `[3,2,1.5]`, string(out))
	}
}

func TestWhenMustYieldTrueOrFalse(t *testing.T) {
	t.Parallel()
	f, err := definition.Build(definition.Spec{Saga: "s", Steps: []definition.Step{
		{Step: "a", Local: "a", NoCompensation: "none", When: "${input.go}"},
	}}, definition.Options{})
	require.NoError(t, err)
	when := f.Definition.Steps[0].When
	out, err := when.Eval(scope{input: `{"go":true}`})
	require.NoError(t, err)
	require.Equal(t, "true", string(out))
	_, err = when.Eval(scope{input: `{"go":"yes"}`})
	require.EqualError(t, err, `step a, when: ${input.go} yielded "yes"; want true or false`)
	require.Equal(t, "${input.go}", when.String())
}

func TestEvalIsDeterministicAndConcurrent(t *testing.T) {
	t.Parallel()
	fields := make([]string, 40)
	for i := range fields {
		fields[i] = fmt.Sprintf(`"k%d":{"a":%d,"b":"x"}`, i*7%40, i)
	}
	doc := scope{input: `{"m":{` + strings.Join(fields, ",") + `}}`}
	e := bind(t, `{"all":"${{'m': input.m, 'n': {'z': 1, 'y': 2, 'x': 3}}}","keys":"${keys(input.m).map(k, input.m[k].a)}","eq":"${input.m == input.m}","f":"${'%s'.format([input.m])}"}`, nil)
	want, err := e.Eval(doc)
	require.NoError(t, err)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 250 {
				got, err := e.Eval(doc)
				if err != nil || string(got) != string(want) {
					t.Errorf("got %s, %v", got, err)
					return
				}
			}
		})
	}
	group.Wait()
}

// anyJSON draws a JSON text without numbers that a double would round.
func anyJSON(depth int) *rapid.Generator[any] {
	leaves := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.String().AsAny(),
		rapid.Int64().AsAny(), rapid.Float64Range(-1e9, 1e9).AsAny(),
	}
	if depth == 0 {
		return rapid.OneOf(leaves...)
	}
	return rapid.OneOf(append(leaves,
		rapid.SliceOfN(anyJSON(depth-1), 0, 4).AsAny(),
		rapid.MapOfN(rapid.String(), anyJSON(depth-1), 0, 4).AsAny())...)
}

// What passes through CEL comes out as encoding/json encodes it with sorted keys,
// and what is copied comes out as it was.
func TestMapperRoundTrip(t *testing.T) {
	t.Parallel()
	computed, copied := bind(t, one("[input.v][0]"), nil), bind(t, one("input.v"), nil)
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(anyJSON(3).Draw(t, "value"))
		require.NoError(t, err)
		doc := scope{input: `{"v":` + string(text) + `}`}
		got, err := copied.Eval(doc)
		require.NoError(t, err)
		require.Equal(t, string(text), string(got))
		got, err = computed.Eval(doc)
		require.NoError(t, err)
		require.JSONEq(t, string(text), string(got))
		again, err := computed.Eval(scope{input: `{"v":` + string(got) + `}`})
		require.NoError(t, err)
		require.Equal(t, string(got), string(again))
	})
}
