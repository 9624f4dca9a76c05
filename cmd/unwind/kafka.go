package main

import (
	"strings"

	"github.com/spf13/pflag"

	"github.com/unwindhq/unwind/kafka"
)

// brokerFlags say how connections to Kafka are protected.
type brokerFlags struct {
	tls       kafka.TLS
	sasl      kafka.SASL
	mechanism string
	password  string
	command   string
	flags     *pflag.FlagSet
}

func (b *brokerFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&b.tls.Enabled, "kafka-tls", false, "encrypt connections to Kafka")
	flags.StringVar(&b.tls.CAFile, "kafka-tls-ca-file", "", "who may have signed the brokers' certificates; default: whom the system trusts")
	flags.StringVar(&b.tls.CertFile, "kafka-tls-cert-file", "", "this client's certificate, for brokers that want one")
	flags.StringVar(&b.tls.KeyFile, "kafka-tls-key-file", "", "its key")
	flags.StringVar(&b.tls.ServerName, "kafka-tls-server-name", "", "the name in the brokers' certificates; default: the host dialled")
	flags.StringVar(&b.mechanism, "kafka-sasl", "", "plain, scram-sha-256, scram-sha-512 or oauthbearer")
	flags.StringVar(&b.sasl.User, "kafka-user", "", "the user of plain and scram")
	flags.StringVar(&b.password, "kafka-password", "", "its password")
	flags.StringVar(&b.sasl.TokenFile, "kafka-token-file", "", "the file with the token of oauthbearer")
	flags.StringVar(&b.command, "kafka-token-command", "", "the program, with its arguments, that prints the token of oauthbearer")
	fromEnv(flags, "kafka-tls", "kafka-tls-ca-file", "kafka-tls-cert-file", "kafka-tls-key-file", "kafka-tls-server-name",
		"kafka-sasl", "kafka-user", "kafka-token-file", "kafka-token-command")
	secret(flags, "kafka-password")
	b.flags = flags
}

// fileOf is the file that a secret comes from, if it comes from one. What may be
// replaced while the program runs is read from there again.
func fileOf(flags *pflag.FlagSet, secret string) string {
	return flags.Lookup(secret + "-file").Value.String()
}

// security is what the flags and the environment say together.
func (b *brokerFlags) security() kafka.Security {
	s := kafka.Security{TLS: b.tls, SASL: b.sasl}
	s.SASL.Mechanism = kafka.MechanismOf(b.mechanism)
	s.SASL.TokenCommand = strings.Fields(b.command)
	if s.SASL.PasswordFile = fileOf(b.flags, "kafka-password"); s.SASL.PasswordFile == "" {
		s.SASL.Password = kafka.Secret(b.password)
	}
	return s
}
