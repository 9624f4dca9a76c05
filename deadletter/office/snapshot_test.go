package office_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/deadletter/office"
	"github.com/unwindhq/unwind/saga"
)

// afterLook does something once, after the first look for unsent letters.
type afterLook struct {
	once sync.Once
	do   func()
}

type lookKey struct{}

func (a *afterLook) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, lookKey{}, strings.Contains(data.SQL, "unsent IS NOT NULL"))
}

func (a *afterLook) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	if look, _ := ctx.Value(lookKey{}).(bool); look {
		a.once.Do(a.do)
	}
}

// Two letters of a saga are redriven while the carrier has seen only the copy of the
// later one: it is not sent before the earlier one.
func TestRedrivenWhileTheCarrierLooks(t *testing.T) {
	t.Parallel()
	o, _, pool := open(t)
	first := file(t, pool, o, replyRecord(command(saga.Do, 1), saga.Ongoing))
	second := file(t, pool, o, replyRecord(command(saga.Do, 1), saga.Succeeded))
	_, err := pool.Exec(t.Context(), "UPDATE unwind.dead_letters SET unsent = NULL WHERE id = $1", first)
	require.NoError(t, err)

	config := pool.Config()
	config.ConnConfig.Tracer = &afterLook{do: func() {
		for _, id := range []int64{first, second} {
			_, err := o.Redrive(t.Context(), id, office.Decision{Actor: "operator:ada"})
			require.NoError(t, err)
		}
	}}
	watched, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(watched.Close)
	store, err := office.NewStore(office.StoreConfig{Pool: watched})
	require.NoError(t, err)
	w := &wire{}
	carry(t, store, w)
	settled(t, o.Store)

	var outcomes []saga.Outcome
	for _, rec := range w.sent {
		if rec.Topic == "replies" {
			reply, err := saga.DecodeReply(rec.Headers, rec.Value)
			require.NoError(t, err)
			outcomes = append(outcomes, reply.Outcome)
		}
	}
	require.Equal(t, []saga.Outcome{saga.Ongoing, saga.Succeeded}, outcomes)
}
