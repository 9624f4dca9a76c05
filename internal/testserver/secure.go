package testserver

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/unwindhq/unwind/internal/server"
)

// SecureBroker is a broker that asks who one is, and what a client needs.
type SecureBroker struct {
	// SASL is the address that speaks SASL over TLS: PLAIN, SCRAM-SHA-256,
	// SCRAM-SHA-512, and OAUTHBEARER with unsigned tokens (see Token).
	SASL string
	// MTLS is the address that asks for a client certificate.
	MTLS string
	// Expired is an address whose certificate has expired.
	Expired string
	// Open is the address without any of it.
	Open string
	// CAFile is the authority's certificate, OtherCAFile one that signed nothing.
	CAFile, OtherCAFile string
	// CertFile and KeyFile are a client's; OldCertFile and OldKeyFile have expired.
	CertFile, KeyFile, OldCertFile, OldKeyFile string
	// User and Password are those of PLAIN and SCRAM.
	User, Password string

	kafka *server.Kafka
}

// The names of the files of a SecureBroker, and how long their certificates last.
const (
	brokerCert, clientCert, expiredCert = "broker", "client", "expired"
	lasting, over                       = 24 * time.Hour, time.Minute
)

// SecureKafka returns a broker that asks who one is: one for all tests of this
// process, started at the first call, beside the one of Kafka.
func SecureKafka(t testing.TB) *SecureBroker {
	t.Helper()
	broker, err := shared.startSecureKafka()
	if err != nil {
		Unavailable(t, "Kafka with TLS", err)
	}
	return broker
}

func (s *servers) startSecureKafka() (*SecureBroker, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.secure != nil || s.secureErr != nil {
		return s.secure, s.secureErr
	}
	var dir string
	if dir, s.secureErr = s.folder("secure"); s.secureErr == nil {
		s.secure, s.secureErr = startSecureKafka(dir)
	}
	return s.secure, s.secureErr
}

func startSecureKafka(dir string) (*SecureBroker, error) {
	b := &SecureBroker{User: "ada", Password: "p4ss-" + rand.Text()}
	if err := b.write(dir); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	user := fmt.Sprintf("[name=%s,iterations=4096,password=%s]", b.User, b.Password)
	var err error
	b.kafka, err = server.StartKafka(ctx, server.KafkaConfig{
		Dir: filepath.Join(dir, "kafka"), Progress: os.Stderr, Log: logger(),
		Scram:     []string{"SCRAM-SHA-256=" + user, "SCRAM-SHA-512=" + user},
		Listeners: b.listeners(dir),
	})
	if err != nil {
		return nil, err
	}
	b.SASL, b.MTLS, b.Expired = b.kafka.Listener("SASL"), b.kafka.Listener("MTLS"), b.kafka.Listener("EXPIRED")
	b.Open = b.kafka.Brokers()[0]
	return b, nil
}

// write makes the certificates.
func (b *SecureBroker) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	b.CAFile, b.OtherCAFile = in("ca.pem"), in("other.pem")
	b.CertFile, b.KeyFile = in(clientCert+".crt"), in(clientCert+".key")
	b.OldCertFile, b.OldKeyFile = in(expiredCert+".crt"), in(expiredCert+".key")
	authority, err := NewAuthority()
	if err != nil {
		return err
	}
	other, err := NewAuthority()
	if err != nil {
		return err
	}
	for name, valid := range map[string]time.Duration{brokerCert: lasting, clientCert: lasting, expiredCert: over} {
		if err := authority.writeSigned(dir, name, valid); err != nil {
			return err
		}
	}
	if err := os.WriteFile(b.OtherCAFile, other.PEM, 0o644); err != nil {
		return err
	}
	return os.WriteFile(b.CAFile, authority.PEM, 0o644)
}

