package app_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/access"
	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/testserver"
)

func TestWhereTheAPIAsksForKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config app.Config
		fault  string
	}{
		{app.Config{Listen: "0.0.0.0:80"}, ""}, // asks for keys
		{app.Config{Listen: "127.0.0.1:80", Auth: app.AuthKeys}, ""},
		{app.Config{Listen: "127.0.0.1:80", Auth: app.AuthNone}, ""},
		{app.Config{Listen: "0.0.0.0:80", Insecure: true}, ""},
		{app.Config{Listen: "0.0.0.0:80", Auth: app.AuthNone, Insecure: true}, ""},
		{app.Config{Listen: "0.0.0.0:80", Auth: app.AuthNone}, "--insecure"},
		{app.Config{Listen: ":80", Auth: app.AuthNone}, "--insecure"},
		{app.Config{Listen: "[::]:80", Auth: app.AuthNone}, "--insecure"},
		{app.Config{Listen: "example.com:80", Auth: app.AuthNone}, "--insecure"},
		{app.Config{Auth: "maybe"}, "there is no such way"},
		{app.Config{TLSKeyFile: "key.pem"}, "name both files"},
	} {
		c.config.DatabaseURL = "postgres://127.0.0.1/x"
		_, err := app.New(c.config)
		if c.fault == "" {
			require.NoError(t, err, "%+v", c.config)
			continue
		}
		require.ErrorContains(t, err, c.fault, "%+v", c.config)
	}
	_, err := app.ParseAuth("maybe")
	require.ErrorContains(t, err, "auto, keys or none")
}

// certify writes a certificate for 127.0.0.1 and its key, and returns who signs it.
func certify(t *testing.T, certFile, keyFile string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	signers := x509.NewCertPool()
	signed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	signers.AddCert(signed)
	return signers
}

// trusting returns a client that knows these signers and keeps no connection.
func trusting(signers *x509.CertPool) *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: signers}, DisableKeepAlives: true}}
}

func TestKeysOverTLS(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	dir, database := t.TempDir(), testserver.Postgres(t)
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	signers := certify(t, certFile, keyFile)
	a, end := run(t, app.Config{
		DatabaseURL: database, Listen: "127.0.0.1:0", Migrate: true, Namespaces: []string{"default", "shop"},
		Auth: app.AuthKeys, TLSCertFile: certFile, TLSKeyFile: keyFile, Log: slog.New(slog.NewJSONHandler(&log, nil)),
	})
	require.True(t, strings.HasPrefix(a.URL(), "https://"))

	pool, err := pgxpool.New(t.Context(), database)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	key, err := access.NewKeys(pool, "unwind").Create(t.Context(), access.Request{
		Name: "anna", Roles: map[string]access.Role{"shop": access.Admin},
	})
	require.NoError(t, err)
	ask := func(signers *x509.CertPool, key string) (client.Identity, error) {
		c, err := client.New(client.Config{URL: a.URL(), APIKey: key, HTTPClient: trusting(signers)})
		require.NoError(t, err)
		return c.WhoAmI(t.Context())
	}
	_, err = ask(signers, "")
	require.Equal(t, client.Unauthenticated, client.CodeOf(err))
	who, err := ask(signers, key)
	require.NoError(t, err)
	require.Equal(t, []string{"shop"}, who.Namespaces)

	c, err := client.New(client.Config{URL: a.URL(), APIKey: key, HTTPClient: trusting(signers)})
	require.NoError(t, err)
	_, err = c.ApplyDefinition(t.Context(), "trip.yaml", []byte(trip))
	require.NoError(t, err)
	started, _, err := c.Start(t.Context(), client.Start{Definition: "bookTrip"})
	require.NoError(t, err)
	events, err := c.History(t.Context(), started.ID, 0, 0)
	require.NoError(t, err)
	require.Equal(t, "operator:anna", events.Events[0].Actor)

	renewed := certify(t, certFile, keyFile)
	require.Eventually(t, func() bool {
		_, err := ask(renewed, key)
		return err == nil
	}, 30*time.Second, 50*time.Millisecond)
	end()
	require.NotContains(t, log.String(), strings.Split(key, "_")[2])
}
