package office_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/deadletter/office"
	"github.com/unwindhq/unwind/internal/record"
	"github.com/unwindhq/unwind/saga"
)

// A record that has lost its header, or names another tenant, shows its saga to
// nobody but those who may see the saga.
func TestALetterOfASagaIsItsNamespaces(t *testing.T) {
	t.Parallel()
	o, _, pool := open(t)
	_, err := pool.Exec(t.Context(), `INSERT INTO unwind.sagas (id, namespace, definition, version, level, status, bucket, seq, started_at, changed_at, state)
		VALUES ($1, 'travel', 'trip', 'r1', 1, 1, 0, 1, now(), now(), '')`, saga.ID{1}.String())
	require.NoError(t, err)
	named := func(id saga.ID, namespace string) string {
		rec := replyRecord(command(saga.Do, 1), saga.Succeeded)
		rec.Headers = []record.Header{{Key: saga.HeaderSaga, Value: []byte(id.String())}}
		if namespace != "" {
			rec.Headers = append(rec.Headers, record.Header{Key: saga.HeaderNamespace, Value: []byte(namespace)})
		}
		l, err := o.Get(t.Context(), file(t, pool, o, rec))
		require.NoError(t, err)
		return l.Namespace
	}
	require.Equal(t, "travel", named(saga.ID{1}, ""))
	require.Equal(t, "travel", named(saga.ID{1}, "shop"))
	require.Equal(t, "shop", named(saga.ID{2}, "shop")) // there is no such saga
	require.Equal(t, office.DefaultNamespace, named(saga.ID{2}, ""))
}