// listeners are the broker's ports that ask.
func (b *SecureBroker) listeners(dir string) []server.Listener {
	files := func(name string, more map[string]string) map[string]string {
		more["ssl.keystore.type"], more["ssl.truststore.type"] = "PEM", "PEM"
		more["ssl.keystore.location"] = filepath.ToSlash(filepath.Join(dir, name+".pem"))
		more["ssl.truststore.location"] = filepath.ToSlash(b.CAFile)
		return more
	}
	const modules = "org.apache.kafka.common.security."
	return []server.Listener{
		{Name: "SASL", Protocol: "SASL_SSL", Properties: files(brokerCert, map[string]string{
			"sasl.enabled.mechanisms":               "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
			"plain.sasl.jaas.config":                fmt.Sprintf("%splain.PlainLoginModule required user_%s=%q;", modules, b.User, b.Password),
			"scram-sha-256.sasl.jaas.config":        modules + "scram.ScramLoginModule required;",
			"scram-sha-512.sasl.jaas.config":        modules + "scram.ScramLoginModule required;",
			"oauthbearer.sasl.jaas.config":          modules + `oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
			"oauthbearer.connections.max.reauth.ms": "3000",
		})},
		{Name: "MTLS", Protocol: "SSL", Properties: files(brokerCert, map[string]string{"ssl.client.auth": "required"})},
		{Name: "EXPIRED", Protocol: "SSL", Properties: files(expiredCert, map[string]string{})},
	}
}

// Token returns an unsigned token that the broker takes for so long; a negative
// time makes one that has expired.
func (b *SecureBroker) Token(valid time.Duration) string {
	now := time.Now()
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	return part(`{"alg":"none"}`) + "." + part(fmt.Sprintf(`{"sub":%q,"iat":%d,"exp":%d}`,
		b.User, now.Add(-time.Hour).Unix(), now.Add(valid).Unix())) + "."
}

// SecureDatabase is a Postgres that accepts nothing but TLS and passwords.
type SecureDatabase struct {
	// Address leads to it, without a password and without a word on TLS.
	Address string
	// Password is that of its user.
	Password string
	// CAFile is who signed its certificate, OtherCAFile one that did not.
	CAFile, OtherCAFile string
}

// URL returns the address of the database with its password and more parameters,
// such as sslmode=verify-full.
func (d *SecureDatabase) URL(t testing.TB, parameters ...string) string {
	t.Helper()
	address, err := url.Parse(d.Address)
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword("postgres", d.Password)
	address.RawQuery = strings.Join(parameters, "&")
	return address.String()
}

// Full returns the address that verifies the server.
func (d *SecureDatabase) Full(t testing.TB) string {
	t.Helper()
	return d.URL(t, "sslmode=verify-full", "sslrootcert="+url.QueryEscape(d.CAFile))
}

// SecurePostgres returns a server of t's own that accepts nothing but TLS and
// passwords. It is stopped when t ends.
func SecurePostgres(t testing.TB) *SecureDatabase {
	t.Helper()
	dir := folder(t)
	d := &SecureDatabase{
		Password:    "p4ss'\\ " + rand.Text(), // what needs quoting
		CAFile:      filepath.Join(filepath.Dir(dir), "ca.pem"),
		OtherCAFile: filepath.Join(filepath.Dir(dir), "other.pem"),
	}
	security, err := d.write()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { report(server.RemovePostgres(dir)) })
	postgres, err := startPostgres(t.Context(), server.PostgresConfig{Dir: dir, Security: security})
	if err != nil {
		Unavailable(t, "PostgreSQL with TLS", err)
	}
	t.Cleanup(func() {
		postgres.Kill() // its data is removed next
		report(postgres.Stop(context.Background()))
	})
	d.Address, _, _ = strings.Cut(postgres.URL(), "?")
	return d
}

// write makes the certificates.
func (d *SecureDatabase) write() (*server.PostgresSecurity, error) {
	authority, err := NewAuthority()
	if err != nil {
		return nil, err
	}
	other, err := NewAuthority()
	if err != nil {
		return nil, err
	}
	for file, text := range map[string][]byte{d.CAFile: authority.PEM, d.OtherCAFile: other.PEM} {
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return nil, err
		}
	}
	cert, key, err := authority.Sign("postgres", lasting)
	return &server.PostgresSecurity{Cert: cert, Key: key, Password: d.Password}, err
}
