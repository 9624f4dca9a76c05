package replay_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/recording"
	"github.com/unwindhq/unwind/internal/replay"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/saga/definition"
	"github.com/unwindhq/unwind/saga/participant"
	"github.com/unwindhq/unwind/saga/sagapg"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

const order = `unwind: v1
saga: order
steps:
  - {step: reserve, local: reserve, compensation: release, input: {n: "${input.n}"}}
  - {step: paid, await: {signal: paid, timeout: 14d}}
  - {step: charge, kind: pivot, local: charge, input: {n: "${input.n}", place: "${steps.reserve.output.place}"}}
`

// story runs a few orders to their ends, one that awaits, and one saga that is code, and
// returns where.
func story(t *testing.T) (url string, awaits string) {
	t.Helper()
	url = testserver.Postgres(t)
	reserve := func(_ context.Context, _ pgx.Tx, in struct{ N int }) (map[string]string, error) {
		if in.N == 3 {
			return nil, participant.Reject("none left")
		}
		return map[string]string{"place": "A7"}, nil
	}
	charge := func(context.Context, pgx.Tx, map[string]any) (int, error) { return 1, nil }
	fn, err := code.Func(saga.Definition{Name: "written", Version: "r1"}, func(*code.Context, int) (int, error) { return 1, nil })
	require.NoError(t, err)
	a, err := app.New(app.Config{
		DatabaseURL: url, Listen: "127.0.0.1:0", Migrate: true, Code: []*saga.Code{fn},
		Locals: []sagapg.LocalStep{sagapg.Local("reserve", reserve), sagapg.Local("release", charge), sagapg.Local("charge", charge)},
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	defer func() { stop(); require.NoError(t, <-ended) }()
	<-a.Ready()
	c, err := client.New(client.Config{URL: a.URL()})
	require.NoError(t, err)
	_, err = c.ApplyDefinition(t.Context(), "order.yaml", []byte(order))
	require.NoError(t, err)
	for n := 1; n <= 4; n++ {
		started, _, err := c.Start(t.Context(), client.Start{Definition: "order", Input: map[string]int{"n": n}})
		require.NoError(t, err)
		if n == 4 {
			awaits = started.ID
			break
		}
		if n != 3 { // which is refused at once
			_, err = c.Signal(t.Context(), started.ID, client.Verb{Signal: "paid", Payload: []byte("1")})
			require.NoError(t, err)
		}
		_, err = c.Wait(t.Context(), started.ID, client.End)
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool {
		s, err := c.Get(t.Context(), awaits)
		return err == nil && s.Steps[1].Phase == "awaiting"
	}, time.Minute, 10*time.Millisecond)
	started, _, err := c.Start(t.Context(), client.Start{Definition: "written", Input: 1})
	require.NoError(t, err)
	_, err = c.Wait(t.Context(), started.ID, client.End)
	require.NoError(t, err)
	return url, awaits
}

// TestDeclaredSagasAreDecidedAgain: this build decides as it did; a definition to come is
// told apart by the first event after which a saga would have gone another way, and one
// that only says more of later steps is not.
func TestDeclaredSagasAreDecidedAgain(t *testing.T) {
	t.Parallel()
	url, awaits := story(t)
	look := func(old, with string) (found []string, sum replay.Sum) {
		d := replay.Declared{DatabaseURL: url, Since: 24 * time.Hour, Found: func(one recording.Difference) { found = append(found, one.String()) }}
		if old != "" {
			text := strings.Replace(order, old, with, 1)
			require.NotEqual(t, order, text)
			file, err := definition.Load("order.yaml", []byte(text), definition.Options{})
			require.NoError(t, err)
			d.File = file
		}
		sum, err := d.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, len(found), sum.Differences)
		return found, sum
	}
	found, sum := look("", "")
	require.Empty(t, found)
	require.Equal(t, 4, sum.Sagas)
	require.Equal(t, map[string]int{"written": 1}, sum.Code)

	found, _ = look("saga: order", "saga: order\ntitle: a note for people")
	require.Empty(t, found)
	found, _ = look("timeout: 14d", "timeout: 30d")
	require.Empty(t, found, "nobody has waited so long")

	found, _ = look(`charge, input: {n: "${input.n}", `, `charge, input: {`)
	require.Len(t, found, 2, "those that were charged")
	require.Contains(t, found[0], ", order r1: event ")
	require.Contains(t, found[0], " sent charge/do local/charge 1 ")
	require.Contains(t, found[0], ", and would send charge/do local/charge 1 ")

	found, _ = look("  - {step: paid, await: {signal: paid, timeout: 14d}}\n", "")
	require.Len(t, found, 3, "but the one that was refused before")
	require.Contains(t, strings.Join(found, "\n"), "saga "+awaits+", order r1: event 2 (replied) sent nothing, and would send charge/do local/charge 1")
}
