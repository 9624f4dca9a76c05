package app

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateFresh is how long the files of the certificate are not looked at
// again.
const certificateFresh = time.Second

// certificate is the REST interface's. It is read again when its files change, so
// that a renewed one needs no restart.
type certificate struct {
	cert, key string // the files
	log       *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	changed [2]time.Time // of the files that pair was read from
	looked  time.Time
}

// newCertificate reads the files. An error names them and never what is in them.
func newCertificate(cert, key string, log *slog.Logger) (*certificate, error) {
	c := &certificate{cert: cert, key: key, log: log}
	if err := c.read(); err != nil {
		return nil, fmt.Errorf("read the certificate of the REST API: %w", err)
	}
	return c, nil
}

// get implements tls.Config's GetCertificate. Files that are not a pair, as while
// they are replaced one after the other, leave the last good one in use.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) >= certificateFresh {
		if err := c.read(); err != nil {
			c.log.Warn("certificate of the REST API not read again; the last one stays in use", "error", err)
		}
	}
	return c.pair, nil
}

// read reads the files if they have changed.
func (c *certificate) read() error {
	c.looked = time.Now()
	var changed [2]time.Time
	for i, path := range []string{c.cert, c.key} {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		changed[i] = info.ModTime()
	}
	if c.pair != nil && changed == c.changed {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("%s with %s: %w", c.cert, c.key, err)
	}
	c.pair, c.changed = &pair, changed
	return nil
}
