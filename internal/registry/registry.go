package registry

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/internal/postgres"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/definition"
)

const (
	// fresh is how long an answer of Latest is used again without asking the
	// database. Another process's apply is seen that much later.
	fresh = 500 * time.Millisecond
	// MaxList is the most entries that List and Versions return at once.
	MaxList = 1000
)

// Registry keeps the versions of definitions. It is safe for concurrent use.
type Registry struct {
	pool   *pgxpool.Pool
	schema string

	mu       sync.RWMutex
	compiled map[id]*compiled
	latest   map[name]seen
}

type name struct{ namespace, name string }

type id struct{ namespace, name, version string }

// compiled is one version in memory. Versions are immutable, so it never ages.
type compiled struct {
	file    *definition.File
	decider saga.Decider // nil for code that this process does not have
}

// seen is which version was the latest, and when that was read.
type seen struct {
	version  string
	disabled *string // why it starts no sagas; nil: it does
	at       time.Time
}

var _ coordinator.Definitions = (*Registry)(nil)

// New returns a Registry on the table definitions of schema, which the migration
// set "coordinator" creates. Nothing is read until it is needed.
func New(pool *pgxpool.Pool, schema string) *Registry {
	return &Registry{pool: pool, schema: schema, compiled: map[id]*compiled{}, latest: map[name]seen{}}
}

// Apply stores a definition unless a version with its hash is stored, makes it
// the latest and returns its version. created says that the version is new. What
// its children make impossible is saga.Faults. It may be called concurrently, in several processes.
func (r *Registry) Apply(ctx context.Context, namespace string, file *definition.File) (version string, created bool, err error) {
	called := file.Definition.Name
	if err := r.checkFamily(ctx, namespace, file); err != nil {
		return "", false, err
	}
	number, created, err := r.store(ctx, namespace, file)
	if err != nil {
		return "", false, fmt.Errorf("apply definition %s: %w", called, err)
	}
	version = versionName(number)
	if err := r.Load(ctx, namespace, called, version); err != nil {
		return "", false, err
	}
	r.mu.Lock()
	delete(r.latest, name{namespace, called})
	r.mu.Unlock()
	return version, created, nil
}

// store runs the transaction of an apply.
func (r *Registry) store(ctx context.Context, namespace string, file *definition.File) (number int, created bool, err error) {
	called := file.Definition.Name
	err = pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockName, r.lock(namespace, called)); err != nil {
			return fmt.Errorf("lock the name: %w", err)
		}
		err := tx.QueryRow(ctx, r.sql(findHash), namespace, called, file.Hash).Scan(&number)
		if err == nil {
			_, err = tx.Exec(ctx, r.sql(touch), namespace, called, number)
			return err
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("look for its hash: %w", err)
		}
		created = true
		return tx.QueryRow(ctx, r.sql(insertNext), namespace, called, file.Hash, file.Canonical, append([]string{}, file.Topics()...)).Scan(&number)
	})
	return number, created, err
}

// Latest returns the version that new sagas are pinned to: the one applied last.
// What another process applied is seen within half a second. An unknown name is
// an *UnknownError.
func (r *Registry) Latest(ctx context.Context, namespace, called string) (version string, file *definition.File, err error) {
	last, err := r.last(ctx, namespace, called)
	if err != nil {
		return "", nil, err
	}
	file, err = r.Get(ctx, namespace, called, last.version)
	return last.version, file, err
}

func (r *Registry) readLatest(ctx context.Context, namespace, called string) (seen, error) {
	var number int
	found := seen{at: time.Now()}
	err := r.pool.QueryRow(ctx, r.sql(latest), namespace, called).Scan(&number, &found.disabled)
	if errors.Is(err, pgx.ErrNoRows) {
		return found, r.unknown(ctx, namespace, called)
	}
	if err != nil {
		return found, fmt.Errorf("read the latest version of definition %s: %w", called, err)
	}
	found.version = versionName(number)
	return found, nil
}

// saw remembers which version is the latest.
func (r *Registry) saw(n name, last seen) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.latest[n] = last
}

// Get returns one version. An unknown one is an *UnknownError.
func (r *Registry) Get(ctx context.Context, namespace, called, version string) (*definition.File, error) {
	if c := r.find(id{namespace, called, version}); c != nil {
		return c.file, nil
	}
	c, err := r.bring(ctx, id{namespace, called, version})
	if err != nil {
		return nil, err
	}
	return c.file, nil
}

func (r *Registry) find(i id) *compiled {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.compiled[i]
}

// Decider implements coordinator.Definitions: from memory only.
func (r *Registry) Decider(namespace, called, version string) (saga.Decider, bool) {
	c := r.find(id{namespace, called, version})
	if c == nil || c.decider == nil {
		return nil, false
	}
	return c.decider, true
}

// Load implements coordinator.Definitions: it brings a version into memory. An
// error that is coordinator.ErrNoDefinition will not go away by itself.
func (r *Registry) Load(ctx context.Context, namespace, called, version string) error {
	i := id{namespace, called, version}
	c, err := r.bring(ctx, i)
	if err == nil && c.decider == nil {
		err = errNoCode(i)
	}
	return err
}

// bring brings a version into memory.
func (r *Registry) bring(ctx context.Context, i id) (*compiled, error) {
	if c := r.find(i); c != nil {
		return c, nil
	}
	canonical, err := r.read(ctx, i)
	if err != nil {
		return nil, err
	}
	c, err := compile(i, canonical)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.compiled[i] == nil {
		r.compiled[i] = c
	}
	return r.compiled[i], nil
}

// read fetches the canonical form of a version.
func (r *Registry) read(ctx context.Context, i id) ([]byte, error) {
	number, err := versionNumber(i.version)
	if err != nil {
		return nil, &UnknownError{Name: i.name, Version: i.version}
	}
	var canonical []byte
	err = r.pool.QueryRow(ctx, r.sql(version), i.namespace, i.name, number).Scan(&canonical)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, &UnknownError{Name: i.name, Version: i.version}
	}
	if err != nil {
		return nil, fmt.Errorf("read definition %s %s: %w", i.name, i.version, err)
	}
	return canonical, nil
}

// compile makes a stored form ready. It fails only if a newer build wrote it.
func compile(i id, canonical []byte) (*compiled, error) {
	if file, ok := definition.ReadCode(canonical); ok {
		return &compiled{file: file}, nil
	}
	file, err := definition.Load(i.name+" "+i.version, canonical, definition.Options{})
	if err != nil {
		return nil, fmt.Errorf("read definition %s %s with this build: %w: %w", i.name, i.version, coordinator.ErrNoDefinition, err)
	}
	file.Definition.Version = i.version
	machine, err := saga.Compile(file.Definition)
	if err != nil {
		return nil, fmt.Errorf("compile definition %s %s: %w: %w", i.name, i.version, coordinator.ErrNoDefinition, err)
	}
	return &compiled{file: file, decider: machine}, nil
}

// lock is the advisory lock that stands for a name.
func (r *Registry) lock(namespace, called string) int64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, "unwind.definition:"+r.schema+"\x00"+namespace+"\x00"+called) // a hash never fails
	return int64(h.Sum64())
}

func (r *Registry) sql(query string) string { return postgres.In(r.schema, query) }
