package kafka

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
)

// The mechanisms of SASL. The zero value of Mechanism is no SASL.
const (
	// Plain sends user and password as they are; it wants TLS around it.
	Plain Mechanism = "PLAIN"
	// ScramSHA256 proves the password without sending it.
	ScramSHA256 Mechanism = "SCRAM-SHA-256"
	// ScramSHA512 is ScramSHA256 with a longer hash.
	ScramSHA512 Mechanism = "SCRAM-SHA-512"
	// OAuthBearer sends a token, as it is; it wants TLS around it.
	OAuthBearer Mechanism = "OAUTHBEARER"
)

// mechanisms are all of them.
var mechanisms = []Mechanism{Plain, ScramSHA256, ScramSHA512, OAuthBearer}

// Mechanism is how a client says who it is.
type Mechanism string

// scram tells whether the mechanism is one of the two of SCRAM.
func (m Mechanism) scram() bool { return m == ScramSHA256 || m == ScramSHA512 }

// Secret is a text that prints as ***, so that it gets into no log by accident.
// string(s) is the text itself.
type Secret string

// hidden is what is printed instead of a secret.
const hidden = "***"

// String returns ***, or "" for no secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString returns what String does, for %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue returns what String does, for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns what String does, for JSON and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Security says how connections to the brokers are protected. The zero value is
// neither encrypted nor authenticated. Every file named in it is read again for
// each new connection, so what it holds may be replaced while the program runs.
type Security struct {
	// TLS encrypts, and may carry a client certificate.
	TLS TLS
	// SASL says who this client is.
	SASL SASL
}

// TLS configures encryption: TLS 1.2 at least, and the broker's certificate is
// always verified.
type TLS struct {
	// Enabled switches TLS on.
	Enabled bool
	// CAFile holds the certificates (PEM) of those who may have signed a broker's.
	// Default: those that the system trusts.
	CAFile string
	// CertFile and KeyFile hold this client's certificate chain and key (PEM), for
	// brokers that ask for one. Both or neither.
	CertFile, KeyFile string
	// ServerName is the name to find in every broker's certificate. Default: the
	// host that was dialled.
	ServerName string
}

// SASL configures authentication.
type SASL struct {
	// Mechanism is how; empty means not at all.
	Mechanism Mechanism
	// User is the name for Plain and SCRAM.
	User string
	// Password belongs to User. PasswordFile, a file that holds it and nothing else
	// but a line's end, stands in its place. One of the two.
	Password     Secret
	PasswordFile string
	// TokenFile holds the token of OAuthBearer. TokenCommand, a program with its
	// arguments, prints it instead: within 10 s and at most 16 KiB. The token of a
	// command is used until four fifths of its time are over, if it is a JWT that
	// says when it expires, and for one connection else. One of the two.
	TokenFile    string
	TokenCommand []string
}

// Validate reports all faults at once, with files that cannot be read among them.
func (s Security) Validate() error {
	return errors.Join(s.TLS.validate(), s.SASL.validate())
}

func (t TLS) validate() error {
	if !t.Enabled {
		if t != (TLS{}) {
			return errors.New("security: a TLS setting is given but TLS is off: enable it (--kafka-tls)")
		}
		return nil
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		return errors.New("security: a client certificate needs both its file and its key's file")
	}
	_, err := t.config("")
	return err
}

func (s SASL) validate() error {
	given := s.User != "" || s.Password != "" || s.PasswordFile != ""
	token := s.TokenFile != "" || len(s.TokenCommand) > 0
	switch {
	case s.Mechanism == "" && (given || token):
		return fmt.Errorf("security: a user, password or token is given but no SASL mechanism: name one of %v (--kafka-sasl)", mechanisms)
	case s.Mechanism == "":
		return nil
	case !slices.Contains(mechanisms, s.Mechanism):
		return fmt.Errorf("security: SASL mechanism %q: name one of %v", s.Mechanism, mechanisms)
	case s.Mechanism == OAuthBearer:
		return s.validateToken(given)
	}
	return s.validatePassword(token)
}

func (s SASL) validatePassword(token bool) error {
	var faults []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf("security: "+format, args...))
		}
	}
	need(!token, "a token is for OAUTHBEARER; %s wants user and password", s.Mechanism)
	need(s.User != "", "%s wants a user (--kafka-user)", s.Mechanism)
	need(s.Password == "" || s.PasswordFile == "", "both a password and a password file are given: leave one out")
	need(s.Password != "" || s.PasswordFile != "",
		"%s wants a password: by file (--kafka-password-file) or environment (UNWIND_KAFKA_PASSWORD)", s.Mechanism)
	if s.PasswordFile != "" {
		if _, err := s.password(); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

func (s SASL) validateToken(given bool) error {
	var faults []error
	if given {
		faults = append(faults, errors.New("security: OAUTHBEARER wants a token, not a user and password"))
	}
	if (s.TokenFile == "") == (len(s.TokenCommand) == 0) {
		faults = append(faults, errors.New("security: OAUTHBEARER wants a token: from a file (--kafka-token-file) or from a command (--kafka-token-command), one of the two"))
	}
	if s.TokenFile != "" {
		if _, err := readSecret("token", s.TokenFile); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// exposed tells why a connection to addr would show a secret to the network, if so.
func (s Security) exposed(addr string) error {
	if s.TLS.Enabled || s.SASL.Mechanism == "" || s.SASL.Mechanism.scram() || loopback(addr) {
		return nil
	}
	return fmt.Errorf("security: %s to %s without TLS would send the secret in clear to every listener on the way: enable TLS, or use SCRAM", s.SASL.Mechanism, addr)
}

// loopback tells whether a host:port is this machine's own.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// config reads the files and returns what a connection to host needs.
func (t TLS) config(host string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: cmp.Or(t.ServerName, host)}
	if t.CAFile != "" {
		pem, err := readFile("CA", t.CAFile)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("security: CA file %s holds no certificate in PEM form", t.CAFile)
		}
	}
	if t.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("security: client certificate %s with key %s: %w", t.CertFile, t.KeyFile, err)
		}
		c.Certificates = []tls.Certificate{cert}
	}
	return c, nil
}
