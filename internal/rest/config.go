package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/unwindhq/unwind/internal/intake"
	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/internal/retention"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/definition"
)

// Engine runs sagas. *coordinator.Coordinator implements it.
type Engine interface {
	// Do carries out an operator's verb and answers after the commit.
	Do(ctx context.Context, verb coordinator.Verb) (coordinator.VerbResult, error)
	// Query asks the function of a saga that is code; history reads what has led to
	// its state.
	Query(ctx context.Context, row coordinator.Row, name string, history func(context.Context) (saga.History, error)) (json.RawMessage, error)
	// Update asks the function of a saga that is code to take an update; event reads one
	// of its events.
	Update(ctx context.Context, v coordinator.Verb, event func(ctx context.Context, seq int64) (saga.Event, error)) (coordinator.UpdateResult, error)
	// Watch returns a channel that is pinged after a commit of the saga in this
	// process, and a function that ends it.
	Watch(id saga.ID) (changed <-chan struct{}, stop func())
	// Ready returns nil when sagas can be started here.
	Ready() error
}

// Filter chooses sagas; see sagapg.Filter, which it converts to.
type Filter struct {
	Namespace  string       // Namespace is the tenant.
	Definition string       // Definition is the definition's name; empty for all.
	Status     saga.Status  // Status is the status to have; 0 for all.
	Parent     saga.ID      // Parent is the saga whose children to choose; zero for all.
	Waiting    saga.Waits   // Waiting is what they wait for, all of it; 0 for all.
	Attention  bool         // Attention chooses only those that need attention which was not put off.
	Snoozed    bool         // Snoozed chooses only those that need attention which was put off.
	Attributes []saga.Match // Attributes are all to be had.
	After      saga.ID      // After is the last saga of the page before.
	Limit      int          // Limit is the size of the page.
}

// Reader reads what was committed.
type Reader interface {
	// Get returns one saga, or coordinator.ErrNotFound.
	Get(ctx context.Context, id saga.ID) (coordinator.Row, error)
	// List returns a page of sagas, the newest first, and the After of the next
	// page; zero at the end.
	List(ctx context.Context, f Filter) (page []coordinator.Row, next saga.ID, err error)
	// CountSnoozed counts the sagas that a filter would choose with Snoozed, at most
	// 1,000.
	CountSnoozed(ctx context.Context, f Filter) (int, error)
	// Locks lists the keys that a saga has or waits for, sorted.
	Locks(ctx context.Context, id saga.ID) ([]coordinator.LockView, error)
	// History returns events in order: those after a number, at most limit.
	History(ctx context.Context, id saga.ID, after int64, limit int) ([]saga.Event, error)
}

// Registry keeps definitions. *registry.Registry implements it.
type Registry interface {
	// Apply stores a definition and makes it the latest.
	Apply(ctx context.Context, namespace string, file *definition.File) (version string, created bool, err error)
	// Latest returns the version for new sagas, or coordinator.ErrNoDefinition.
	Latest(ctx context.Context, namespace, name string) (version string, file *definition.File, err error)
	// Get returns one version, or coordinator.ErrNoDefinition.
	Get(ctx context.Context, namespace, name, version string) (*definition.File, error)
	// Open returns nil if the definition may start sagas, else a
	// *registry.DisabledError.
	Open(ctx context.Context, namespace, name string) error
	// Disable lets a definition start no sagas until Enable.
	Disable(ctx context.Context, namespace, name, reason, actor string) error
	// Enable ends Disable.
	Enable(ctx context.Context, namespace, name string) error
	// Promote makes a stored version the latest.
	Promote(ctx context.Context, namespace, name, version string) error
	// List returns the latest versions by name.
	List(ctx context.Context, namespace, after string, limit int) ([]registry.Entry, error)
}

// Starts takes the requests to start a saga. *intake.Intake implements it.
type Starts interface {
	// Start starts a saga and answers after the commit.
	Start(ctx context.Context, req intake.Request) (intake.Result, error)
}

