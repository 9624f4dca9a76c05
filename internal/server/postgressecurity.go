package server

import (
	"fmt"
	"os"
	"path/filepath"
)

// PostgresSecurity is what a server needs that accepts nothing but TLS and
// passwords (SCRAM-SHA-256).
type PostgresSecurity struct {
	// Cert and Key are the server's certificate chain and key, in PEM form.
	Cert, Key []byte
	// Password is that of the user postgres.
	Password string
}

// hostssl lets connections from this machine in, with TLS and a password.
const hostssl = "hostssl all postgres 127.0.0.1/32 scram-sha-256\n"

// entry returns initdb's arguments about who may come in.
func (p *Postgres) entry() ([]string, error) {
	if p.cfg.Security == nil {
		return []string{"-A", "trust"}, nil
	}
	file := filepath.Join(filepath.Dir(p.data), "password")
	if err := p.put(file, p.cfg.Security.Password+"\n"); err != nil {
		return nil, err
	}
	return []string{"-A", "scram-sha-256", "--pwfile", file}, nil
}

// secure puts what TLS needs into a new data folder.
func (p *Postgres) secure(data string) error {
	if p.cfg.Security == nil {
		return nil
	}
	for name, text := range map[string]string{
		"server.crt": string(p.cfg.Security.Cert), "server.key": string(p.cfg.Security.Key), "pg_hba.conf": hostssl,
	} {
		if err := p.put(filepath.Join(data, name), text); err != nil {
			return err
		}
	}
	return nil
}

// put writes a file that the server's user alone can read.
func (p *Postgres) put(file, text string) error {
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(file), err)
	}
	return p.user.give(file)
}
