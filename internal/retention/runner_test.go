package retention_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/retention"
	"github.com/unwindhq/unwind/saga"
)

// pages is a Store without sagas that tells of each page that is asked for.
type pages struct {
	retention.Store
	asked chan struct{}
}

func (p pages) Now(context.Context) (time.Time, error) { return time.Now(), nil }

func (p pages) Page(ctx context.Context, _ retention.Range, _ int) ([]retention.Saga, saga.ID, bool, error) {
	select {
	case p.asked <- struct{}{}:
	case <-ctx.Done():
	}
	return nil, saga.ID{}, true, ctx.Err() // and so on, for as long as it may
}

// A process that has lost its turn in the midst of a round takes the next one as soon as
// it has it, however seldom it looks.
func TestATurnComesBackAtOnce(t *testing.T) {
	t.Parallel()
	store := pages{asked: make(chan struct{})}
	var looks atomic.Int64
	mine := func() bool { return looks.Add(1) != 3 } // for its turn, for a page, and lost before the second one
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- retention.Runner{Store: store, Policy: retention.Policy{Short: retention.MinAge}, Mine: mine, Every: time.Hour}.Run(ctx)
	}()
	for _, round := range []string{"the first round", "the second one, although it looks once an hour"} {
		select {
		case <-store.asked:
		case <-time.After(20 * time.Second):
			require.Fail(t, "there is no page of "+round)
		}
	}
	require.Greater(t, looks.Load(), int64(3), "it has lost its turn")
	cancel()
	require.NoError(t, <-ended)
}
