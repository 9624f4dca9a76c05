package client

import (
	"context"
	"net/http"
)

// Identity is whose key the client shows.
type Identity struct {
	Name       string            `json:"name" doc:"the key's name; local where no key is asked for"`                  // Name is the key's name; "local" where no key is asked for.
	Key        string            `json:"key,omitempty" doc:"the key's id, which is no secret"`                        // Key is the key's id, which is no secret; empty where no key is asked for.
	Roles      map[string]string `json:"roles" doc:"viewer, operator or admin by namespace; * stands for all"`        // Roles are by namespace; "*" stands for all.
	Namespaces []string          `json:"namespaces" doc:"the namespaces that are served here and that the key knows"` // Namespaces are those that the server serves and the key knows.
}

// WhoAmI returns whose key the client shows.
func (c *Client) WhoAmI(ctx context.Context) (who Identity, err error) {
	_, err = c.call(ctx, request{method: http.MethodGet, path: "/v1/whoami"}, &who)
	return who, err
}
