package kafka_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
)

// withTLS is how a broker is reached that asks for nothing but TLS.
func withTLS(b *testserver.SecureBroker) kafka.TLS {
	return kafka.TLS{Enabled: true, CAFile: b.CAFile}
}

// written writes a file of the test's own.
func written(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	rewrite(t, file, text)
	return file
}

func rewrite(t *testing.T, file, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
}

// TestEveryWayIn goes through all a client does with every way to say who it is.
func TestEveryWayIn(t *testing.T) {
	t.Parallel()
	b := testserver.SecureKafka(t)
	sasl := func(s kafka.SASL) kafka.Config {
		return kafka.Config{Brokers: []string{b.SASL}, Security: kafka.Security{TLS: withTLS(b), SASL: s}}
	}
	certified := withTLS(b)
	certified.CertFile, certified.KeyFile = b.CertFile, b.KeyFile
	token := written(t, b.Token(time.Hour)+"\n")
	for name, config := range map[string]kafka.Config{
		"plain":         sasl(kafka.SASL{Mechanism: kafka.Plain, User: b.User, Password: kafka.Secret(b.Password)}),
		"scram-sha-256": sasl(kafka.SASL{Mechanism: kafka.ScramSHA256, User: b.User, Password: kafka.Secret(b.Password)}),
		"scram-sha-512": sasl(kafka.SASL{Mechanism: kafka.ScramSHA512, User: b.User, PasswordFile: written(t, b.Password+"\n")}),
		"token file":    sasl(kafka.SASL{Mechanism: kafka.OAuthBearer, TokenFile: token}),
		"token command": sasl(kafka.SASL{Mechanism: kafka.OAuthBearer, TokenCommand: []string{"cat", token}}),
		"certificate":   {Brokers: []string{b.MTLS}, Security: kafka.Security{TLS: certified}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := cluster{config: config, topic: "secure-" + uuid.NewString()}
			c.create(t, c.topic, 1)
			produceAll(t, newProducer(t, config), kafka.Record{Topic: c.topic, Value: []byte("one")})
			r := newReader(t, c, 10)
			require.NoError(t, r.Assign(0, kafka.OffsetOldest))
			require.Equal(t, "one", string(poll(t, r, 1, 1)[0].Value))
			marks, err := r.HighWater(t.Context(), []int32{0})
			require.NoError(t, err)
			require.Equal(t, map[int32]int64{0: 1}, marks)
			require.Equal(t, "one", subscribed(t, config, c.topic))
		})
	}
}

// subscribed is the first message that a fresh group gets of a topic.
func subscribed(t *testing.T, config kafka.Config, topic string) string {
	t.Helper()
	sub, err := kafka.NewSubscriber(kafka.SubscriberConfig{Config: config, Group: topic})
	require.NoError(t, err)
	defer func() { require.NoError(t, sub.Close()) }()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	messages, err := sub.Subscribe(ctx, topic)
	require.NoError(t, err)
	var got *message.Message
	select {
	case got = <-messages:
	case <-ctx.Done():
		require.NoError(t, ctx.Err())
	}
	require.NotNil(t, got)
	got.Ack()
	return string(got.Payload)
}

