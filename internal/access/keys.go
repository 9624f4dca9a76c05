package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/internal/postgres"
	"github.com/unwindhq/unwind/saga"
)

// maxKeyName is the longest name of a key, in bytes.
const maxKeyName = 64

// maxGroups bounds the groups of a key.
const maxGroups = 100

// ErrUnknownID says that there is no key with that id.
var ErrUnknownID = errors.New("there is no API key with this id")

// Key is what is known of an API key; the key itself is not.
type Key struct {
	ID        string          // ID is the part between the underscores; no secret.
	Name      string          // Name says whose it is; it stands in the history of sagas. Not unique: a key is replaced by a new one of the same name.
	Roles     map[string]Role // Roles are by namespace; Everywhere stands for all.
	Groups    []string        // Groups are those that may be asked for a decision.
	CreatedAt time.Time       // CreatedAt is by the database's clock, as all its times.
	CreatedBy string          // CreatedBy is the database role that made it.
	ExpiresAt *time.Time      // ExpiresAt is when it ends by itself; nil: never.
	RevokedAt *time.Time      // RevokedAt is when it was revoked; nil: it was not.
	UsedAt    *time.Time      // UsedAt is when it was used last, to the minute; nil: never.
}

// Request asks for a new key.
type Request struct {
	Name   string          // Name says whose it is: letters, digits, - _ . and @; at most 64. Required.
	Roles  map[string]Role // Roles are by namespace; Everywhere stands for all. Required.
	Groups []string        // Groups are those that may be asked for a decision: letters, digits and - _ . @, at most 64 each, at most 100.
	Life   time.Duration   // Life is how long it is valid; 0 is for ever.
}

// Validate reports every fault of r at once.
func (r Request) Validate() error {
	var faults []error
	odd := func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_.@", c)
	}
	if r.Name == "" || len(r.Name) > maxKeyName || strings.ContainsFunc(r.Name, odd) {
		faults = append(faults, fmt.Errorf("the key's name %q must be letters, digits and - _ . @, 1 to %d of them", r.Name, maxKeyName))
	}
	if len(r.Roles) == 0 {
		faults = append(faults, errors.New("the key has no role: name one and its namespace"))
	}
	for namespace, role := range r.Roles {
		if namespace != Everywhere && !saga.IsName(namespace) {
			faults = append(faults, fmt.Errorf("%q is not the name of a namespace: write one like default, or * for all", namespace))
		}
		if role < Viewer || role > Admin {
			faults = append(faults, fmt.Errorf("namespace %s has no role: viewer, operator or admin", namespace))
		}
	}
	for _, group := range r.Groups {
		if group == "" || len(group) > maxKeyName || strings.ContainsFunc(group, odd) {
			faults = append(faults, fmt.Errorf("the group %q must be letters, digits and - _ . @, 1 to %d of them", group, maxKeyName))
		}
	}
	if len(r.Groups) > maxGroups {
		faults = append(faults, fmt.Errorf("%d groups, the most is %d", len(r.Groups), maxGroups))
	}
	if r.Life < 0 {
		faults = append(faults, fmt.Errorf("the key would have expired %s ago", -r.Life))
	}
	return errors.Join(faults...)
}

// Keys keeps the API keys in Postgres, as hashes. It is safe for concurrent use.
type Keys struct {
	pool   *pgxpool.Pool
	schema string
}

// NewKeys returns the Keys of a schema, whose table the migration set
// "coordinator" creates. Nothing is read until it is needed.
func NewKeys(pool *pgxpool.Pool, schema string) *Keys { return &Keys{pool: pool, schema: schema} }

// Create makes a key and returns it. It is not kept and cannot be shown again.
func (k *Keys) Create(ctx context.Context, r Request) (key string, err error) {
	if err := r.Validate(); err != nil {
		return "", err
	}
	id, key := newKey()
	_, hash, _ := split(key)
	var life *int64
	if r.Life > 0 {
		micros := r.Life.Microseconds()
		life = &micros
	}
	if _, err := k.pool.Exec(ctx, postgres.In(k.schema, insertKey), id, r.Name, hash[:], encodeRoles(r.Roles), life, append([]string{}, r.Groups...)); err != nil {
		return "", fmt.Errorf("create API key %s: %w", r.Name, err)
	}
	return key, nil
}

// List returns all keys, those that have ended too, in the order of their creation.
func (k *Keys) List(ctx context.Context) ([]Key, error) {
	rows, err := k.pool.Query(ctx, postgres.In(k.schema, listKeys))
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	keys, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Key, error) {
		var key Key
		var roles []byte
		err := row.Scan(&key.ID, &key.Name, &roles, &key.Groups, &key.CreatedAt, &key.CreatedBy, &key.ExpiresAt, &key.RevokedAt, &key.UsedAt)
		key.Roles = decodeRoles(roles)
		return key, err
	})
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	return keys, nil
}

// Revoke ends a key. Coordinators refuse it within Verifier's Fresh. A second time
// changes nothing; an unknown id is ErrUnknownID.
func (k *Keys) Revoke(ctx context.Context, id string) error {
	tag, err := k.pool.Exec(ctx, postgres.In(k.schema, revokeKey), id)
	if err != nil {
		return fmt.Errorf("revoke API key %s: %w", id, err)
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("revoke %s: %w", id, ErrUnknownID)
	}
	return nil
}

// found is a key that is valid now.
type found struct {
	principal Principal
	remaining time.Duration // until it expires; 0: it does not
}

// find looks a key up. The error is ErrNoKey unless the key is valid now.
func (k *Keys) find(ctx context.Context, id string, hash [sha256.Size]byte) (found, error) {
	var name string
	var kept, roles []byte
	var groups []string
	var micros *int64
	var stale bool
	err := k.pool.QueryRow(ctx, postgres.In(k.schema, findKey), id).Scan(&name, &kept, &roles, &groups, &micros, &stale)
	if errors.Is(err, pgx.ErrNoRows) {
		return found{}, ErrNoKey
	}
	if err != nil {
		return found{}, fmt.Errorf("look for API key %s: %w", id, err)
	}
	if subtle.ConstantTimeCompare(kept, hash[:]) != 1 {
		return found{}, ErrNoKey
	}
	if stale {
		_, _ = k.pool.Exec(ctx, postgres.In(k.schema, usedKey), id) // a hint for people; the key is as valid without it
	}
	f := found{principal: Principal{Key: id, Name: name, Roles: decodeRoles(roles), Groups: groups}}
	if micros != nil {
		f.remaining = max(time.Duration(*micros)*time.Microsecond, 1)
	}
	return f, nil
}

// encodeRoles writes roles by their names.
func encodeRoles(roles map[string]Role) []byte {
	names := map[string]string{}
	for namespace, role := range roles {
		names[namespace] = role.String()
	}
	data, err := json.Marshal(names)
	if err != nil {
		panic(fmt.Sprintf("a map of strings is always JSON: %v", err))
	}
	return data
}

// decodeRoles reads them. What a newer build may have written and this one does
// not know grants nothing.
func decodeRoles(data []byte) map[string]Role {
	var names map[string]string
	_ = json.Unmarshal(data, &names) // jsonb of another shape grants nothing
	roles := map[string]Role{}
	for namespace, name := range names {
		if role, err := ParseRole(name); err == nil {
			roles[namespace] = role
		}
	}
	return roles
}
