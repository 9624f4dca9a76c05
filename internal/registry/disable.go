package registry

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrDisabled is what errors.Is finds in a DisabledError.
var ErrDisabled = errors.New("the definition is disabled")

// DisabledError says that a definition starts no sagas for now.
type DisabledError struct {
	Name   string // Name is the definition's.
	Reason string // Reason is what whoever disabled it has said.
}

// Error names the definition and the reason.
func (e *DisabledError) Error() string {
	return "definition " + e.Name + " is disabled and starts no sagas: " + e.Reason
}

// Is makes errors.Is(err, ErrDisabled) true.
func (e *DisabledError) Is(target error) bool { return target == ErrDisabled }

// Open returns nil if a definition may start sagas, else a *DisabledError. That another
// process has disabled it is seen within half a second, that it is enabled at once. An
// unknown name is an *UnknownError.
func (r *Registry) Open(ctx context.Context, namespace, called string) error {
	last, err := r.last(ctx, namespace, called)
	if err != nil || last.disabled == nil {
		return err
	}
	return &DisabledError{Name: called, Reason: *last.disabled}
}

// Disable lets a definition start no sagas until Enable; those that run are not
// touched. A second one replaces the reason.
func (r *Registry) Disable(ctx context.Context, namespace, called, reason, actor string) error {
	return r.change(ctx, namespace, called, disable, namespace, called, reason, actor)
}

// Enable ends Disable; without one it changes nothing.
func (r *Registry) Enable(ctx context.Context, namespace, called string) error {
	return r.change(ctx, namespace, called, enable, namespace, called)
}

// Promote makes a stored version the latest again: a roll-back is a promotion of an
// older one. Running sagas stay with theirs. An unknown version is an *UnknownError.
func (r *Registry) Promote(ctx context.Context, namespace, called, version string) error {
	if _, err := r.Get(ctx, namespace, called, version); err != nil {
		return err
	}
	number, err := versionNumber(version)
	if err != nil {
		return err
	}
	return r.change(ctx, namespace, called, touch, namespace, called, number)
}

// change runs a statement on a definition that there is, and forgets what was known
// of it.
func (r *Registry) change(ctx context.Context, namespace, called, statement string, args ...any) error {
	if _, err := r.last(ctx, namespace, called); err != nil {
		return err
	}
	if _, err := r.pool.Exec(ctx, r.sql(statement), args...); err != nil {
		return fmt.Errorf("change definition %s: %w", called, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.latest, name{namespace, called})
	return nil
}

// last returns the latest version and whether it is disabled, at most half a second
// old. That it is disabled is always asked anew: an event that was written after Enable
// would be skipped for good.
func (r *Registry) last(ctx context.Context, namespace, called string) (seen, error) {
	r.mu.RLock()
	last, ok := r.latest[name{namespace, called}]
	r.mu.RUnlock()
	if ok && last.disabled == nil && time.Since(last.at) <= fresh {
		return last, nil
	}
	last, err := r.readLatest(ctx, namespace, called)
	if err == nil {
		r.saw(name{namespace, called}, last)
	}
	return last, err
}
