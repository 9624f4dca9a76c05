package access_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/access"
)

func TestRoles(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]access.Role{"viewer": access.Viewer, "operator": access.Operator, "admin": access.Admin} {
		role, err := access.ParseRole(text)
		require.NoError(t, err)
		require.Equal(t, want, role)
		require.Equal(t, text, role.String())
	}
	for _, text := range []string{"", "none", "Admin", "root"} {
		_, err := access.ParseRole(text)
		require.ErrorContains(t, err, "viewer, operator or admin")
	}
	require.Equal(t, "none", access.Role(99).String())
}

func TestThePrincipalsRole(t *testing.T) {
	t.Parallel()
	p := access.Principal{Roles: map[string]access.Role{"shop": access.Operator, access.Everywhere: access.Viewer}}
	require.Equal(t, access.Operator, p.Role("shop"))
	require.Equal(t, access.Viewer, p.Role("travel"))
	require.Equal(t, access.Operator, p.Highest())
	require.Zero(t, access.Principal{}.Highest())
	require.Zero(t, access.Principal{}.Role(access.Everywhere))
	require.Equal(t, access.Admin, access.Local().Role("shop"))
}
