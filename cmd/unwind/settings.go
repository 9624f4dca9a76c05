package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/unwindhq/unwind/internal/config"
)

// fromEnv makes flags settings: the environment and the configuration file may
// give them, too. database-url is UNWIND_DATABASE_URL.
func fromEnv(flags *pflag.FlagSet, names ...string) { config.Env(flags, names...) }

// secret makes flags settings that are never written on a command line or into
// the configuration file: api-key comes from UNWIND_API_KEY or from the file
// that --api-key-file names.
func secret(flags *pflag.FlagSet, names ...string) { config.Secret(flags, names...) }

// password makes flags settings that are treated as secrets if there is a
// password in them; the file that --database-url-file names may hold it.
func password(flags *pflag.FlagSet, names ...string) { config.Password(flags, names...) }

// settings gives the flags that were not given their values.
func (p *program) settings(cmd *cobra.Command) error {
	sources, err := config.Load(cmd.Flags(), config.Environment(p.getenv))
	p.sources = sources
	if err != nil {
		return usageError{err}
	}
	return nil
}

// schema is every setting of the program; what serve says of one counts.
func schema(root *cobra.Command) []config.Setting {
	var uses []config.Use
	walk(root, func(cmd *cobra.Command) {
		use := config.Use{Command: strings.TrimPrefix(cmd.CommandPath(), root.Name()+" "), Flags: cmd.LocalFlags()}
		if use.Command == "serve" {
			uses = append([]config.Use{use}, uses...)
			return
		}
		uses = append(uses, use)
	})
	return config.Schema(uses)
}

// walk visits a command and all below it.
func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, sub := range cmd.Commands() {
		walk(sub, visit)
	}
}
