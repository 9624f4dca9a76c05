package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// MaxListeners is the most definitions of a namespace that may wait for events.
const MaxListeners = 1000

// Listener is a definition whose latest version waits for events.
type Listener struct {
	Name   string    // Name is the definition's name.
	Topics []string  // Topics are those whose events it waits for.
	Since  time.Time // Since is when that version was applied, by the database's clock.
}

// Listeners returns the definitions of a namespace whose latest versions wait for
// events, by name, the disabled ones too. More than MaxListeners are an error.
func (r *Registry) Listeners(ctx context.Context, namespace string) ([]Listener, error) {
	rows, err := r.pool.Query(ctx, r.sql(listeners), namespace, MaxListeners+1)
	if err != nil {
		return nil, fmt.Errorf("list the definitions that wait for events: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Listener])
	switch {
	case err != nil:
		return nil, fmt.Errorf("list the definitions that wait for events: %w", err)
	case len(list) > MaxListeners:
		return nil, fmt.Errorf("more than %d definitions of namespace %s wait for events: spread them over namespaces", MaxListeners, namespace)
	}
	return list, nil
}

// Awaiter is a version of a definition of which a saga waits for an event.
type Awaiter struct {
	Listener
	Version string // Version is the version, such as r12.
}

// Awaiters returns the versions of a namespace's definitions of which a saga waits for
// an event now. It asks the database. More than MaxListeners are an error.
func (r *Registry) Awaiters(ctx context.Context, namespace string) ([]Awaiter, error) {
	rows, err := r.pool.Query(ctx, r.sql(awaiters), namespace, MaxListeners+1)
	if err != nil {
		return nil, fmt.Errorf("list the definitions whose sagas wait for events: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a Awaiter, err error) {
		var number int
		err = row.Scan(&a.Name, &number, &a.Topics, &a.Since)
		a.Version = versionName(number)
		return a, err
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("list the definitions whose sagas wait for events: %w", err)
	case len(list) > MaxListeners:
		return nil, fmt.Errorf("sagas of more than %d versions of namespace %s wait for events: spread them over namespaces", MaxListeners, namespace)
	}
	return list, nil
}
