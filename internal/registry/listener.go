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
