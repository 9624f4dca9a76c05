package registry

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

// What is answered about contracts.
var (
	// ErrNoContract says that a participant has no contract, or not that version.
	ErrNoContract = errors.New("there is no such contract")
	// ErrTooManyContracts refuses more participants than MaxList in a namespace.
	ErrTooManyContracts = errors.New("the namespace has the contracts of 1000 participants")
	// ErrBreaks is what errors.Is finds in a BreaksError.
	ErrBreaks = errors.New("the contract breaks who uses it")
)

// Contract is one version of a participant's contract.
type Contract struct {
	Contract *definition.Contract // Contract is what was applied.
	Version  string               // Version is what people call it, such as c3.
	Actor    string               // Actor is who has applied it.
	Reason   string               // Reason is why, if that was said.
	Forced   bool                 // Forced says that it broke users, and was applied all the same.
	At       time.Time            // At is when, by the database's clock.
}

// User is a version of a definition that asks a participant for something.
type User struct {
	Definition string   // Definition is its name.
	Version    string   // Version is the version.
	Latest     bool     // Latest says that new sagas are of it.
	Running    int      // Running is how many of its sagas have not ended.
	Commands   []string // Commands are what it asks for, with compensations, sorted.

	file *definition.File
}

// Broken is one thing that breaks of a User.
type Broken struct {
	User
	Fault saga.Fault // Fault says where and what.
}

// BreaksError lists what a contract would break. Nothing was stored.
type BreaksError struct {
	Broken []Broken // Broken is all of it.
}

// Error names the first.
func (e *BreaksError) Error() string {
	first := e.Broken[0]
	return fmt.Sprintf("%v: %s %s with %d running sagas, and %d more", ErrBreaks, first.Definition, first.Version, first.Running, len(e.Broken)-1)
}

// Is makes errors.Is(err, ErrBreaks) true.
func (e *BreaksError) Is(target error) bool { return target == ErrBreaks }

// Application asks for a contract to be applied.
type Application struct {
	Contract *definition.Contract // Contract is what is applied. Required.
	Actor    string               // Actor is who applies it.
	Reason   string               // Reason says why.
	Force    bool                 // Force applies it though it breaks who uses it.
}

// Applied is what became of an Application.
type Applied struct {
	Version string   // Version is that of the contract.
	Created bool     // Created is false if it was the latest already.
	Broken  []Broken // Broken is what it has broken by force.
}

// ApplyContract stores a contract unless it is the participant's latest. The error is
// a *BreaksError if it breaks who uses it and that is not forced.
func (r *Registry) ApplyContract(ctx context.Context, namespace string, a Application) (applied Applied, err error) {
	canonical, err := a.Contract.Canonical()
	if err != nil {
		return Applied{}, fmt.Errorf("apply the contract of %s: %w", a.Contract.Participant, err)
	}
	users, err := r.Users(ctx, namespace, a.Contract.Participant)
	if err != nil {
		return Applied{}, err
	}
	var number int
	err = pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) (err error) {
		if _, err := tx.Exec(ctx, lockName, r.lock(namespace, "participant:"+a.Contract.Participant)); err != nil {
			return fmt.Errorf("lock the name: %w", err)
		}
		old, last, err := r.before(ctx, tx, namespace, a.Contract.Participant)
		if number = last; err != nil || old != nil && old.text == string(canonical) {
			return err
		}
		if applied.Broken = breaks(users, old, a.Contract); len(applied.Broken) > 0 && !a.Force {
			return &BreaksError{Broken: applied.Broken}
		}
		number, applied.Created = last+1, true
		_, err = tx.Exec(ctx, r.sql(insertContract), namespace, a.Contract.Participant, number, string(canonical), a.Actor, a.Reason, len(applied.Broken) > 0)
		return err
	})
	if err != nil {
		return Applied{}, fmt.Errorf("apply the contract of %s: %w", a.Contract.Participant, err)
	}
	applied.Version = contractVersion(number)
	return applied, nil
}

// stored is a contract and its text.
type stored struct {
	contract *definition.Contract
	text     string
}

