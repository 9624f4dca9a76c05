// Package node runs a coordinator inside your own process: with sagas that are Go
// functions (package saga/code) and local steps it needs nothing but Postgres; with
// Kafka its sagas reach participants as those of unwind serve do, beside which it
// may run on the same database.
package node

import (
	"context"
	"log/slog"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/retention"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/sagapg"
	"github.com/unwindhq/unwind/tracing"
)

// Config configures a Node. Only DatabaseURL is required.
type Config struct {
	DatabaseURL string             // DatabaseURL is Postgres, as a URL or in libpq's key=value form. Required.
	Code        []*saga.Code       // Code are the sagas that are Go functions; see code.Func.
	Locals      []sagapg.LocalStep // Locals are the functions of local steps; see sagapg.Local.
	Listen      string             // Listen is the address of the REST API. Default 127.0.0.1:0, a free port of this machine; see URL.
	Migrate     bool               // Migrate brings the database's schema up to date first. In production let unwind migrate up do it.
	Schema      string             // Schema is the database schema. Default "unwind".
	Namespaces  []string           // Namespaces are those that the node serves. Default "default" alone.
	Version     string             // Version is your program's, for people. Default "dev".
	Log         *slog.Logger       // Log receives what an operator should know. nil discards it.

	Brokers      []string       // Brokers are Kafka's addresses, host:port; none: local steps only.
	Security     kafka.Security // Security is how Kafka is reached. Default: in clear.
	TopicPrefix  string         // TopicPrefix begins the names of all topics. Default "unwind.".
	CreateTopics bool           // CreateTopics creates missing topics when they are needed. In production let unwind topics apply do it.

	Retention Retention // Retention says for how long sagas are kept once they have ended. Default: for ever. Give every process of a database the same.

	MetricsListen string          // MetricsListen is the address of /metrics. Default "": none.
	Tracer        *tracing.Tracer // Tracer exports the sagas' traces. nil: tracing is off.
}

// Retention says for how long sagas are kept once they have ended, by their class: at
// least so long; 0 is for ever.
type Retention = retention.Policy

// Validate reports every fault of c at once.
func (c Config) Validate() error { return c.app().Validate() }

func (c Config) app() app.Config {
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	return app.Config{
		DatabaseURL: c.DatabaseURL, Schema: c.Schema, Namespaces: c.Namespaces, Code: c.Code, Locals: c.Locals, Listen: c.Listen,
		Migrate: c.Migrate, Version: c.Version, Log: c.Log,
		Brokers: c.Brokers, Security: c.Security, Prefix: c.TopicPrefix, CreateTopics: c.CreateTopics,
		Retention: c.Retention, MetricsListen: c.MetricsListen, Tracer: c.Tracer,
	}
}

// Node is a coordinator in this process. Its methods may be called from any
// goroutine.
type Node struct{ app *app.App }

// New returns a Node that does nothing until Run.
func New(cfg Config) (*Node, error) {
	a, err := app.New(cfg.app())
	if err != nil {
		return nil, err
	}
	return &Node{app: a}, nil
}

// Run works until ctx ends or a part of the node fails. It returns nil after an
// orderly end. Run it once.
func (n *Node) Run(ctx context.Context) error { return n.app.Run(ctx) }

// Ready is closed once sagas can be started. If Run fails before, it never is.
func (n *Node) Ready() <-chan struct{} { return n.app.Ready() }

// MetricsURL returns where the metrics are once Ready is closed, and "" before or
// without Config.MetricsListen.
func (n *Node) MetricsURL() string { return n.app.MetricsURL() }

// URL returns the address of the REST API once Ready is closed, and "" before. The
// unwind program and package client speak to it.
func (n *Node) URL() string { return n.app.URL() }

// Client returns a client of the node, once Ready is closed. It has no API key: a
// Listen that other machines can reach asks for one, see package client.
func (n *Node) Client() (*client.Client, error) { return client.New(client.Config{URL: n.URL()}) }
