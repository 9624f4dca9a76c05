package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/internal/access"
)

func (p *program) apikeyCommand() *cobra.Command {
	var s stores
	cmd := group("apikey", "Look after the keys of the REST API",
		apikeyCreateCommand(&s), apikeyListCommand(&s), apikeyRevokeCommand(&s))
	cmd.Long = "Look after the keys of the REST API.\n" +
		"These commands open the database, so that the first key needs no key: whoever can write there is an admin anyway."
	s.postgres(cmd.PersistentFlags())
	return cmd
}

// withKeys opens the keys for one command.
func (s *stores) withKeys(ctx context.Context, run func(*access.Keys) error) error {
	if err := s.need(false); err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, s.database)
	if err != nil {
		return usageError{err}
	}
	defer pool.Close()
	return run(access.NewKeys(pool, s.schema))
}

func apikeyCreateCommand(s *stores) *cobra.Command {
	var name, expires string
	var roles, namespaces, groups []string
	cmd := &cobra.Command{
		Use: "create", Short: "Create a key and print it, once", Args: cobra.NoArgs,
		Long: "Create a key and print it alone on standard output. It is kept as a hash only and cannot be shown again.\n" +
			"Roles: viewer reads, payloads included; operator also starts sagas and looks after them; admin also applies definitions.",
		Example: "  unwind apikey create --name ci --role operator --namespace shop --expires 90d > ci.key\n" +
			"  unwind apikey create --name anna --role admin --namespace '*'\n" +
			"  unwind apikey create --name board --role shop=viewer --role travel=operator",
		RunE: func(cmd *cobra.Command, _ []string) error {
			request, err := keyRequest(access.Request{Name: name, Groups: groups}, expires, roles, namespaces)
			if err != nil {
				return usageError{err}
			}
			return s.withKeys(cmd.Context(), func(keys *access.Keys) error {
				key, err := keys.Create(cmd.Context(), request)
				if err == nil {
					saidf(cmd, "%s", key)
				}
				return err
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "whose key it is; stands in the history of sagas as operator:NAME")
	flags.StringSliceVar(&roles, "role", nil, "viewer, operator or admin, in each --namespace; or NAMESPACE=ROLE")
	flags.StringSliceVar(&namespaces, "namespace", []string{"default"}, "the namespaces; * is all")
	flags.StringSliceVar(&groups, "group", nil, "the groups that its holder belongs to: approvals name those that may decide")
	flags.StringVar(&expires, "expires", "", "how long it is valid, such as 90d or 12h; default for ever")
	return cmd
}

// keyRequest reads the flags of apikey create into r.
func keyRequest(r access.Request, expires string, roles, namespaces []string) (access.Request, error) {
	r.Roles = map[string]access.Role{}
	for _, text := range roles {
		in := namespaces
		if namespace, role, ok := strings.Cut(text, "="); ok {
			in, text = []string{namespace}, role
		}
		role, err := access.ParseRole(text)
		if err != nil {
			return r, fmt.Errorf("--role: %w", err)
		}
		for _, namespace := range in {
			r.Roles[namespace] = max(r.Roles[namespace], role)
		}
	}
	var err error
	if r.Life, err = parseLife(expires); err != nil {
		return r, err
	}
	return r, r.Validate()
}

// parseLife reads a duration that may be in days; none is for ever.
func parseLife(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	life, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		life = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || life <= 0 {
		return 0, fmt.Errorf("--expires %q: write it like 90d or 12h", text)
	}
	return life, nil
}

// keyView is a key as the list shows it.
type keyView struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	State     string            `json:"state"` // valid, revoked or expired
	Roles     map[string]string `json:"roles"`
	Groups    []string          `json:"groups,omitempty"`
	CreatedAt time.Time         `json:"createdAt"`
	CreatedBy string            `json:"createdBy"`
	ExpiresAt *time.Time        `json:"expiresAt,omitempty"`
	RevokedAt *time.Time        `json:"revokedAt,omitempty"`
	UsedAt    *time.Time        `json:"usedAt,omitempty"`
}

func viewOf(k access.Key, now time.Time) keyView {
	v := keyView{
		ID: k.ID, Name: k.Name, State: "valid", Roles: map[string]string{}, Groups: k.Groups,
		CreatedAt: k.CreatedAt, CreatedBy: k.CreatedBy, ExpiresAt: k.ExpiresAt, RevokedAt: k.RevokedAt, UsedAt: k.UsedAt,
	}
	switch {
	case k.RevokedAt != nil:
		v.State = "revoked"
	case k.ExpiresAt != nil && !k.ExpiresAt.After(now):
		v.State = "expired"
	}
	for namespace, role := range k.Roles {
		v.Roles[namespace] = role.String()
	}
	return v
}

func apikeyListCommand(s *stores) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use: "list", Short: "List the keys, also those that have ended", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.withKeys(cmd.Context(), func(keys *access.Keys) error {
				list, err := keys.List(cmd.Context())
				if err != nil {
					return err
				}
				views := []keyView{}
				for _, key := range list {
					views = append(views, viewOf(key, time.Now()))
				}
				return show(cmd, format, views, func(w io.Writer) { writeKeys(w, views) })
			})
		},
	}
	formatFlag(cmd, &format)
	return cmd
}

func writeKeys(w io.Writer, views []keyView) {
	t := table{head: []string{"ID", "NAME", "STATE", "ROLES", "GROUPS", "CREATED", "EXPIRES", "LAST USED"}}
	for _, v := range views {
		t.add(v.ID, v.Name, v.State, rolesText(v.Roles), strings.Join(v.Groups, ","), stamp(&v.CreatedAt), stamp(v.ExpiresAt), stamp(v.UsedAt))
	}
	t.write(w)
}

// rolesText is namespace=role, sorted.
func rolesText(roles map[string]string) string {
	var pairs []string
	for _, namespace := range slices.Sorted(maps.Keys(roles)) {
		pairs = append(pairs, namespace+"="+roles[namespace])
	}
	return strings.Join(pairs, ",")
}

func apikeyRevokeCommand(s *stores) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "End a key; coordinators refuse it within five seconds", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.withKeys(cmd.Context(), func(keys *access.Keys) error {
				if err := keys.Revoke(cmd.Context(), args[0]); err != nil {
					return err
				}
				saidf(cmd, "key %s is revoked", args[0])
				return nil
			})
		},
	}
}
