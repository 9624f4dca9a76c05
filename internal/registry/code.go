package registry

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/definition"
)

// Provide stores the version that a saga's code says it has, unless it is stored,
// and lets this process run it. A version that is new becomes the latest; one that
// is stored stays where it is, so that an old program that starts again takes no
// sagas from a newer one. A version that was stored with other content is refused, and
// so is a new one that asks participants for what their contracts do not have.
func (r *Registry) Provide(ctx context.Context, namespace string, code *saga.Code) error {
	def := code.Definition()
	number, err := versionNumber(def.Version)
	if err != nil {
		return fmt.Errorf("code of saga %s: %w", def.Name, err)
	}
	file, err := definition.OfCode(def)
	if err != nil {
		return err
	}
	contracts, err := r.contracts(ctx, namespace)
	if err != nil {
		return err
	}
	var hash string
	err = pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockName, r.lock(namespace, def.Name)); err != nil {
			return fmt.Errorf("lock the name: %w", err)
		}
		if stored, err := tx.Exec(ctx, r.sql(insertCode), namespace, def.Name, number, file.Hash, file.Canonical); err != nil {
			return err
		} else if stored.RowsAffected() > 0 {
			if err := file.Fits(def.Name+" "+def.Version, contracts...); err != nil {
				return err
			}
		}
		return tx.QueryRow(ctx, r.sql(findNumber), namespace, def.Name, number).Scan(&hash)
	})
	if err != nil {
		return fmt.Errorf("store saga %s %s, which is code: %w", def.Name, def.Version, err)
	}
	if hash != file.Hash {
		return fmt.Errorf("saga %s %s is stored already, with other content than this program's: name it r%d or later", def.Name, def.Version, number+1)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.compiled[id{namespace, def.Name, def.Version}] = &compiled{file: file, decider: code}
	delete(r.latest, name{namespace, def.Name})
	return nil
}

// contracts are those that new code of a namespace is held to.
func (r *Registry) contracts(ctx context.Context, namespace string) (all []definition.Contract, err error) {
	list, err := r.Contracts(ctx, namespace, "", MaxList)
	for _, c := range list {
		all = append(all, *c.Contract)
	}
	return all, err
}

// errNoCode says that a saga is code that another program has.
func errNoCode(i id) error {
	return fmt.Errorf("saga %s %s is code, and this process does not have it: %w", i.name, i.version, coordinator.ErrNoDefinition)
}
