package main

import (
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/internal/config"
	"github.com/unwindhq/unwind/internal/contexts"
)

// program is what the commands work with; tests give it other ends.
type program struct {
	out, errs io.Writer
	in        io.Reader
	getenv    func(string) string
	began     bool // a command was understood and began

	environ   func() []string        // nil: no variable is a stranger
	configDir func() (string, error) // the person's; nil: none
	sources   config.Sources         // of the command that began
	checks    map[*cobra.Command]func() error
	contexts  contexts.Contexts
	chosen    string // the context in use, or ""
}

const about = `Unwind runs sagas: steps over Kafka and Postgres, undone in reverse when one is refused.

Every flag that names an environment variable can be given by it instead, or by the YAML file of
--config, whose keys are the flags' names. The flag wins over the environment, that over the file.
Exit codes: 0 all went well, 1 something was refused or failed, 2 called wrongly, 3 a saga needs a person.`

func (p *program) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use: "unwind", Short: "Sagas over Kafka and Postgres", Long: about,
		SilenceErrors: true, SilenceUsage: true, Args: cobra.ArbitraryArgs, RunE: helpOnly,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			err := p.settings(cmd)
			if p.began = err == nil; err != nil {
				return err
			}
			return p.confirm(cmd)
		},
	}
	root.SetOut(p.out)
	root.SetErr(p.errs)
	root.SetIn(p.in)
	root.PersistentFlags().String(configFlag, "", "a YAML file of settings ("+configVariable+")")
	root.AddCommand(
		p.serveCommand(), readyCommand(), p.migrateCommand(), p.topicsCommand(), p.sagaCommand(), p.dlqCommand(), p.defCommand(), p.breakerCommand(), p.holdCommand(), p.releaseCommand(), p.quotaCommand(), p.batchCommand(), p.scheduleCommand(), p.participantCommand(), p.versionCommand(),
		p.apikeyCommand(), p.whoamiCommand(),
		demoCommand(),
		devCommand(), initCommand(),
		p.configCommand(), p.contextCommand(),
		benchCommand(),
	)
	root.SetFlagErrorFunc(flagError)
	explainArguments(root)
	return root
}

// group is a command that only has others below it.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ArbitraryArgs, RunE: helpOnly,
	}
	cmd.AddCommand(commands...)
	return cmd
}

// helpOnly is what a command does that only has others below it.
func helpOnly(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("there is no command %s %s%s", cmd.CommandPath(), args[0], meant(args[0], below(cmd)))
	}
	return cmd.Help()
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) { cmd.Println(buildVersion()) },
	}
}

// buildVersion is what the Go tool knows of this binary.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "devel"
	}
	return info.Main.Version
}
