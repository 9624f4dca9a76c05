package app

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"unicode"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/internal/retention"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/sagapg"
	"github.com/unwindhq/unwind/tracing"
)

// Config configures an App. Only DatabaseURL is required.
type Config struct {
	// DatabaseURL is Postgres, as a URL or in libpq's key=value form.
	DatabaseURL string
	// Brokers are Kafka's addresses, host:port. None: no Kafka; sagas with local
	// steps only make progress, other commands wait in the outbox.
	Brokers []string
	// Security is how Kafka is reached; see package kafka. Default: in clear.
	Security kafka.Security
	// DatabasePasswordFile holds Postgres's password and wins over one in
	// DatabaseURL. It is read again for each connection. Default: none.
	DatabasePasswordFile string
	// Schema is the database schema. Default "unwind".
	Schema string
	// Listen is the address of the REST API. Default 127.0.0.1:8080. Port 0 takes a
	// free one; see App.URL.
	Listen string
	// Auth says whether the API asks for keys. Default AuthAuto: where other machines
	// can reach Listen.
	Auth Auth
	// Insecure allows Listen to be reachable from other machines although the API asks
	// nobody who they are, be it through a proxy on this one: without it, an API that
	// asks nobody answers only to the names of this machine.
	Insecure bool
	// ApproveAbove is how many sagas a batch may have that no second person has to
	// approve. Default 0: any number. It counts only where keys are asked for.
	ApproveAbove int
	// TLSCertFile and TLSKeyFile, PEM, let the API speak TLS; they are read again when
	// they change. Default: plain HTTP.
	TLSCertFile, TLSKeyFile string
	// Namespaces are those that this process serves. Default "default" alone.
	Namespaces []string
	// MetricsListen is the address of /metrics, which has a port of its own. Default
	// "": none.
	MetricsListen string
	// MetricsInsecure allows MetricsListen to be reachable from other machines,
	// although it asks nobody who they are. It shows names and numbers, no payloads.
	MetricsInsecure bool
	// Prefix begins the names of all topics. Default "unwind.".
	Prefix string
	// Partitions is how many partitions a command topic gets. Default 12.
	Partitions int32
	// Locals are the functions of local steps. They run in this process, at most
	// 64 at a time, four of those with a transaction.
	Locals []sagapg.LocalStep
	// Code are the sagas of this process that are Go functions; see package saga/code.
	// Each has a version of its own. Other processes leave such sagas alone.
	Code []*saga.Code
	// Migrate brings the schema up to date before anything else. For development:
	// in production, unwind migrate up runs with rights that serve need not have.
	Migrate bool
	// CreateTopics creates missing topics when they are needed. For development.
	CreateTopics bool
	// Writers is how many batches may be committing at once, 1 to 64. Default 2.
	Writers int
	// Breaker says when commands to a participant in trouble are held. Its Log is
	// that of the App.
	Breaker breaker.Config
	// Retention says for how long sagas are kept once they have ended, by the class of
	// their definition. Default: for ever. Give every process the same.
	Retention retention.Policy
	// StartWorkers is how many starts from Kafka may be under way at once, for each
	// namespace. Default 64.
	StartWorkers int
	// MaxConns bounds the writers' pool. Default Writers + 8; two small pools with
	// eleven connections in all come on top, for reading and for leases.
	MaxConns int32
	// Version is the program's, for people. Default "dev".
	Version string
	// Tracer exports the sagas' traces. nil: tracing is off.
	Tracer *tracing.Tracer
	// Log receives what an operator should know. nil discards it.
	Log *slog.Logger
}

// Fault is one thing that is wrong with a Config.
type Fault struct {
	Field   string // Field is the name of Config's field.
	Problem string // Problem says what is wrong with it.
}

// newFault makes a fault of a sentence that begins with the field's name.
func newFault(format string, args ...any) *Fault {
	field, problem, _ := strings.Cut(fmt.Sprintf(format, args...), " ")
	return &Fault{Field: strings.TrimSuffix(field, ":"), Problem: problem}
}