// Check is one condition of readiness.
type Check struct {
	Name string                          // Name is shown in /readyz.
	Run  func(ctx context.Context) error // Run returns nil when the condition holds; it gets 2 s.
}

// Config configures a Server. The zero value of a limit is its default.
type Config struct {
	Engine      Engine      // Engine runs sagas. Required.
	Reader      Reader      // Reader reads sagas. Required.
	Registry    Registry    // Registry keeps definitions. Required.
	Starts      Starts      // Starts takes starts. Required.
	DeadLetters DeadLetters // DeadLetters keeps dead letters; nil: there are no routes for them.
	// ApproveAbove is how many sagas a batch may have that nobody but its maker has to
	// agree to. Default 0: any number. Without Access it does not count: all are one.
	ApproveAbove int
	Batches      Batches   // Batches keeps verbs on many sagas; nil: there are no routes for them.
	Contracts    Contracts // Contracts keeps what participants offer; nil: there are no routes for it, and definitions are not held to it.
	Schedules    Schedules // Schedules keeps what the clock starts; nil: there are no routes for them.
	Holds        Holds     // Holds keeps what operators hold back; nil: there are no routes for it.
	Quotas       Quotas    // Quotas keeps what namespaces may start and keep; nil: there are no routes for it.
	Fleet        Fleet     // Fleet knows the breakers of all processes; nil knows none.
	Checks       []Check   // Checks are the conditions of readiness beside Engine.Ready.

	Access     Authenticator    // Access knows the API keys; nil asks for none: every request is access.Local's.
	LocalOnly  bool             // LocalOnly refuses requests that were not sent to this machine by one of its own names or addresses (the Host header), as those of a web page are whose name was pointed here. Default: all are taken.
	Namespaces []string         // Namespaces are those that are served; others are unknown here. Default "default" alone.
	Retention  retention.Policy // Retention says for how long ended sagas are kept, to be shown. Default: for ever.
	Version    string           // Version is the program's, shown in the API's description. Default "dev".
	MaxWait    time.Duration    // MaxWait is the longest that ?wait= waits. Default 60 s.
	MaxWaiting int              // MaxWaiting is how many requests may wait at once; one more answers 503. Default 10,000.
	PollEvery  time.Duration    // PollEvery is how often a waiting request looks at the store, beside being told. Default 500 ms.
	Drain      time.Duration    // Drain is how long Serve waits for requests at its end. Default 10 s.

	// Observe is told of every request that has a route: the operation's name, the
	// status and the time it took. nil tells nobody.
	Observe func(operation string, status int, took time.Duration)

	// Away reports whether an error says that what stands behind the server cannot be
	// reached for now: the answer is then 503 and worth asking again for. nil: none does.
	Away func(error) bool

	Log *slog.Logger // Log receives failures that are not the client's. nil discards them.
}

// defaultNamespace is the namespace where none is named.
const defaultNamespace = "default"

// Validate reports every fault of c at once.
func (c Config) Validate() error {
	var faults []error
	if c.Engine == nil || c.Reader == nil || c.Registry == nil || c.Starts == nil {
		faults = append(faults, errors.New("rest: Engine, Reader, Registry and Starts are required"))
	}
	if min(c.MaxWait, c.PollEvery, c.Drain) < 0 || c.MaxWaiting < 0 {
		faults = append(faults, errors.New("rest: limits must not be negative; zero is the default"))
	}
	return errors.Join(faults...)
}

func (c Config) withDefaults() Config {
	if len(c.Namespaces) == 0 {
		c.Namespaces = []string{defaultNamespace}
	}
	c.Version = cmp.Or(c.Version, "dev")
	c.MaxWait = cmp.Or(c.MaxWait, time.Minute)
	c.MaxWaiting = cmp.Or(c.MaxWaiting, 10_000)
	c.PollEvery = cmp.Or(c.PollEvery, 500*time.Millisecond)
	c.Drain = cmp.Or(c.Drain, 10*time.Second)
	if c.Away == nil {
		c.Away = func(error) bool { return false }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}
