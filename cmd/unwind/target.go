package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/unwindhq/unwind/internal/config"
	"github.com/unwindhq/unwind/internal/contexts"
)

const (
	contextFlag      = "context"
	contextVariable  = "UNWIND_CONTEXT"
	contextsVariable = "UNWIND_CONTEXTS"
	confirmFlag      = "confirm"
)

// targetFlags choose the context for one call.
func targetFlags(flags *pflag.FlagSet) {
	flags.String(contextFlag, "", "the context to act on; see unwind context ("+contextVariable+")")
	flags.String(confirmFlag, "", "the name of a protected context, instead of being asked for it")
}

// destructive marks a command that a protected context asks its name for.
func destructive(cmd *cobra.Command) *cobra.Command {
	if cmd.Annotations == nil {
		cmd.Annotations = map[string]string{}
	}
	cmd.Annotations[destructiveKey] = "yes"
	return cmd
}

const destructiveKey = "unwind-destructive"

// contextsPath is where the contexts are, or "" if there is no such place.
func (p *program) contextsPath() string {
	if path := p.getenv(contextsVariable); path != "" {
		return path
	}
	if p.configDir == nil {
		return ""
	}
	dir, err := p.configDir()
	if err != nil {
		return "" // a process without a home has no contexts
	}
	return filepath.Join(dir, "unwind", "contexts.yaml")
}

// contextLayer gives the settings of a context.
type contextLayer struct {
	name string
	contexts.Context
}

// Value implements config.Layer.
func (c contextLayer) Value(name string) (config.Value, bool) {
	text := map[string]string{"url": c.URL, "api-key-file": c.APIKeyFile, "namespace": c.Namespace}[name]
	return config.Value{Text: text, Source: config.Source("context " + c.name)}, text != ""
}

// withContext puts the context among the layers. One that a flag names comes
// before all others, one that the environment names behind the environment, and
// the current one behind all. It counts as a whole: where a layer before it says
// which server, no key of the context goes there.
func (p *program) withContext(cmd *cobra.Command, layers []config.Layer) ([]config.Layer, error) {
	flag := cmd.Flag(contextFlag)
	if flag == nil || p.contextsPath() == "" && !flag.Changed {
		return layers, nil
	}
	all, err := contexts.Read(p.contextsPath())
	if err != nil {
		return layers, err
	}
	p.contexts = all
	name, rank := all.Current, len(layers)
	if env := p.getenv(contextVariable); env != "" {
		name, rank = env, 1
	}
	url := cmd.Flag("url")
	if flag.Changed {
		if name, rank = flag.Value.String(), 0; url != nil && url.Changed {
			return layers, usagef("--context and --url name two servers: give one of the two")
		}
	}
	if name == "" || url != nil && url.Changed || slices.ContainsFunc(layers[:rank], namesServer) {
		return layers, nil
	}
	chosen, err := all.Get(name)
	if err != nil {
		return layers, err
	}
	p.chosen = name
	return slices.Insert(layers, rank, config.Layer(contextLayer{name, chosen})), nil
}

func namesServer(layer config.Layer) bool {
	_, found := layer.Value("url")
	return found
}

// errNotConfirmed says that nothing was done.
var errNotConfirmed = errors.New("not confirmed: nothing was done")

// confirm asks, before a destructive command runs against a protected context,
// for its name.
func (p *program) confirm(cmd *cobra.Command) error {
	url := cmd.Flag("url")
	if cmd.Annotations[destructiveKey] == "" || url == nil {
		return nil
	}
	name := p.chosen
	if name == "" {
		name = p.contexts.Protecting(url.Value.String())
	}
	if name == "" {
		return nil
	}
	_, _ = fmt.Fprintf(p.errs, "%s acts on %s, %s\n", cmd.CommandPath(), name, url.Value)
	if !p.contexts.All[name].Protected {
		return nil
	}
	answer := cmd.Flag(confirmFlag).Value.String()
	if !cmd.Flag(confirmFlag).Changed {
		answer = p.ask(name)
	}
	if answer != name {
		return errNotConfirmed
	}
	return nil
}

// ask reads the name of a protected context from the terminal.
func (p *program) ask(name string) string {
	if file, ok := p.in.(*os.File); ok {
		if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
			_, _ = fmt.Fprintf(p.errs, "%s is protected, and nobody can be asked: add --%s %s\n", name, confirmFlag, name)
			return ""
		}
	}
	_, _ = fmt.Fprintf(p.errs, "%s is protected: type its name to go on: ", name)
	line, _ := bufio.NewReader(p.in).ReadString('\n') // nothing is not the name
	return strings.TrimSpace(line)
}