// TestWaysThatStayShut says what an operator reads when something is wrong.
func TestWaysThatStayShut(t *testing.T) {
	t.Parallel()
	b := testserver.SecureKafka(t)
	scram := kafka.SASL{Mechanism: kafka.ScramSHA512, User: b.User, Password: "wrong"}
	plain := kafka.SASL{Mechanism: kafka.Plain, User: b.User, Password: "wrong"}
	good := kafka.SASL{Mechanism: kafka.ScramSHA512, User: b.User, Password: kafka.Secret(b.Password)}
	tls := withTLS(b)
	other, old, named := tls, tls, tls
	other.CAFile = b.OtherCAFile
	old.CertFile, old.KeyFile = b.OldCertFile, b.OldKeyFile
	named.ServerName = "kafka.example.com"
	expired := kafka.SASL{Mechanism: kafka.OAuthBearer, TokenFile: written(t, b.Token(-time.Minute))}
	failing := kafka.SASL{Mechanism: kafka.OAuthBearer, TokenCommand: []string{"false"}}
	for name, c := range map[string]struct {
		broker   string
		security kafka.Security
		says     string
	}{
		"wrong password, scram":  {b.SASL, kafka.Security{TLS: tls, SASL: scram}, "refuses this user, password or token"},
		"wrong password, plain":  {b.SASL, kafka.Security{TLS: tls, SASL: plain}, "refuses this user, password or token"},
		"expired token":          {b.SASL, kafka.Security{TLS: tls, SASL: expired}, "refuses this user, password or token"},
		"failing token command":  {b.SASL, kafka.Security{TLS: tls, SASL: failing}, "run it by hand"},
		"unknown authority":      {b.SASL, kafka.Security{TLS: other, SASL: good}, "nobody trusted here has signed"},
		"another host":           {b.SASL, kafka.Security{TLS: named, SASL: good}, "is another host's"},
		"expired broker":         {b.Expired, kafka.Security{TLS: tls}, "has expired"},
		"no client certificate":  {b.MTLS, kafka.Security{TLS: tls}, "does it ask for a client certificate"},
		"old client certificate": {b.MTLS, kafka.Security{TLS: old}, "or has ours expired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := kafka.Config{Brokers: []string{c.broker}, Security: c.security, RequestTimeout: 2 * time.Second}
			admin, err := kafka.NewAdmin(config)
			require.NoError(t, err)
			_, err = admin.List(t.Context())
			require.ErrorIs(t, err, kafka.ErrAuthentication)
			require.ErrorContains(t, err, c.says)
			sent := produce(t, newProducer(t, config), kafka.Record{Topic: "any", Value: []byte("v")})
			require.ErrorIs(t, sent[0].err, kafka.ErrAuthentication)
			require.ErrorContains(t, sent[0].err, c.says)
			require.False(t, kafka.IsPermanent(sent[0].err))
		})
	}
}

func TestTLSToAPortWithout(t *testing.T) {
	t.Parallel()
	b := testserver.SecureKafka(t)
	admin, err := kafka.NewAdmin(kafka.Config{Brokers: []string{b.Open}, Security: kafka.Security{TLS: withTLS(b)}})
	require.NoError(t, err)
	_, err = admin.List(t.Context())
	require.ErrorContains(t, err, "is this its TLS port?")
}

// lines is a log to look into.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestSecretsMayBeReplaced starts everything with a secret that the broker
// refuses, and replaces its file while all of it tries on.
func TestSecretsMayBeReplaced(t *testing.T) {
	t.Parallel()
	b := testserver.SecureKafka(t)
	for name, c := range map[string]struct {
		sasl      kafka.SASL
		bad, good string
	}{
		"plain": {kafka.SASL{Mechanism: kafka.Plain, User: b.User}, "old", b.Password},
		"scram": {kafka.SASL{Mechanism: kafka.ScramSHA256, User: b.User}, "old", b.Password},
		"token": {kafka.SASL{Mechanism: kafka.OAuthBearer}, b.Token(-time.Minute), b.Token(time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topic := "replaced-" + uuid.NewString()
			cluster{config: kafka.Config{Brokers: []string{b.Open}}}.create(t, topic, 1)
			file, log := written(t, c.bad), &lines{}
			if c.sasl.Mechanism == kafka.OAuthBearer {
				c.sasl.TokenFile = file
			} else {
				c.sasl.PasswordFile = file
			}
			config := kafka.Config{
				Brokers: []string{b.SASL}, Security: kafka.Security{TLS: withTLS(b), SASL: c.sasl},
				Log: slog.New(slog.NewTextHandler(log, nil)),
			}
			p := newProducer(t, config)
			r := newReader(t, cluster{config: config, topic: topic}, 1)
			require.NoError(t, r.Assign(0, kafka.OffsetOldest))
			require.ErrorIs(t, produce(t, p, kafka.Record{Topic: topic})[0].err, kafka.ErrAuthentication)
			require.Eventually(t, func() bool { return strings.Contains(log.String(), "partition cannot be read") }, patience, 10*time.Millisecond)

			rewrite(t, file, c.good)
			require.Eventually(t, func() bool {
				return produce(t, p, kafka.Record{Topic: topic, Value: []byte("now")})[0].err == nil
			}, patience, 10*time.Millisecond)
			require.Equal(t, "now", string(poll(t, r, 1, 1)[0].Value))
			require.Contains(t, log.String(), "refuses this user")
			require.NotContains(t, log.String(), c.bad)
			require.NotContains(t, log.String(), c.good)
		})
	}
}
