package participant

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

// A handler's heartbeats leave while its transaction is still open, with what it has
// to say of its progress; what it does comes with its answer.
func TestHeartbeatsLeaveTheHandler(t *testing.T) {
	t.Parallel()
	c := newCoordinator(t)
	f := newFixture(t, func(cfg *Config) { c.cfg.Pool = cfg.Pool; *cfg = c.cfg })
	heard, errs := make(chan struct{}), make(chan error, 4)
	Handle(f.p, "pack", func(ctx context.Context, _ pgx.Tx, _ struct{}) (struct{}, error) {
		errs <- Heartbeat(ctx, map[string]int{"packed": 1})
		errs <- Heartbeat(ctx, nil)
		errs <- Heartbeat(ctx, strings.Repeat("x", saga.MaxProgress))
		errs <- Heartbeat(ctx, func() {})
		<-heard
		return struct{}{}, nil
	})
	c.start(f.p)
	c.ask(ask{saga: newSaga(), name: "pack"})
	beats := c.await(2)
	for _, beat := range beats {
		require.Equal(t, saga.Ongoing, beat.Outcome)
	}
	require.JSONEq(t, `{"packed":1}`, string(beats[0].Payload.Data))
	require.Empty(t, beats[1].Payload.Data)
	require.NoError(t, <-errs)
	require.NoError(t, <-errs)
	require.ErrorContains(t, <-errs, "the progress has 1026 bytes, the most is 1024: say less")
	require.ErrorContains(t, <-errs, "encode the progress")
	close(heard)
	require.Equal(t, saga.Succeeded, c.await(1)[0].Outcome)
}

func TestHeartbeatOutsideOfAHandler(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, Heartbeat(t.Context(), nil), ErrNoHandler)
}
