package definition

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The schemas of the files and the decoder know the same options.
func TestSchemaKnowsTheOptions(t *testing.T) {
	t.Parallel()
	root, err := parseJSON(Schema(), "")
	require.NoError(t, err)
	contract, err := parseJSON(ContractSchema(), "")
	require.NoError(t, err)
	definitions := root.get("$defs")
	for _, tt := range []struct {
		schema *node
		want   options
	}{
		{root, fileOptions},
		{root.get("properties").get("input"), inputOptions},
		{root.get("properties").get("defaults"), policyOptions},
		{root.get("properties").get("startOn"), startOnOptions},
		{root.get("properties").get("onEnd"), onEndOptions},
		{definitions.get("undo"), undoOptions},
		{definitions.get("retry"), retryOptions},
		{definitions.get("step"), stepOptions},
		{definitions.get("sleep"), sleepOptions},
		{definitions.get("await"), awaitOptions},
		{definitions.get("limit"), limitOptions},
		{definitions.get("approval"), approvalOptions},
		{definitions.get("escalate"), escalateOptions},
		{contract, contractOptions},
		{contract.get("properties").get("limits"), limitsOptions},
		{contract.get("properties").get("commands").get("additionalProperties"), commandOptions},
	} {
		var names []string
		for _, f := range tt.schema.get("properties").fields {
			names = append(names, f.name)
		}
		require.ElementsMatch(t, tt.want.known, names, tt.want.what)
		require.Equal(t, "false", tt.schema.get("additionalProperties").text, tt.want.what)
		for _, name := range tt.want.later {
			require.NotContains(t, tt.want.known, name)
			require.Equal(t, "not in this version: leave it out", tt.want.cure(name))
		}
	}
}
