package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/postgres"
)

func TestWhatErrorsSay(t *testing.T) {
	t.Parallel()
	_, refused := pgx.Connect(t.Context(), "postgres://postgres@127.0.0.1:1/x?sslmode=disable")
	require.Error(t, refused)
	for _, c := range []struct {
		err           error
		away, demoted bool
	}{
		{err: nil},
		{err: errors.New("anything")},
		{err: context.Canceled},
		{err: pgx.ErrNoRows},
		{err: refused, away: true},
		{err: io.ErrUnexpectedEOF, away: true},
		{err: net.ErrClosed, away: true},
		{err: &pgconn.PgError{Code: "25006"}, away: true, demoted: true},
		{err: &pgconn.PgError{Code: "57P01"}, away: true, demoted: true},
		{err: &pgconn.PgError{Code: "57P03"}, away: true, demoted: true},
		{err: &pgconn.PgError{Code: "57014"}}, // a statement that took too long is one's own
		{err: &pgconn.PgError{Code: "53300"}, away: true},
		{err: &pgconn.PgError{Code: "08006"}, away: true},
		{err: &pgconn.PgError{Code: "42P01"}},
		{err: &pgconn.PgError{Code: "23505"}},
	} {
		wrapped := c.err
		if wrapped != nil {
			wrapped = fmt.Errorf("read a saga: %w", c.err)
		}
		require.Equal(t, c.away, postgres.Away(wrapped), "%v", c.err)
		require.Equal(t, c.demoted, postgres.Demoted(wrapped), "%v", c.err)
	}
	require.Equal(t, "57P01", postgres.State(fmt.Errorf("x: %w", &pgconn.PgError{Code: "57P01"})))
	require.Empty(t, postgres.State(io.EOF))
}
