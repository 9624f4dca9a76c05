package main

import (
	"github.com/spf13/pflag"

	"github.com/unwindhq/unwind/internal/app"
)

// accessFlags say who may reach the REST interface of serve, and how.
type accessFlags struct {
	auth      string
	insecure  bool
	cert, key string // files
}

func (a *accessFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&a.auth, "auth", "auto", "keys: ask for API keys; none: ask nobody; auto: keys where other machines can reach --listen")
	flags.BoolVar(&a.insecure, "insecure", false, "listen where other machines can reach it, though the API asks nobody who they are")
	flags.StringVar(&a.cert, "tls-cert-file", "", "the certificate of the REST API, PEM; read again when it changes")
	flags.StringVar(&a.key, "tls-key-file", "", "its key")
	fromEnv(flags, "auth", "insecure", "tls-cert-file", "tls-key-file")
}

// fill puts what the flags say into a configuration.
func (a *accessFlags) fill(c *app.Config) (err error) {
	c.Insecure, c.TLSCertFile, c.TLSKeyFile = a.insecure, a.cert, a.key
	c.Auth, err = app.ParseAuth(a.auth)
	return err
}
