package definition

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

// TestSchemasKnowTheOptions: what a script or a schedule may say is what its schema has,
// no more and no less.
func TestSchemasKnowTheOptions(t *testing.T) {
	t.Parallel()
	var script, schedule map[string]any
	require.NoError(t, json.Unmarshal(scriptSchema, &script))
	require.NoError(t, json.Unmarshal(scheduleSchema, &schedule))
	for _, c := range []struct {
		schema  map[string]any
		path    string
		options options
	}{
		{script, "", scriptOptions},
		{script, "properties.given", givenOptions},
		{script, "$defs.scene", sceneOptions},
		{script, "$defs.answer.anyOf.1", answerOptions},
		{script, "$defs.event", cueOptions},
		{script, "$defs.expect", expectOptions},
		{script, "$defs.expect.properties.took.anyOf.1", tookOptions},
		{script, "$defs.command.anyOf.1", expectedOptions},
		{schedule, "", scheduleOptions},
	} {
		var found []string
		for name := range within(t, c.schema, c.path+".properties").(map[string]any) {
			found = append(found, name)
		}
		require.ElementsMatch(t, c.options.known, found, c.path)
	}
	require.ElementsMatch(t, saga.PhaseNames(), within(t, script, "$defs.phase.enum"))
	require.ElementsMatch(t, refusals, within(t, script, "$defs.event.properties.refused.enum"))
	require.ElementsMatch(t, overlaps, within(t, schedule, "properties.overlap.enum"))
	require.ElementsMatch(t, catchUps, within(t, schedule, "properties.catchUp.enum"))
	require.Len(t, within(t, script, "$defs.event.oneOf"), len(cueVerbs))
}

// within returns what stands at a path of a document.
func within(t *testing.T, from any, path string) any {
	t.Helper()
	for part := range strings.SplitSeq(path, ".") {
		switch v := from.(type) {
		case map[string]any:
			if part != "" {
				from = v[part]
			}
		case []any:
			require.Less(t, slices.Index([]string{"0", "1"}, part), len(v))
			from = v[slices.Index([]string{"0", "1"}, part)]
		}
		require.NotNil(t, from, path)
	}
	return from
}
