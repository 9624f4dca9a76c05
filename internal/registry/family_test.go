package registry_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

// parent is a definition with one step for each child, as it is written.
func parent(t *testing.T, name string, steps ...string) *definition.File {
	t.Helper()
	text := "unwind: v1\nsaga: " + name + "\nsteps:\n  - {step: reserve, command: flights/reserve, compensation: release}\n"
	for i, step := range steps {
		text += fmt.Sprintf("  - {step: s%d, %s}\n", i, step)
	}
	f, err := definition.Load("x.yaml", []byte(text), definition.Options{})
	require.NoError(t, err)
	return f
}

// A definition is refused whose children cannot be what its steps need.
func TestFamiliesAreChecked(t *testing.T) {
	t.Parallel()
	r := registry.New(open(t), schema)
	apply := func(file *definition.File) error {
		_, _, err := r.Apply(t.Context(), "default", file)
		return err
	}
	require.NoError(t, apply(parent(t, "leaf")))
	require.NoError(t, apply(parent(t, "paid", "command: cards/charge, kind: pivot")))
	require.NoError(t, apply(parent(t, "read", "command: risk/score, noCompensation: reads only")))

	require.NoError(t, apply(parent(t, "middle", "child: leaf", "child: paid, noCompensation: stays", "child: paid, kind: pivot", "child: read, kind: retriable")))
	for step, want := range map[string]string{
		"child: lef":                        "steps[1].child: there is no definition lef; did you mean leaf?; apply the child's definition first",
		"child: leaf, version: r7":          "steps[1].child: there is no definition leaf r7; apply the child's definition first",
		"child: top":                        "steps[1].child: top begins top: that would never end; break the circle",
		"child: paid":                       "steps[1].child: paid cannot be turned back: its step s0 is a pivot; make the step kind: pivot or retriable, or say noCompensation: and why its effect may stay",
		"child: read":                       "steps[1].child: read cannot be turned back: its step s0 has no compensation; make the step kind: pivot or retriable, or say noCompensation: and why its effect may stay",
		"child: middle, noCompensation: no": "",
	} {
		err := apply(parent(t, "top", step))
		if want == "" {
			require.NoError(t, err, step)
			continue
		}
		require.ErrorIs(t, err, saga.ErrInvalidDefinition, step)
		require.EqualError(t, err, want, step)
	}
	require.EqualError(t, apply(parent(t, "leaf", "child: top, noCompensation: no")),
		"steps[1].child: leaf begins top begins middle begins leaf: that would never end; break the circle")

	last := "leaf"
	for n := 2; n <= saga.MaxDepth; n++ {
		last = fmt.Sprintf("g%d", n)
		below := fmt.Sprintf("g%d", n-1)
		if n == 2 {
			below = "leaf"
		}
		require.NoError(t, apply(parent(t, last, "child: "+below)))
	}
	require.EqualError(t, apply(parent(t, "g9", "child: "+last)), "steps[1].child: 9 generations, at most 8; let one of them do the steps itself")
}
