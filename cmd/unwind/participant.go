package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/saga/definition"
)

func (p *program) participantCommand() *cobra.Command {
	var r remote
	list, show, apply := participantListCommand(&r), participantShowCommand(&r), participantApplyCommand(&r)
	for _, cmd := range []*cobra.Command{list, show, apply} {
		r.flags(cmd)
	}
	return group("participant", "Look after what participants offer: their contracts", list, show, apply, participantSendCommand(), participantCheckCommand())
}

func participantListCommand(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List participants with their latest contracts", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			all := []client.Contract{}
			for after := ""; ; {
				page, err := c.Participants(cmd.Context(), after)
				if err != nil {
					return err
				}
				all = append(all, page.Contracts...)
				if after = page.Next; after == "" {
					break
				}
			}
			t := table{head: []string{"PARTICIPANT", "CONTRACT", "OWNER", "COMMANDS", "APPLIED", "BY"}}
			for _, one := range all {
				var names []string
				for _, command := range one.Commands {
					names = append(names, command.Name)
				}
				t.add(one.Participant, one.Version, one.Owner, strings.Join(names, " "), stamp(&one.AppliedAt), one.AppliedBy)
			}
			return show(cmd, r.format, all, t.write)
		},
	}
}

func participantShowCommand(r *remote) *cobra.Command {
	var version string
	cmd := &cobra.Command{
		Use: "show NAME", Short: "Show a participant's commands with their schemas, and who uses them", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			found, err := c.Participant(cmd.Context(), args[0], version)
			if err != nil {
				return err
			}
			return show(cmd, r.format, found, func(w io.Writer) { writeContract(w, found) })
		},
	}
	cmd.Flags().StringVar(&version, "version", "", "the version, such as c3; default the latest")
	return cmd
}

func writeContract(w io.Writer, c client.Contract) {
	_, _ = fmt.Fprintf(w, "%s %s  owner %s, applied %s by %s\n", c.Participant, c.Version, c.Owner, stamp(&c.AppliedAt), c.AppliedBy)
	if !c.Sticky {
		_, _ = fmt.Fprintln(w, "a refusal may become a yes: rejected steps are undone, too")
	}
	for _, command := range c.Commands {
		undo := ""
		if command.Compensation != "" {
			undo = "  undone by " + command.Compensation
		}
		_, _ = fmt.Fprintf(w, "%s/%s%s\n", c.Participant, command.Name, undo)
		writeSchema(w, "input", command.Input)
		writeSchema(w, "result", command.Result)
	}
	users := table{head: []string{"USED BY", "VERSION", "RUNNING", "COMMANDS"}}
	for _, u := range c.Users {
		version := u.Version
		if u.Latest {
			version += " (latest)"
		}
		users.add(u.Definition, version, u.Running, strings.Join(u.Commands, " "))
	}
	users.write(w)
	versions := table{head: []string{"CONTRACT", "APPLIED", "BY", "FORCED", "REASON"}}
	for _, v := range c.Versions {
		forced := ""
		if v.Forced {
			forced = "yes"
		}
		versions.add(v.Version, stamp(&v.AppliedAt), v.AppliedBy, forced, v.Reason)
	}
	versions.write(w)
}

func writeSchema(w io.Writer, what string, schema json.RawMessage) {
	if len(schema) == 0 {
		return
	}
	var pretty bytes.Buffer
	_ = json.Indent(&pretty, schema, "    ", "  ") // the server sent JSON
	_, _ = fmt.Fprintf(w, "  %s\n    %s\n", what, pretty.Bytes())
}

func participantApplyCommand(r *remote) *cobra.Command {
	var force bool
	var reason string
	cmd := &cobra.Command{
		Use: "apply FILE…", Short: "Store participants' contracts; one that breaks who uses it is refused", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			applied := []client.AppliedContract{}
			for _, path := range args {
				one, err := applyContract(cmd, r, path, force, reason)
				if err != nil {
					return err
				}
				applied = append(applied, one)
			}
			return show(cmd, r.format, applied, func(w io.Writer) {
				for _, a := range applied {
					news := "unchanged"
					if a.Created {
						news = "new"
					}
					_, _ = fmt.Fprintf(w, "%s %s (%s)\n", a.Participant, a.Version, news)
					for _, f := range a.Broken {
						_, _ = fmt.Fprintf(w, "  broken: %s\n", f)
					}
				}
			})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "apply it though it breaks who uses it; takes the role admin and --reason")
	cmd.Flags().StringVar(&reason, "reason", "", "why; kept with the contract")
	return destructive(cmd)
}

// applyContract checks a contract here, which knows its lines, and sends it.
func applyContract(cmd *cobra.Command, r *remote, path string, force bool, reason string) (client.AppliedContract, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return client.AppliedContract{}, err
	}
	if _, err := definition.LoadContract(path, data); err != nil {
		saidf(cmd, "%s", err)
		return client.AppliedContract{}, silentError{}
	}
	c, err := r.client()
	if err != nil {
		return client.AppliedContract{}, err
	}
	applied, err := c.ApplyContract(cmd.Context(), path, data, force, reason)
	if client.CodeOf(err) == client.BreaksUsers && !force {
		err = fmt.Errorf("apply %s: %w\nchange who uses it first; an admin may apply it with --force --reason", path, err)
	}
	return applied, err
}
