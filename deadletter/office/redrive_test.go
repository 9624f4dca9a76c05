package office_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/deadletter/office"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// asking is a shelf that has to ask Postgres for its saga, as the product's does.
type asking struct {
	*shelf
	pool *pgxpool.Pool
}

func (a asking) Get(ctx context.Context, id saga.ID) (coordinator.Row, error) {
	if err := a.pool.Ping(ctx); err != nil {
		return coordinator.Row{}, err
	}
	return a.shelf.Get(ctx, id)
}

// Redriving needs one connection at a time: a pool full of redrives that each wait
// for a second one would stand still.
func TestRedriveHoldsNoConnectionWhileItAsksForAnother(t *testing.T) {
	t.Parallel()
	o, s, pool := open(t)
	id := file(t, pool, o, replyRecord(command(saga.Do, 1), saga.Succeeded))
	config := pool.Config()
	config.MaxConns = 1
	narrow, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(narrow.Close)
	store, err := office.NewStore(office.StoreConfig{Pool: narrow})
	require.NoError(t, err)
	o, err = office.New(office.Config{Store: store, Sagas: asking{s, narrow}, Definitions: s, Keys: keys, Incarnation: 1})
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	effect, err := o.Redrive(ctx, id, office.Decision{})
	require.NoError(t, err)
	require.Contains(t, effect.Sentence, "goes from doing to done")
	_, err = o.Redrive(ctx, id, office.Decision{})
	require.ErrorIs(t, err, office.ErrRefused)
}