// before is the latest contract; nil without one, if there is room for a first.
func (r *Registry) before(ctx context.Context, tx pgx.Tx, namespace, participant string) (*stored, int, error) {
	var s stored
	var number int
	err := tx.QueryRow(ctx, r.sql(latestContract), namespace, participant).Scan(&number, &s.text)
	if errors.Is(err, pgx.ErrNoRows) {
		var n int
		if err = tx.QueryRow(ctx, r.sql(countContracts), namespace, MaxList).Scan(&n); err == nil && n >= MaxList {
			err = ErrTooManyContracts
		}
		return nil, 0, err
	}
	if err == nil {
		s.contract, err = definition.LoadContract(participant, []byte(s.text))
	}
	return &s, number, err
}

func breaks(users []User, old *stored, next *definition.Contract) (broken []Broken) {
	var before *definition.Contract
	if old != nil {
		before = old.contract
	}
	for _, u := range users {
		for _, f := range definition.Breaks(u.file, before, next) {
			broken = append(broken, Broken{User: u, Fault: f})
		}
	}
	return broken
}

// contractVersion returns what people call a contract's number.
func contractVersion(number int) string { return "c" + strconv.Itoa(number) }

// Users lists who asks a participant for something: the latest version of each
// definition, and every version with sagas that have not ended.
func (r *Registry) Users(ctx context.Context, namespace, participant string) ([]User, error) {
	versions, err := r.inUse(ctx, namespace)
	if err != nil {
		return nil, fmt.Errorf("look who uses %s: %w", participant, err)
	}
	var users []User
	for _, u := range versions {
		if u.file, err = r.Get(ctx, namespace, u.Definition, u.Version); err != nil {
			return nil, fmt.Errorf("look who uses %s: %w", participant, err)
		}
		if u.Commands = u.file.Uses(participant); len(u.Commands) > 0 {
			users = append(users, u)
		}
	}
	return users, nil
}

// inUse lists versions of definitions that are the latest or have running sagas.
func (r *Registry) inUse(ctx context.Context, namespace string) ([]User, error) {
	rows, err := r.pool.Query(ctx, r.sql(countRunning), namespace, MaxList)
	if err != nil {
		return nil, err
	}
	users, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (u User, err error) {
		return u, row.Scan(&u.Definition, &u.Version, &u.Running)
	})
	if err != nil {
		return nil, err
	}
	latest, err := r.List(ctx, namespace, "", MaxList)
	if err != nil {
		return nil, err
	}
	at := map[[2]string]int{}
	for i, u := range users {
		at[[2]string{u.Definition, u.Version}] = i
	}
	for _, e := range latest {
		if i, ok := at[[2]string{e.Name, e.Version}]; ok {
			users[i].Latest = true
		} else {
			users = append(users, User{Definition: e.Name, Version: e.Version, Latest: true})
		}
	}
	return users, nil
}

// Contracts returns the latest contracts of a namespace by participant: those after
// one, at most limit and at most MaxList.
func (r *Registry) Contracts(ctx context.Context, namespace, after string, limit int) ([]Contract, error) {
	rows, err := r.pool.Query(ctx, r.sql(someContracts), namespace, after, clamp(limit))
	if err != nil {
		return nil, fmt.Errorf("list contracts: %w", err)
	}
	return pgx.CollectRows(rows, scanContract)
}

// ContractVersions returns the newest versions of a participant's contract, at most
// limit, or the one that is named. The error wraps ErrNoContract if there is none.
func (r *Registry) ContractVersions(ctx context.Context, namespace, participant, version string, limit int) ([]Contract, error) {
	number := 0
	if version != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(version, "c"))
		if err != nil || n < 1 || contractVersion(n) != version {
			return nil, fmt.Errorf("%w: %.20q is not a version like c3", ErrNoContract, version)
		}
		number = n
	}
	rows, err := r.pool.Query(ctx, r.sql(selectContracts+oneContract), namespace, participant, number, clamp(limit))
	if err != nil {
		return nil, fmt.Errorf("read the contract of %s: %w", participant, err)
	}
	found, err := pgx.CollectRows(rows, scanContract)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%w of participant %.80q", ErrNoContract, participant)
	}
	return found, err
}

func scanContract(row pgx.CollectableRow) (Contract, error) {
	var c Contract
	var participant, canonical string
	var number int
	err := row.Scan(&participant, &number, &canonical, &c.Actor, &c.Reason, &c.Forced, &c.At)
	if err == nil {
		c.Contract, err = definition.LoadContract(participant, []byte(canonical))
	}
	c.Version = contractVersion(number)
	return c, err
}
