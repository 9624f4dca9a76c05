package main

import (
	"errors"
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

// configFlag names the configuration file; it is no setting itself.
const configFlag = "config"

// configVariable is that of configFlag.
const configVariable = "UNWIND_CONFIG"

// settings gives the flags of a command that were not given their values.
func (p *program) settings(cmd *cobra.Command) error {
	if !config.Any(cmd.Flags()) {
		return nil // such as version, whatever the file says
	}
	sources, _, err := p.load(cmd)
	p.sources = sources
	if err != nil {
		return usageError{err}
	}
	return nil
}

// load gives the flags of a command their values and returns where each comes
// from, and the file. It does what it can even when something is wrong.
func (p *program) load(cmd *cobra.Command) (config.Sources, *config.File, error) {
	file, unreadable := p.file(cmd)
	layers, unknown := p.withContext(cmd, []config.Layer{config.Environment(p.getenv), file})
	sources, err := config.Load(cmd.Flags(), layers...)
	return sources, file, errors.Join(unreadable, unknown, file.Unknown(schema(cmd.Root())), err)
}

// file reads the configuration file, if one is named.
func (p *program) file(cmd *cobra.Command) (*config.File, error) {
	path := p.getenv(configVariable)
	if flag := cmd.Flag(configFlag); flag != nil && flag.Changed {
		path = flag.Value.String()
	}
	if path == "" {
		return &config.File{}, nil
	}
	return config.Read(path)
}

// strangers are the variables that nothing reads, though they look like ours.
func (p *program) strangers(root *cobra.Command) []*config.Fault {
	if p.environ == nil {
		return nil
	}
	return config.Strangers(p.environ(), schema(root), configVariable, contextVariable, contextsVariable)
}

// checked says how the settings of a command are checked as a whole, after each
// of them was read.
func (p *program) checked(cmd *cobra.Command, check func() error) {
	if p.checks == nil {
		p.checks = map[*cobra.Command]func() error{}
	}
	p.checks[cmd] = check
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
