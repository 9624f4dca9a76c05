package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
)

// A batch starts those sagas anew that have ended, each once, with the input that it had;
// the others say why not.
func TestABatchStartsSagasAnew(t *testing.T) {
	t.Parallel()
	c := start(t, app.Config{DatabaseURL: testserver.Postgres(t), Listen: "127.0.0.1:0", Migrate: true, Code: []*saga.Code{summing(t)}})
	for _, input := range []int{100, 101, 1} { // the last one waits for more
		_, _, err := c.Start(t.Context(), client.Start{Definition: "summing", Input: input})
		require.NoError(t, err)
	}
	made, err := c.CreateBatch(t.Context(), client.BatchRequest{
		Verb: "restart", Reason: "what they counted was lost", Filter: client.BatchFilter{Definition: "summing"},
	})
	require.NoError(t, err)
	_, err = c.RunBatch(t.Context(), made.ID)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		made, err = c.Batch(t.Context(), made.ID)
		return err == nil && made.State == "done"
	}, 20*time.Second, 20*time.Millisecond)
	require.Equal(t, []int{2, 0, 1}, []int{made.Done, made.Unchanged, made.Refused})
	refused, err := c.BatchSagas(t.Context(), made.ID, "", "refused")
	require.NoError(t, err)
	require.Contains(t, refused.Sagas[0].Detail, "only one that has ended can be started again")
	page, err := c.List(t.Context(), client.Filter{Definition: "summing"})
	require.NoError(t, err)
	require.Len(t, page.Sagas, 5)
	var sums []string
	for _, s := range page.Sagas[:2] { // the newest
		sums = append(sums, string(wait(t, c, s.ID, client.End).Output))
	}
	require.ElementsMatch(t, []string{"100", "101"}, sums)
}
