package rest

import (
	"context"

	"github.com/unwindhq/unwind/client"
)

// accessRoutes registers what concerns the caller itself.
func (s *Server) accessRoutes() {
	handle(s, "GET /v1/whoami", route{"whoami", "Whose key is this?", AnyKey, nil}, s.whoami)
}

type whoamiOutput struct{ Body client.Identity }

// whoami answers with the caller's name, roles and namespaces.
func (s *Server) whoami(ctx context.Context, _ *struct{}) (*whoamiOutput, error) {
	p := grantOf(ctx).principal
	out := &whoamiOutput{Body: client.Identity{
		Name: p.Name, Key: p.Key, Roles: map[string]string{}, Namespaces: append([]string{}, s.known(p)...),
	}}
	for namespace, role := range p.Roles {
		out.Body.Roles[namespace] = role.String()
	}
	return out, nil
}
