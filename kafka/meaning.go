package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"github.com/IBM/sarama"
)

// meaningOf is what an error of TLS or SASL means, "" for any other.
func meaningOf(err error) string {
	switch {
	case errors.Is(err, sarama.ErrSASLAuthenticationFailed):
		return "the broker refuses this user, password or token; each new connection reads its file again"
	case errors.Is(err, sarama.ErrUnsupportedSASLMechanism):
		return "this listener of the broker does not know the SASL mechanism: use another, or another port"
	case errors.Is(err, sarama.ErrIllegalSASLState):
		return "this listener of the broker wants something else than this SASL mechanism: is it another port's?"
	}
	if text := certificateFault(err); text != "" {
		return text
	}
	return tlsFault(err)
}

// certificateFault is why the broker's certificate is refused here.
func certificateFault(err error) string {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority):
		return "nobody trusted here has signed the broker's certificate: name the CA's file (--kafka-tls-ca-file)"
	case errors.As(err, &host):
		return "the broker's certificate is another host's: dial the name in it, or give that name (ServerName)"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the broker's certificate has expired or is not valid yet: renew it, or set this machine's clock"
	case errors.As(err, &invalid):
		return "the broker's certificate is not valid"
	}
	return ""
}

// tlsFault is why TLS itself failed: the broker refuses us, or speaks no TLS.
func tlsFault(err error) string {
	var header tls.RecordHeaderError
	var op *net.OpError
	switch {
	case errors.As(err, &header):
		return "the broker speaks no TLS on this port: use its TLS port, or switch TLS off"
	case errors.As(err, &op) && op.Op == "remote error":
		return "the broker refuses TLS with us; does it ask for a client certificate (--kafka-tls-cert-file), or has ours expired?"
	case strings.Contains(err.Error(), "remote error: tls:"):
		return "the broker refuses TLS with us; does it ask for a client certificate (--kafka-tls-cert-file), or has ours expired?"
	}
	return ""
}
