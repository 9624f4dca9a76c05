package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// MaxListeners is the most definitions of a namespace that may wait for events.
const MaxListeners = 1000

// Listener is a version of a definition that waits for events.
type Listener struct {
	Name    string    // Name is the definition's name.
	Version string    // Version is the version, such as r12.
	Topics  []string  // Topics are those whose events it waits for.
	Since   time.Time // Since is when that version was applied, by the database's clock.
}

// Listeners returns the latest versions of a namespace's definitions that wait for
// events, by name, the disabled ones too. It asks the database. More than
// MaxListeners are an error.
func (r *Registry) Listeners(ctx context.Context, namespace string) ([]Listener, error) {
	return r.listening(ctx, namespace, listeners)
}

// Awaiters returns the versions of a namespace's definitions of which a saga waits for
// an event now. It asks the database. More than MaxListeners are an error.
func (r *Registry) Awaiters(ctx context.Context, namespace string) ([]Listener, error) {
	return r.listening(ctx, namespace, awaiters)
}

func (r *Registry) listening(ctx context.Context, namespace, query string) ([]Listener, error) {
	rows, err := r.pool.Query(ctx, r.sql(query), namespace, MaxListeners+1)
	if err != nil {
		return nil, fmt.Errorf("list the definitions that wait for events: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l Listener, err error) {
		var number int
		err = row.Scan(&l.Name, &number, &l.Topics, &l.Since)
		l.Version = versionName(number)
		return l, err
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("list the definitions that wait for events: %w", err)
	case len(list) > MaxListeners:
		return nil, fmt.Errorf("more than %d versions of definitions of namespace %s wait for events: spread them over namespaces", MaxListeners, namespace)
	}
	return list, nil
}
