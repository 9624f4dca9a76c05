package node_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/node"
)

// A node lives as long as its work, without Kafka, and the first error counts.
func TestWith(t *testing.T) {
	t.Parallel()
	cfg := node.Config{DatabaseURL: testserver.Postgres(t), Migrate: true}
	broken := errors.New("broken")
	err := node.With(t.Context(), cfg, func(ctx context.Context, c *client.Client) error {
		_, err := c.Get(ctx, "0190a1b2-c3d4-7e5f-8a9b-000000000001")
		require.ErrorContains(t, err, "no such saga")
		return broken
	})
	require.ErrorIs(t, err, broken)

	require.NoError(t, cfg.Validate())
	require.ErrorContains(t, node.Config{}.Validate(), "DatabaseURL is missing")

	unused := func(context.Context, *client.Client) error { t.Error("it was never ready"); return nil }
	require.ErrorContains(t, node.With(t.Context(), node.Config{}, unused), "DatabaseURL is missing")
	cfg.Migrate, cfg.DatabaseURL = false, testserver.Postgres(t)
	require.ErrorContains(t, node.With(t.Context(), cfg, unused), "unwind migrate up")
	ended, stop := context.WithCancel(t.Context())
	stop()
	cfg.Migrate = true
	require.NotErrorIs(t, node.With(ended, cfg, unused), broken)
}
