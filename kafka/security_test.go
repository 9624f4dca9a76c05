package kafka

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
)

func TestSecurityFaults(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, []byte("\n"), 0o600))
	for want, c := range map[string]Config{
		"enable it (--kafka-tls)":                   {Security: Security{TLS: TLS{CAFile: "x"}}},
		"both its file and its key's file":          {Security: Security{TLS: TLS{Enabled: true, CertFile: "x"}}},
		"read the CA file":                          {Security: Security{TLS: TLS{Enabled: true, CAFile: "/no/such"}}},
		"holds no certificate":                      {Security: Security{TLS: TLS{Enabled: true, CAFile: empty}}},
		"no SASL mechanism":                         {Security: Security{SASL: SASL{User: "ada"}}},
		`SASL mechanism "GSSAPI"`:                   {Security: Security{SASL: SASL{Mechanism: "GSSAPI"}}},
		"wants a user":                              {Security: Security{SASL: SASL{Mechanism: ScramSHA256, Password: "p"}}},
		"wants a password":                          {Security: Security{SASL: SASL{Mechanism: ScramSHA256, User: "ada"}}},
		"both a password and":                       {Security: Security{SASL: SASL{Mechanism: ScramSHA256, User: "ada", Password: "p", PasswordFile: empty}}},
		"password file " + empty + " is empty":      {Security: Security{SASL: SASL{Mechanism: ScramSHA256, User: "ada", PasswordFile: empty}}},
		"a token is for OAUTHBEARER":                {Security: Security{SASL: SASL{Mechanism: Plain, User: "a", Password: "p", TokenFile: empty}}},
		"OAUTHBEARER wants a token, not":            {Security: Security{SASL: SASL{Mechanism: OAuthBearer, User: "ada", TokenFile: empty}}},
		"one of the two":                            {Security: Security{SASL: SASL{Mechanism: OAuthBearer}}},
		"PLAIN to kafka:9092 without TLS":           {Brokers: []string{"kafka:9092"}, Security: Security{SASL: SASL{Mechanism: Plain, User: "a", Password: "p"}}},
		"OAUTHBEARER to 192.0.2.1:9092 without TLS": {Brokers: []string{"192.0.2.1:9092"}, Security: Security{SASL: SASL{Mechanism: OAuthBearer, TokenCommand: []string{"x"}}}},
	} {
		require.ErrorContains(t, c.Validate(), want)
	}
	plain := Security{SASL: SASL{Mechanism: Plain, User: "a", Password: "p"}}
	require.NoError(t, Config{Brokers: []string{"127.0.0.1:1", "localhost:1", "[::1]:1"}, Security: plain}.Validate())
	scram := Security{SASL: SASL{Mechanism: ScramSHA512, User: "a", Password: "p"}}
	require.NoError(t, Config{Brokers: []string{"kafka:9092"}, Security: scram}.Validate())
}

// TestASecretIsNotSentInClear covers an address that a broker names, not we.
func TestASecretIsNotSentInClear(t *testing.T) {
	t.Parallel()
	config := Config{Security: Security{SASL: SASL{Mechanism: Plain, User: "a", Password: "p"}}}.withDefaults()
	_, err := dialer{config}.Dial("tcp", "192.0.2.1:9092")
	require.ErrorContains(t, err, "would send the secret in clear")
}

func TestASecretPrintsAsStars(t *testing.T) {
	t.Parallel()
	c := Config{Security: Security{SASL: SASL{Mechanism: Plain, User: "ada", Password: "hunter2"}}}
	text, err := json.Marshal(c.Security)
	require.NoError(t, err)
	for _, printed := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), c.Security.SASL.Password.String(), string(text)} {
		require.NotContains(t, printed, "hunter2")
		require.Contains(t, printed, "***")
	}
}

func TestSecurityFromEnv(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"UNWIND_KAFKA_TLS": "true", "UNWIND_KAFKA_TLS_SERVER_NAME": "broker", "UNWIND_KAFKA_SASL": "scram-sha-256",
		"UNWIND_KAFKA_USER": "ada", "UNWIND_KAFKA_PASSWORD": "p",
	}
	s, err := SecurityFromEnv(func(name string) string { return env[name] })
	require.NoError(t, err)
	require.Equal(t, Security{TLS: TLS{Enabled: true, ServerName: "broker"}, SASL: SASL{Mechanism: ScramSHA256, User: "ada", Password: "p"}}, withoutEmpty(s))
	env["UNWIND_KAFKA_TLS"], env["UNWIND_KAFKA_SASL"] = "yes", "kerberos"
	_, err = SecurityFromEnv(func(name string) string { return env[name] })
	require.ErrorContains(t, err, "write true or false")
	require.ErrorContains(t, err, "KERBEROS")
	s, err = SecurityFromEnv(func(string) string { return "" })
	require.NoError(t, err)
	require.Equal(t, Security{}, withoutEmpty(s))
}

