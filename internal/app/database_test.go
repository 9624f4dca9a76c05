package app

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
)

func TestEncryptionIsNotLeftToChance(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"postgres://ada@db.example.com/x", "host=db.example.com user=ada", "postgres://ada@127.0.0.1,db.example.com/x",
	} {
		require.ErrorContains(t, CheckDatabaseURL(address), "does not say whether the connection is encrypted", address)
	}
	for _, fine := range []string{
		"postgres://ada@localhost/x", "postgres://ada@[::1]:5432/x", "host=/var/run/postgresql user=ada",
		"postgres://ada@db.example.com/x?sslmode=verify-full", "postgres://ada@db.example.com/x?sslmode=disable", "host=db.example.com sslmode=require",
	} {
		require.NoError(t, CheckDatabaseURL(fine), fine)
	}
	err := CheckDatabaseURL("postgres://ada:hunter2@db.example.com:port/x")
	require.ErrorContains(t, err, "DatabaseURL")
	require.NotContains(t, err.Error(), "hunter2")
}

func TestPasswordInAnAddress(t *testing.T) {
	t.Parallel()
	const password = `p4'ss\ @/:?`
	for _, address := range []string{
		"postgres://ada@localhost:5/x?sslmode=disable", "postgres://ada:old@localhost:5/x?sslmode=disable",
		"postgres://ada@localhost:5/x?sslmode=disable&password=old",
		"host=localhost port=5 user=ada dbname=x", "host=localhost port=5 user=ada dbname=x password=old",
	} {
		config, err := pgx.ParseConfig(DatabaseURL(address, password))
		require.NoError(t, err, address)
		require.Equal(t, []any{"localhost", uint16(5), "ada", "x", password}, []any{config.Host, config.Port, config.User, config.Database, config.Password})
	}
	require.Equal(t, "no address", DatabaseURL("no address", password), "its fault is Validate's to tell")
}

// TestPostgresIsVerified opens the process's own pools on a server that accepts
// nothing but TLS and passwords.
func TestPostgresIsVerified(t *testing.T) {
	t.Parallel()
	db := testserver.SecurePostgres(t)
	ask := func(address string) error {
		p, err := openPools(t.Context(), Config{DatabaseURL: address}.withDefaults())
		require.NoError(t, err)
		defer p.close()
		return p.lease.Ping(t.Context())
	}
	ca, other := "sslrootcert="+url.QueryEscape(db.CAFile), "sslrootcert="+url.QueryEscape(db.OtherCAFile)
	require.NoError(t, ask(db.Full(t)))
	require.ErrorContains(t, ask(db.URL(t, "sslmode=verify-full", other)), "unknown authority")
	// The name in the address is checked, not where it leads to.
	elsewhere, err := pgxpool.ParseConfig(db.Full(t))
	require.NoError(t, err)
	elsewhere.ConnConfig.TLSConfig.ServerName = "db.example.com"
	require.ErrorContains(t, connect(t, elsewhere), "not db.example.com")
	require.ErrorContains(t, ask(db.URL(t, "sslmode=disable")), "no pg_hba.conf entry")
	wrong := DatabaseURL(db.Address+"?sslmode=verify-full&"+ca, "hunter2")
	err = ask(wrong)
	require.ErrorContains(t, err, "password authentication failed")
	require.NotContains(t, err.Error(), "hunter2")
}

func connect(t *testing.T, config *pgxpool.Config) error {
	t.Helper()
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	defer pool.Close()
	return pool.Ping(t.Context())
}

// TestTheDatabasesPasswordMayBeReplaced changes it under open pools.
func TestTheDatabasesPasswordMayBeReplaced(t *testing.T) {
	t.Parallel()
	db := testserver.SecurePostgres(t)
	file := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(file, []byte(db.Password+"\n"), 0o600))
	p, err := openPools(t.Context(), Config{
		DatabaseURL: db.Address + "?sslmode=verify-full&sslrootcert=" + url.QueryEscape(db.CAFile), DatabasePasswordFile: file,
	}.withDefaults())
	require.NoError(t, err)
	defer p.close()
	_, err = p.read.Exec(t.Context(), "ALTER USER postgres PASSWORD 'fresh'")
	require.NoError(t, err)
	require.NoError(t, p.read.Ping(t.Context()), "open connections stay")
	require.ErrorContains(t, p.write.Ping(t.Context()), "password authentication failed")
	require.NoError(t, os.WriteFile(file, []byte("fresh\n"), 0o600))
	require.NoError(t, p.write.Ping(context.Background()))
}

func TestAnAddressThatCannotBeReadIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"host=h user=u password=two s3cret", "host=h user=u password = s3cret port=bad", "host=h password='s3cret", "u:s3cret@h/d", "postgres://u:1/s3cret@h:x/d",
	} {
		err := CheckDatabaseURL(address)
		require.ErrorContains(t, err, "DatabaseURL", address)
		require.NotContains(t, err.Error(), "s3cret")
	}
	require.ErrorContains(t, CheckDatabaseURL("postgres://u:sslmode@db.example.com/d"), "does not say whether the connection is encrypted")
}
