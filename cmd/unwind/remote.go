package main

import (
	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/client"
)

// remote is what the commands share that speak REST.
type remote struct {
	url, key, namespace, format string
}

// flags hangs the flags of a server into a command and all below it.
func (r *remote) flags(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&r.url, "url", "http://127.0.0.1:8080", "the server's address")
	flags.StringVar(&r.key, "api-key", "", "the key to show the server")
	flags.StringVar(&r.namespace, "namespace", "", "the namespace; default is default, or the only one that the key knows")
	flags.StringVarP(&r.format, "output", "o", "table", "table or json")
	fromEnv(flags, "url", "namespace")
	secret(flags, "api-key")
	targetFlags(flags)
}

func (r *remote) client() (*client.Client, error) {
	c, err := client.New(client.Config{URL: r.url, APIKey: r.key, Namespace: r.namespace})
	if err != nil {
		return nil, usageError{err}
	}
	return c, nil
}
