package app

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// saysMode finds the parameter in both forms of an address.
var saysMode = regexp.MustCompile(`(?:^|[?&\s])sslmode\s*=`)

// CheckDatabaseURL refuses an address that is none, and one that leaves it to
// chance whether a connection to another machine is encrypted: what libpq does
// without sslmode, prefer, goes on in clear where TLS fails.
func CheckDatabaseURL(address string) error {
	config, err := pgconn.ParseConfig(address)
	if err != nil {
		return newFault("DatabaseURL is no address of Postgres: %s", unquoted(err))
	}
	if saysMode.MatchString(address) {
		return nil
	}
	open := remote(config.Host) && config.TLSConfig == nil
	for _, other := range config.Fallbacks {
		open = open || remote(other.Host) && other.TLSConfig == nil
	}
	if open {
		return newFault("DatabaseURL leads to another machine (%s) and does not say whether the connection is encrypted: "+
			"write sslmode=verify-full with sslrootcert=<CA file> into it (or sslmode=disable, if the way there is safe)", config.Host)
	}
	return nil
}

// unquoted is why pgx cannot read an address, without the address, which it quotes:
// what cannot be read may hold a password in a place where nobody looks for one.
func unquoted(err error) string {
	text := err.Error()
	return strings.TrimPrefix(text[strings.LastIndexByte(text, '`')+1:], ": ")
}

// remote tells whether a host of Postgres is another machine; a path is a socket.
func remote(host string) bool { return !strings.HasPrefix(host, "/") && !loopback(host) }

// DatabaseURL returns address with password, which wins over one in the address,
// unless it is empty. An address that CheckDatabaseURL refuses stays as it is.
func DatabaseURL(address, password string) string {
	if password == "" || CheckDatabaseURL(address) != nil {
		return address
	}
	if strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://") {
		u, err := url.Parse(address)
		if err != nil {
			return address
		}
		u.User = url.UserPassword(u.User.Username(), password)
		if query := u.Query(); query.Has("password") { // it would win
			query.Del("password")
			u.RawQuery = query.Encode()
		}
		return u.String()
	}
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(password)
	return address + " password='" + quoted + "'"
}

// maxPassword bounds a password, in bytes.
const maxPassword = 16 << 10

// readPassword reads a file with a password and perhaps a line's end.
func readPassword(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the database's password: %w", err)
	}
	password := strings.TrimRight(string(text), "\r\n")
	if password == "" || len(password) > maxPassword || strings.ContainsAny(password, "\r\n\x00") {
		return "", fmt.Errorf("password file %s: it must hold the password, in one line of at most %d bytes", path, maxPassword)
	}
	return password, nil
}

// fresh reads the password anew for a connection, so that it can be replaced
// while the process runs.
func fresh(passwordFile string) func(context.Context, *pgx.ConnConfig) error {
	if passwordFile == "" {
		return nil
	}
	return func(_ context.Context, config *pgx.ConnConfig) (err error) {
		config.Password, err = readPassword(passwordFile)
		return err
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
