package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"
)

func (p *program) whoamiCommand() *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use: "whoami", Short: "Show whose key is in use and what it may do", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			who, err := c.WhoAmI(cmd.Context())
			if err != nil {
				return err
			}
			return show(cmd, r.format, who, func(w io.Writer) {
				t := table{head: []string{"NAME", "KEY", "ROLES", "NAMESPACES HERE"}}
				t.add(who.Name, who.Key, rolesText(who.Roles), strings.Join(who.Namespaces, ","))
				t.write(w)
			})
		},
	}
	r.flags(cmd)
	return cmd
}
