package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"github.com/unwindhq/unwind/internal/access"
	"github.com/unwindhq/unwind/internal/rest"
)

// Auth says whether the REST API asks who somebody is.
type Auth string

// The ways to authenticate.
const (
	AuthAuto Auth = ""     // AuthAuto is AuthKeys where other machines can reach Listen and Insecure is not set, else AuthNone.
	AuthKeys Auth = "keys" // AuthKeys asks for API keys.
	AuthNone Auth = "none" // AuthNone asks nobody: every request may do everything.
)

// ParseAuth reads auto, keys or none.
func ParseAuth(text string) (Auth, error) {
	switch auth := Auth(text); auth {
	case "auto":
		return AuthAuto, nil
	case AuthKeys, AuthNone:
		return auth, nil
	}
	return AuthAuto, fmt.Errorf("there is no way to authenticate %q: write auto, keys or none", text)
}

// reachable tells whether other machines can reach Listen. An address that is none
// counts as such: Validate refuses it.
func (c Config) reachable() bool {
	host, _, err := net.SplitHostPort(c.Listen)
	return err != nil || !loopback(host)
}

// asksForKeys tells whether the API does.
func (c Config) asksForKeys() bool {
	return c.Auth == AuthKeys || c.Auth == AuthAuto && c.reachable() && !c.Insecure
}

// localOnly tells whether the API is for this machine alone: it asks for no keys,
// and nobody has said that this is meant.
func (c Config) localOnly() bool {
	return !c.asksForKeys() && !c.reachable() && !c.Insecure
}

// validateListen checks what concerns the REST interface's address.
func (c Config) validateListen(need func(ok bool, format string, args ...any)) {
	_, _, err := net.SplitHostPort(c.Listen)
	need(err == nil, "Listen %q: write it like 127.0.0.1:8080", c.Listen)
	need(c.Auth == AuthAuto || c.Auth == AuthKeys || c.Auth == AuthNone, "Auth %q: there is no such way; write keys or none", c.Auth)
	need(err != nil || c.asksForKeys() || !c.reachable() || c.Insecure,
		"Listen %s can be reached from other machines and the API would ask nobody who they are: use API keys (--auth keys), listen on 127.0.0.1, or set Insecure (--insecure)", c.Listen)
	need((c.TLSCertFile == "") == (c.TLSKeyFile == ""), "TLSCertFile goes with a key: name both files (--tls-cert-file, --tls-key-file) or none")
}

// listen opens the REST interface's address and returns its URL.
func (a *App) listen(ctx context.Context) (net.Listener, string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", a.cfg.Listen)
	if err != nil {
		return nil, "", fmt.Errorf("listen for REST: %w", err)
	}
	address := listener.Addr().String()
	if a.cfg.TLSCertFile == "" {
		if a.cfg.reachable() && a.cfg.asksForKeys() {
			a.cfg.Log.Warn("API keys travel in clear between here and the next proxy: see --tls-cert-file", "listen", address)
		}
		return listener, "http://" + address, nil
	}
	c, err := newCertificate(a.cfg.TLSCertFile, a.cfg.TLSKeyFile, a.cfg.Log)
	if err != nil {
		_ = listener.Close() // nobody has used it
		return nil, "", err
	}
	secured := tls.NewListener(listener, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get, NextProtos: []string{"http/1.1"}})
	return secured, "https://" + address, nil
}

// authenticator returns who knows the keys; nil when nobody is asked for one.
func (a *App) authenticator(p *parts) (rest.Authenticator, error) {
	if !a.cfg.asksForKeys() {
		if a.cfg.reachable() {
			a.cfg.Log.Warn("everybody who reaches this address may do everything", "listen", a.cfg.Listen)
		}
		return nil, nil //nolint:nilnil // nil is the authenticator that asks nobody
	}
	return access.NewVerifier(access.Config{Keys: access.NewKeys(p.pools.read, a.cfg.Schema)})
}
