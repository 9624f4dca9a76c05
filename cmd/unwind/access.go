package main

import (
	"errors"

	"github.com/spf13/pflag"

	"github.com/unwindhq/unwind/internal/app"
)

// accessFlags say who may reach the REST interface of serve, and how.
type accessFlags struct {
	auth      string
	insecure  bool
	cert, key string // files
	alone     int    // sagas of a batch that needs no second person
}

func (a *accessFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&a.auth, "auth", "auto", "keys: ask for API keys; none: ask nobody; auto: keys where other machines can reach --listen")
	flags.BoolVar(&a.insecure, "insecure", false, "listen where other machines can reach it, though the API asks nobody who they are")
	flags.StringVar(&a.cert, "tls-cert-file", "", "the certificate of the REST API, PEM; read again when it changes")
	flags.StringVar(&a.key, "tls-key-file", "", "its key")
	flags.IntVar(&a.alone, "batch-approval-above", 1000, "a batch of more sagas than that runs only when a second person has approved it; 0: none has to. Only where keys are asked for")
	fromEnv(flags, "auth", "insecure", "tls-cert-file", "tls-key-file", "batch-approval-above")
}

// fill puts what the flags say into a configuration.
func (a *accessFlags) fill(c *app.Config) (err error) {
	c.Insecure, c.TLSCertFile, c.TLSKeyFile, c.ApproveAbove = a.insecure, a.cert, a.key, a.alone
	if a.alone < 0 {
		return errors.New("batch-approval-above: write 0 or more")
	}
	c.Auth, err = app.ParseAuth(a.auth)
	return err
}