func withoutEmpty(s Security) Security {
	if len(s.SASL.TokenCommand) == 0 {
		s.SASL.TokenCommand = nil
	}
	return s
}

// jwt is an unsigned token that expires then.
func jwt(end time.Time) string {
	return "e30." + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"exp":%d}`, end.Unix())) + "."
}

func TestTokenCommandIsAskedWhenItsTokenIsOld(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	file := filepath.Join(t.TempDir(), "token")
	tokens := &tokens{sasl: SASL{TokenCommand: []string{"cat", file}}, now: func() time.Time { return now }}
	give := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text+"\n"), 0o600)) }
	get := func() string {
		token, err := tokens.Token()
		require.NoError(t, err)
		return token.Token
	}
	first, second := jwt(now.Add(100*time.Second)), jwt(now.Add(200*time.Second))
	give(first)
	require.Equal(t, first, get())
	give(second)
	now = now.Add(79 * time.Second)
	require.Equal(t, first, get(), "four fifths are not over")
	now = now.Add(time.Second)
	require.Equal(t, second, get())

	give("opaque")
	now = now.Add(time.Hour)
	require.Equal(t, "opaque", get())
	give("another")
	require.Equal(t, "another", get(), "nobody knows how long an opaque one lasts")
}

func TestTokenCommandFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		command, want string
		limit         time.Duration
	}{
		{"exit 3", "exit status 3; run it by hand", tokenTime},
		{"exec sleep 60", "took more than 50ms", 50 * time.Millisecond},
		{"sleep 60 & echo secret", "run it by hand", tokenTime}, // a child keeps the pipe
		{"yes secret", "more than 16384 bytes", tokenTime},
		{"true", "is empty", tokenTime},
		{"echo secret; echo secret", "more than one line", tokenTime},
	} {
		_, err := runTokenCommand([]string{"sh", "-c", c.command}, c.limit)
		require.ErrorContains(t, err, c.want, c.command)
		require.NotContains(t, err.Error(), "secret\n")
	}
	token, err := runTokenCommand([]string{"sh", "-c", "head -c 16384 /dev/zero | tr '\\0' x; echo"}, tokenTime)
	require.NoError(t, err)
	require.Len(t, string(token), maxSecret)
}

func TestErrorsOfAuthenticationAreNotPermanent(t *testing.T) {
	t.Parallel()
	err := explain(fmt.Errorf("send: %w", sarama.ErrSASLAuthenticationFailed))
	require.ErrorIs(t, err, ErrAuthentication)
	require.ErrorIs(t, err, sarama.ErrSASLAuthenticationFailed)
	require.False(t, IsPermanent(err))
	require.Equal(t, refusedPause, pauseAfter(err))
	require.Equal(t, reconnectPause, pauseAfter(sarama.ErrOutOfBrokers))
	require.NoError(t, explain(nil))
}

// answers is a broker that says what the test wants.
type answers struct{ *strings.Reader }

func (answers) Write(p []byte) (int, error) { return len(p), nil }

func TestPlainMistrustsAnswers(t *testing.T) {
	t.Parallel()
	for want, answer := range map[string]string{
		"EOF":                 "",
		"none of Kafka's":     "HTTP/1.1 400 Bad Request\r\n",
		"33":                  "\x00\x00\x00\x06\x00\x00\x00\x11\x00\x21",
		"unexpected EOF":      "\x00\x00\x00\x09\x00\x00\x00\x11\x00\x21",
		"incomplete response": "\x00\x00\x00\x05\x00\x00\x00\x11\x00",
	} {
		err := plain(answers{strings.NewReader(answer)}, "test", SASL{User: "ada", Password: "hunter2"})
		require.Error(t, err)
		if want == "33" {
			require.ErrorIs(t, err, sarama.ErrUnsupportedSASLMechanism)
		} else if !errors.Is(err, sarama.ErrIncompleteResponse) {
			require.ErrorContains(t, err, want)
		}
		require.NotContains(t, err.Error(), "hunter2")
	}
}
