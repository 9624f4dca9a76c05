package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/recording"
	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/definition"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// Declared runs the histories of sagas that are not code again with this build's engine,
// each with the version that it is pinned to, or with a definition to come.
type Declared struct {
	DatabaseURL string           // DatabaseURL is Postgres; it is only read. Required.
	Schema      string           // Schema is the database schema. Default "unwind".
	Namespace   string           // Namespace is the tenant. Default "default".
	Definition  string           // Definition, if set, is the only one whose sagas are run again. Default: all.
	Since       time.Duration    // Since is how long ago a saga's last event may be. Zero: any time.
	File        *definition.File // File, if set, is a definition to come: the sagas of its name are held to it.

	Found func(recording.Difference) // Found is told each difference at once. Required.
	Page  func(Sum)                  // Page is told after each page how far it is. nil: nobody.
}

// Sum is how far a replay is, or what it came to.
type Sum struct {
	Sagas       int            `json:"sagas"`             // Sagas is how many were run again.
	Events      int            `json:"events"`            // Events is how many events they have.
	Differences int            `json:"differences"`       // Differences is how many of them would be decided otherwise.
	Code        map[string]int `json:"ofCode,omitempty"`  // Code is how many sagas were left out that are code, by definition: their program has to be asked.
	Lacking     map[string]int `json:"lacking,omitempty"` // Lacking is how many were left out, by definition and version, that this build cannot read.
}

// Run runs the histories again. The error says that it could not, or not to the end.
func (d Declared) Run(ctx context.Context) (sum Sum, err error) {
	pool, err := app.OpenReadOnly(ctx, d.DatabaseURL)
	if err != nil {
		return sum, err
	}
	defer pool.Close()
	schema := cmp.Or(d.Schema, "unwind")
	if d.File != nil {
		d.Definition = d.File.Definition.Name
	}
	sum.Code, sum.Lacking = map[string]int{}, map[string]int{}
	versions := registry.New(pool, schema)
	walk := Walk{
		Reader: sagapg.NewReader(pool, schema), Since: d.Since,
		Filter: sagapg.Filter{Namespace: cmp.Or(d.Namespace, "default"), Definition: d.Definition},
		Want: func(s *saga.State) bool {
			code := s.Extras().Plan != nil
			if code {
				sum.Code[s.Definition]++
			}
			return !code
		},
		Page: func() {
			if d.Page != nil {
				d.Page(sum)
			}
		},
	}
	err = walk.Each(ctx, func(one recording.Saga) error { return d.again(ctx, versions, one, &sum) })
	return sum, err
}

// again runs one history again.
func (d Declared) again(ctx context.Context, versions *registry.Registry, one recording.Saga, sum *Sum) error {
	err := versions.Load(ctx, one.Namespace, one.Definition, one.Version)
	pinned, ok := versions.Decider(one.Namespace, one.Definition, one.Version)
	if errors.Is(err, coordinator.ErrNoDefinition) || err == nil && !ok {
		sum.Lacking[one.Definition+" "+one.Version]++
		return nil
	}
	if err != nil {
		return fmt.Errorf("read definition %s %s: %w", one.Definition, one.Version, err)
	}
	sum.Sagas++
	sum.Events += len(one.History)
	differs := one.Redecide(pinned)
	if differs == nil && d.File != nil {
		next := d.File.Definition
		next.Version = one.Version // the state is to say the same of itself
		machine, err := saga.Compile(next)
		if err != nil {
			return err
		}
		differs = one.Compare(pinned, machine)
	}
	if differs != nil {
		sum.Differences++
		d.Found(*differs)
	}
	return nil
}

// Names lists what there is more than none of, sorted.
func Names(counts map[string]int) (names []string) {
	for name := range counts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
