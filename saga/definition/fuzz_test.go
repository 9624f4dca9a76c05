package definition_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

// FuzzLoad: no text makes Load panic; a definition it takes has a canonical form
// that loads to the same hash.
func FuzzLoad(f *testing.F) {
	for _, name := range []string{"bookTrip.yaml", "broken.yaml", "bookTrip.canonical.json", "payments.contract.yaml"} {
		data, err := os.ReadFile("testdata/" + name)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte(base))
	for _, tt := range faults {
		f.Add([]byte(tt.new))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = definition.LoadContract("c", data)
		file, err := definition.Load("f", data, definition.Options{})
		if err != nil {
			require.ErrorIs(t, err, saga.ErrInvalidDefinition)
			require.NotEmpty(t, err.Error())
			return
		}
		again, err := definition.Load("g", file.Canonical, definition.Options{})
		require.NoError(t, err)
		require.Equal(t, file.Hash, again.Hash)
	})
}

// FuzzEval: no document makes an expression panic, and what it yields is JSON.
func FuzzEval(f *testing.F) {
	paths := bind(f, `{"a":"${input.a[1].b}","b":"${input}"}`, nil)
	texts := bind(f, `"${input.a[0]} ${input.s}"`, nil)
	computed := bind(f, `{"m":"${input.a.map(x, [x])}","k":"${keys(input)}"}`, nil)
	f.Add([]byte(`{"a":[1,{"b":2.50}],"s":"\u00e9\ud800"}`))
	f.Add([]byte(`{"a":[{},{"b":2,"b":3}],"s":{}} x`))
	f.Add([]byte("{\"a\":[\"\xff\",1e999]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, e := range []saga.Expr{paths, texts, computed} {
			out, err := e.Eval(scope{input: string(data)})
			require.True(t, err != nil || json.Valid(out), string(out))
		}
		file := definition.File{}
		if file.CheckInput(data) == nil {
			require.True(t, json.Valid(data))
		}
	})
}
