package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/access"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// Authenticator knows whose key a request shows. *access.Verifier implements it.
type Authenticator interface {
	// Authenticate returns the principal of a key. The error is access.ErrNoKey for
	// one that is not valid; any other error says nothing about the key.
	Authenticate(ctx context.Context, key string) (access.Principal, error)
}

// grant is what a request may do. The guard puts it into the context of every
// handler; the handler settles it on the namespace of the object it is about.
type grant struct {
	principal access.Principal
	rule      rule
	settled   bool
}

// grantKey is the grant's in a context.
type grantKey struct{}

// grantOf returns the grant of a request. Without one, nothing is granted.
func grantOf(ctx context.Context) *grant {
	if g, ok := ctx.Value(grantKey{}).(*grant); ok {
		return g
	}
	return &grant{rule: rule{access.Admin, ofAll}}
}

// NamespaceInput is how a request that is not about one object names its
// namespace. It is exported because huma looks into exported fields only.
type NamespaceInput struct {
	Namespace string `query:"namespace" maxLength:"63" doc:"the namespace; default: default, or the only one that the key knows"`
}

// guard is the one middleware that asks who is there and lets nobody in who could
// not have the route's permission anywhere. It runs before the body is read.
func (s *Server) guard(p Permission) func(huma.Context, func(huma.Context)) {
	return func(c huma.Context, next func(huma.Context)) {
		if p == Public {
			next(c)
			return
		}
		g := &grant{rule: ruleOf(p)}
		var err error
		if g.principal, err = s.authenticate(c); err == nil {
			err = g.possible()
		}
		if err != nil {
			s.refuse(c, err)
			return
		}
		if err := plainRequest(c); err != nil {
			s.refuse(c, err)
			return
		}
		next(huma.WithValue(c, grantKey{}, g))
	}
}

// plainRequest refuses a path or query that holds what no text column takes: it
// would be a failure of the server, and one that anybody can fill its log with.
func plainRequest(c huma.Context) error {
	u := c.URL()
	query, err := url.QueryUnescape(u.RawQuery)
	if text := u.Path + query; err != nil || strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
		return newProblem(http.StatusUnprocessableEntity, client.BadRequest, "the path or the query is not plain text: valid UTF-8 without NUL")
	}
	return nil
}

// authenticate finds out who asks.
func (s *Server) authenticate(c huma.Context) (access.Principal, error) {
	if s.cfg.Access == nil {
		return access.Local(), nil
	}
	scheme, key, _ := strings.Cut(c.Header("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return access.Principal{}, newProblem(http.StatusUnauthorized, client.Unauthenticated, "show an API key: Authorization: Bearer unwind_…")
	}
	principal, err := s.cfg.Access.Authenticate(c.Context(), strings.TrimSpace(key))
	switch {
	case errors.Is(err, access.ErrNoKey):
		err = newProblem(http.StatusUnauthorized, client.Unauthenticated, "this API key is not valid: it is unknown, revoked or has expired")
	case err != nil:
		s.cfg.Log.WarnContext(c.Context(), "API key not checked", "error", err)
		err = newProblem(http.StatusServiceUnavailable, client.NotReady, "API keys cannot be checked now; try again soon")
	}
	return principal, err
}

// refuse answers without the handler.
func (s *Server) refuse(c huma.Context, err error) {
	p, ok := errors.AsType[*problem](err)
	if !ok {
		p = newProblem(http.StatusInternalServerError, client.Internal, "something failed here; the server's log says what")
	}
	for name, values := range p.GetHeaders() {
		c.SetHeader(name, values[0])
	}
	c.SetHeader("Content-Type", problemJSON)
	c.SetStatus(p.Status)
	_, _ = c.BodyWriter().Write(p.encode()) // an error is that the client has gone
}

// possible refuses a principal that has the permission nowhere.
func (g *grant) possible() error {
	have := g.principal.Highest()
	if g.rule.scope == ofAll {
		have = g.principal.Role(access.Everywhere)
	}
	if have < g.rule.least {
		return g.forbidden()
	}
	g.settled = g.rule.scope != ofObject
	return nil
}

func (g *grant) forbidden() error {
	where := ""
	if g.rule.scope == ofAll {
		where = " in all namespaces (*): this concerns what they share"
	}
	return newProblem(http.StatusForbidden, client.Forbidden, fmt.Sprintf("key %s may not do that: it takes the role %s%s", g.principal.Name, g.rule.least, where))
}

// in settles the grant on a namespace. The error is coordinator.ErrNotFound for one
// that this process does not serve or the principal does not know: what is there
// stays untold.
func (s *Server) in(ctx context.Context, namespace string) error {
	g := grantOf(ctx)
	role := g.principal.Role(namespace)
	switch {
	case role == 0 || !slices.Contains(s.cfg.Namespaces, namespace):
		return coordinator.ErrNotFound
	case role < g.rule.least:
		return g.forbidden()
	}
	g.settled = true
	return nil
}

// namespace returns the namespace of a request that names one, or leaves it out,
// and settles the grant on it.
func (s *Server) namespace(ctx context.Context, in NamespaceInput) (string, error) {
	name := in.Namespace
	if name == "" {
		known := s.known(grantOf(ctx).principal)
		switch {
		case slices.Contains(known, defaultNamespace):
			name = defaultNamespace
		case len(known) == 1:
			name = known[0]
		default:
			return "", newProblem(http.StatusUnprocessableEntity, client.UnknownNamespace,
				fmt.Sprintf("name the namespace: ?namespace= and one of [%s]", strings.Join(known, " ")))
		}
	}
	err := s.in(ctx, name)
	if errors.Is(err, coordinator.ErrNotFound) {
		err = newProblem(http.StatusNotFound, client.UnknownNamespace, "there is no such namespace here, or the key does not know it")
	}
	return name, err
}

// known are the namespaces that are served here and that a principal knows.
func (s *Server) known(p access.Principal) []string {
	return slices.DeleteFunc(slices.Clone(s.cfg.Namespaces), func(name string) bool { return p.Role(name) == 0 })
}

// actor is who causes the event of a request.
func (s *Server) actor(ctx context.Context) saga.Actor {
	return saga.Actor{Kind: saga.Operator, Name: grantOf(ctx).principal.Name}
}

// checked wraps a handler so that one that forgot to settle its grant answers with
// an error instead of somebody else's data.
func checked[I, O any](s *Server, id string, handler func(context.Context, *I) (*O, error)) func(context.Context, *I) (*O, error) {
	return func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if g, ok := ctx.Value(grantKey{}).(*grant); ok && err == nil && !g.settled {
			s.cfg.Log.ErrorContext(ctx, "a route did not check its object's namespace", "route", id)
			return nil, newProblem(http.StatusInternalServerError, client.Internal, "this route is unsafe and was stopped; the server's log says why")
		}
		return out, err
	}
}
