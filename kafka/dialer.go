package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/IBM/sarama"

	"github.com/unwindhq/unwind/internal/rawconn"
)

// keepAlive is how often an idle connection is probed.
const keepAlive = 30 * time.Second

// dialer makes connections in sarama's stead: TLS and PLAIN are done here,
// because sarama would read certificates and password once for all connections.
type dialer struct{ config Config }

// Dial connects, encrypts and, for PLAIN, authenticates, all within DialTimeout
// and RequestTimeout.
func (d dialer) Dial(network, addr string) (net.Conn, error) {
	if err := d.config.Security.exposed(addr); err != nil {
		return nil, err // a broker may have named an address that we were not given
	}
	raw, err := (&net.Dialer{Timeout: d.config.DialTimeout, KeepAlive: keepAlive}).Dial(network, addr)
	if err != nil {
		return nil, err
	}
	conn, err := d.protect(rawconn.Wrap(raw), addr)
	if err != nil {
		_ = raw.Close()
		return nil, explain(fmt.Errorf("connect to broker %s: %w", addr, err))
	}
	return conn, nil
}

// protect returns conn, encrypted and authenticated as far as it is done here.
func (d dialer) protect(conn net.Conn, addr string) (net.Conn, error) {
	if err := conn.SetDeadline(time.Now().Add(d.config.RequestTimeout)); err != nil {
		return nil, err
	}
	if d.config.Security.TLS.Enabled {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		config, err := d.config.Security.TLS.config(host)
		if err != nil {
			return nil, err
		}
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(context.Background()); errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("it hangs up when TLS begins: is this its TLS port? %w", err)
		} else if err != nil {
			return nil, err
		}
		conn = secure
	}
	if sasl := d.config.Security.SASL; sasl.Mechanism == Plain {
		if err := plain(conn, d.config.ClientID, sasl); err != nil {
			return nil, err
		}
	}
	return conn, conn.SetDeadline(time.Time{})
}

// setSecurity sets how connections are made and, for the mechanisms that may have
// to repeat themselves within a connection, how sarama authenticates.
func (c Config) setSecurity(s *sarama.Config) {
	s.Net.Proxy.Enable = true // its word for a dialer of one's own
	s.Net.Proxy.Dialer = dialer{c}
	sasl := c.Security.SASL
	switch {
	case sasl.Mechanism.scram():
		s.Net.SASL.User = sasl.User
		s.Net.SASL.Password = hidden // must not be empty; see scramClient.Begin
		s.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &scramClient{sasl: sasl} }
	case sasl.Mechanism == OAuthBearer:
		s.Net.SASL.TokenProvider = &tokens{sasl: sasl, now: time.Now}
	default:
		return
	}
	s.Net.SASL.Enable = true
	s.Net.SASL.Mechanism = sarama.SASLMechanism(sasl.Mechanism)
}

// explain says in words what an error of TLS or SASL means and what to do, and
// makes it ErrAuthentication.
func explain(err error) error {
	if err == nil || errors.Is(err, ErrAuthentication) {
		return err
	}
	if meaning := meaningOf(err); meaning != "" {
		return fmt.Errorf("%w: %s: %w", ErrAuthentication, meaning, err)
	}
	return err
}
