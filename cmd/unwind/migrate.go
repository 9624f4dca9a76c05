package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/migrations"
)

// coordinatorSets are the migration sets of a coordinator's schema.
func coordinatorSets() []migrations.Set {
	return []migrations.Set{migrations.Outbox, migrations.Coordinator}
}

func (p *program) migrateCommand() *cobra.Command {
	var s stores
	up := &cobra.Command{
		Use: "up", Short: "Bring the schema up to date", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.need(false); err != nil {
				return err
			}
			if err := migrations.Up(cmd.Context(), s.database, s.schema, coordinatorSets()...); err != nil {
				return err
			}
			saidf(cmd, "schema %s is up to date", s.schema)
			return nil
		},
	}
	var format string
	status := &cobra.Command{
		Use: "status", Short: "Show which migrations were applied; exit code 1 if one is pending", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.need(false); err != nil {
				return err
			}
			applied, err := migrations.Status(cmd.Context(), s.database, s.schema, coordinatorSets()...)
			if err != nil {
				return err
			}
			return showMigrations(cmd, format, applied)
		},
	}
	formatFlag(status, &format)
	cmd := group("migrate", "Look after the database schema", up, status)
	s.postgres(cmd.PersistentFlags())
	return cmd
}

func showMigrations(cmd *cobra.Command, format string, applied []migrations.Applied) error {
	t := table{head: []string{"SET", "VERSION", "NAME", "APPLIED"}}
	pending := false
	for _, m := range applied {
		at := m.At.UTC().Format(time.RFC3339)
		if m.Pending() {
			at, pending = "pending", true
		}
		t.add(string(m.Set), m.Version, m.Name, at)
	}
	if err := show(cmd, format, applied, t.write); err != nil {
		return err
	}
	if pending {
		return silentError{}
	}
	return nil
}
