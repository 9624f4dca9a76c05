package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/definition"
)

// Engine starts sagas. *coordinator.Coordinator implements it.
type Engine interface {
	// Start starts a saga and answers after the commit.
	Start(ctx context.Context, req coordinator.StartRequest) (coordinator.StartResult, error)
}

// Registry knows definitions. *registry.Registry implements it.
type Registry interface {
	// Latest returns the version for new sagas, or coordinator.ErrNoDefinition.
	Latest(ctx context.Context, namespace, name string) (version string, file *definition.File, err error)
	// Open returns nil if the definition may start sagas, else a
	// *registry.DisabledError.
	Open(ctx context.Context, namespace, name string) error
	// Get returns one version, or coordinator.ErrNoDefinition.
	Get(ctx context.Context, namespace, name, version string) (*definition.File, error)
}

// Topics knows which of a definition's topics do not exist.
type Topics interface {
	// Missing returns the names of the topics that a saga of a namespace's definition
	// needs and that do not exist.
	Missing(ctx context.Context, namespace string, def saga.Definition) ([]string, error)
}

// Quotas bounds what a namespace may start. *quota.Book implements it.
type Quotas interface {
	// Take lets a start in, or answers with an error that asking again later may end.
	// One that waits is given a moment. done is called once it has come to its end.
	Take(ctx context.Context, namespace string, waits bool) (done func(), err error)
}

// Config configures an Intake. The zero value of a limit is its default.
type Config struct {
	Engine   Engine        // Engine starts sagas. Required.
	Registry Registry      // Registry knows definitions. Required.
	Topics   Topics        // Topics refuses starts while a topic is missing; nil asks nobody.
	Quotas   Quotas        // Quotas bounds what namespaces start; nil bounds nothing.
	Timeout  time.Duration // Timeout bounds one commit. Default 20 s.
	Log      *slog.Logger  // Log receives what an operator should know. nil discards it.
}

// Validate reports every fault of c at once.
func (c Config) Validate() error {
	var faults []error
	if c.Engine == nil || c.Registry == nil {
		faults = append(faults, errors.New("intake: Engine and Registry are required"))
	}
	if c.Timeout < 0 {
		faults = append(faults, errors.New("intake: Timeout must not be negative; zero is the default"))
	}
	return errors.Join(faults...)
}

func (c Config) withDefaults() Config {
	if c.Timeout == 0 {
		c.Timeout = 20 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Admission judges starts and makes none. It is safe for concurrent use.
type Admission struct{ cfg Config }

var _ coordinator.Admission = (*Admission)(nil)

// NewAdmission returns an Admission; cfg needs no Engine.
func NewAdmission(cfg Config) *Admission { return &Admission{cfg: cfg.withDefaults()} }

// Admit implements coordinator.Admission: the child of a saga is admitted as if a
// client had asked for it.
func (i *Admission) Admit(ctx context.Context, namespace, called, version string, input saga.Payload) (pinned, key string, err error) {
	pinned, key, _, err = i.admit(ctx, Request{Namespace: namespace, Definition: called, Version: version, Input: input})
	if Refused(err) {
		err = fmt.Errorf("%w: %w", coordinator.ErrBadStart, err)
	}
	return pinned, key, err
}

// Intake takes starts. It is safe for concurrent use.
type Intake struct{ Admission }

// New returns an Intake.
func New(cfg Config) (*Intake, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Intake{Admission{cfg: cfg.withDefaults()}}, nil
}

// Request asks for a new saga.
type Request struct {
	Namespace  string       // Namespace is the tenant. Required.
	Definition string       // Definition is the definition's name. Required.
	Version    string       // Version is the version to pin, such as r12; empty is the latest.
	Key        string       // Key makes the start idempotent; empty: every request is a new saga. Plain text of at most 256 bytes.
	Input      saga.Payload // Input is the saga's input, kept byte for byte.
	Actor      saga.Actor   // Actor is who starts it.
	Begin      time.Time    // Begin is when the first steps begin, at most saga.MaxBegin ahead; zero, or passed: at once.
	Trace      string       // Trace is the traceparent of who starts it; empty or not valid: none.
	Waits      bool         // Waits: where a quota is used up it is given a moment. For starts that come again if they are not taken.
}

// Result is the answer to a start. It is given only after the commit.
type Result struct {
	ID      saga.ID // ID is the saga's.
	Version string  // Version is the version that this request asked for or that is the latest; a repeat's saga may have an older one.
	New     bool    // New is false when the key had already started this saga.
}

// Start starts a saga. An error for which Refused is true is final: the request
// itself is at fault, and nothing was started. After any other the saga may have
// been started; the same request with its key finds out.
func (i *Intake) Start(ctx context.Context, req Request) (Result, error) {
	version, key, priority, err := i.admit(ctx, req)
	if err != nil {
		return Result{}, err
	}
	if i.cfg.Quotas != nil {
		done, err := i.cfg.Quotas.Take(ctx, req.Namespace, req.Waits)
		if err != nil {
			return Result{}, err
		}
		defer done()
	}
	// Time is limited: without Postgres a commit may never come.
	ctx, cancel := context.WithTimeout(ctx, i.cfg.Timeout)
	defer cancel()
	started, err := i.cfg.Engine.Start(ctx, coordinator.StartRequest{
		Namespace: req.Namespace, Definition: req.Definition, Version: version, Key: req.Key, Input: req.Input, Actor: req.Actor,
		Trace: req.Trace, BusinessKey: key, Begin: req.Begin, Priority: priority,
	})
	return Result{ID: started.ID, Version: version, New: started.New}, err
}

// admit checks all that can be checked before a start and returns the version to
// pin, the business key and the priority.
func (i *Admission) admit(ctx context.Context, req Request) (version, key string, priority saga.Priority, err error) {
	if strings.ContainsFunc(req.Key, func(c rune) bool { return c < 0x20 || c == 0x7f || c == 0xfffd }) {
		return "", "", 0, ErrBadKey
	}
	version, file, err := i.resolve(ctx, req)
	if err != nil {
		return "", "", 0, err
	}
	if err := i.cfg.Registry.Open(ctx, req.Namespace, req.Definition); err != nil {
		return "", "", 0, err
	}
	if !req.Input.IsJSON() {
		return "", "", 0, errNotJSON
	}
	if err := file.CheckInput(req.Input.Data); err != nil {
		return "", "", 0, err
	}
	if key, err = file.KeyOf(req.Input.Data); err != nil {
		return "", "", 0, err
	}
	if priority, err = file.PriorityOf(req.Input.Data); err != nil {
		return "", "", 0, err
	}
	return version, key, priority, i.topicsThere(ctx, req.Namespace, file)
}

// resolve finds the version to pin.
func (i *Admission) resolve(ctx context.Context, req Request) (string, *definition.File, error) {
	if req.Version == "" {
		return i.cfg.Registry.Latest(ctx, req.Namespace, req.Definition)
	}
	file, err := i.cfg.Registry.Get(ctx, req.Namespace, req.Definition, req.Version)
	return req.Version, file, err
}

// topicsThere refuses a start whose commands could not be sent.
func (i *Admission) topicsThere(ctx context.Context, namespace string, file *definition.File) error {
	if i.cfg.Topics == nil {
		return nil
	}
	missing, err := i.cfg.Topics.Missing(ctx, namespace, file.Definition)
	switch {
	case err != nil: // the brokers are away: commands wait in the outbox
		i.cfg.Log.WarnContext(ctx, "topics not checked", "error", err)
	case len(missing) > 0:
		return &TopicsError{Missing: missing}
	}
	return nil
}