// Error returns app: the field and the problem.
func (f *Fault) Error() string { return "app: " + f.Field + " " + f.Problem }

// Validate reports every fault of c at once, each a *Fault.
func (c Config) Validate() error {
	c = c.withDefaults()
	var faults []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, newFault(format, args...))
		}
	}
	need(c.DatabaseURL != "", "DatabaseURL is missing: name a Postgres database, such as postgres://user@host/db")
	if err := CheckDatabaseURL(c.DatabaseURL); c.DatabaseURL != "" && err != nil {
		faults = append(faults, err)
	}
	if len(c.Brokers) > 0 {
		faults = append(faults, c.securityFaults()...)
	}
	need(c.Writers >= 1 && c.Writers <= 64, "Writers is %d, must be 1 to 64", c.Writers)
	need(c.MaxConns > int32(c.Writers), "MaxConns is %d, must be above Writers (%d)", c.MaxConns, c.Writers)
	need(c.StartWorkers >= 1, "StartWorkers is %d, must be at least 1", c.StartWorkers)
	need(c.Partitions >= 1, "Partitions is %d, must be at least 1", c.Partitions)
	for _, name := range c.Namespaces {
		need(saga.IsName(name), "Namespaces: %q is not a name: a small letter first, then letters and digits", name)
	}
	c.validateListen(need)
	if c.MetricsListen != "" {
		host, _, err := net.SplitHostPort(c.MetricsListen)
		need(err == nil, "MetricsListen %q: write it like 127.0.0.1:9464", c.MetricsListen)
		need(err != nil || c.MetricsInsecure || loopback(host),
			"MetricsListen %s can be reached from other machines and /metrics asks nobody who they are: listen on 127.0.0.1, or set MetricsInsecure (--metrics-insecure)", c.MetricsListen)
	}
	faults = append(faults, c.retentionFaults()...)
	return errors.Join(append(faults, c.breakerFaults()...)...)
}

// retentionFaults are those of the times of retention; a field is called
// Retention.Short.
func (c Config) retentionFaults() (faults []error) {
	if joined, ok := c.Retention.Validate().(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			faults = append(faults, newFault("Retention.%s", err))
		}
	}
	return faults
}

// breakerFaults are those of the breakers' limits; a field is called Breaker.Ratio,
// and Breaker is several of them.
func (c Config) breakerFaults() (faults []error) {
	joined, ok := c.Breaker.Validate().(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	for _, err := range joined.Unwrap() {
		text := strings.TrimPrefix(err.Error(), "breaker: ")
		name := "Breaker."
		if unicode.IsLower(rune(text[0])) {
			name = "Breaker: "
		}
		faults = append(faults, newFault("%s%s", name, text))
	}
	return faults
}

// kafka is what every client of the brokers is configured with. A dead letter is as
// large as what it keeps, and what is said of it comes on top.
func (c Config) kafka() kafka.Config {
	return kafka.Config{Brokers: c.Brokers, Security: c.Security, MaxMessageBytes: maxMessage, Log: c.Log}
}

// securityFaults are those of how Kafka is reached.
func (c Config) securityFaults() (faults []error) {
	if joined, ok := c.kafka().Validate().(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			faults = append(faults, newFault("Security: %s", strings.TrimPrefix(err.Error(), "security: ")))
		}
	}
	return faults
}

func (c Config) withDefaults() Config {
	c.Schema = cmp.Or(c.Schema, "unwind")
	c.Listen = cmp.Or(c.Listen, "127.0.0.1:8080")
	if len(c.Namespaces) == 0 {
		c.Namespaces = []string{"default"}
	}
	c.Prefix = cmp.Or(c.Prefix, "unwind.")
	c.Partitions = cmp.Or(c.Partitions, defaultPartitions)
	c.Writers = cmp.Or(c.Writers, 2)
	c.StartWorkers = cmp.Or(c.StartWorkers, 64)
	c.MaxConns = cmp.Or(c.MaxConns, int32(c.Writers)+8)
	c.Version = cmp.Or(c.Version, "dev")
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}
