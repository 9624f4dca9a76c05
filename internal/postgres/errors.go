package postgres

import (
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// readOnly is the SQLSTATE of a write to a standby.
const readOnly = "25006"

// State returns the SQLSTATE of an error, or "".
func State(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	return ""
}

// Demoted reports whether the server behind a connection shuts down or has become a
// standby: a pool must not keep its connections to it.
func Demoted(err error) bool {
	code := State(err)
	return code == readOnly || strings.HasPrefix(code, "57P0")
}

// Away reports whether err is of the way to the server, or of a server that cannot
// take anything now, and not of what it was asked.
func Away(err error) bool {
	if code := State(err); code != "" {
		return code == readOnly || strings.HasPrefix(code, "08") || strings.HasPrefix(code, "53") || strings.HasPrefix(code, "57P")
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}
