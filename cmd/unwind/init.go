package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/internal/project"
)

const aboutInit = `Write a small project to begin with: a definition with its test, the contracts of two
participants, and one of them as a Go program. Nothing is written over; its README.md
says how to run it against unwind dev.`

func initCommand() *cobra.Command {
	var o project.Options
	cmd := &cobra.Command{
		Use: "init [DIR]", Short: "Write a small project to begin with; needs no server", Long: aboutInit, Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			if version := buildVersion(); strings.HasPrefix(version, "v") && !strings.Contains(version, "+") {
				o.Version = version
			}
			files, err := project.Write(dir, o)
			if err != nil {
				return err
			}
			for _, name := range files {
				saidf(cmd, "wrote %s", name)
			}
			if dir != "." {
				saidf(cmd, "\ncd %s", dir)
			}
			saidf(cmd, "%-32s # leave it running\n%-32s # in another terminal; then see README.md", self()+" dev --no-stub stock", "go mod tidy && go run .")
			return nil
		},
	}
	cmd.Flags().StringVar(&o.Module, "module", "example.com/order", "the project's module path")
	cmd.Flags().StringVar(&o.Source, "source", "", "a folder with Unwind's own source to build against, instead of a published version")
	return cmd
}
