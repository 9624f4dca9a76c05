package access_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/access"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/migrations"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

const schema = "Mixed case"

// shape is what scanners for secrets look for; docs/access.md promises it.
var shape = regexp.MustCompile(`^unwind_[a-z2-7]{8}_[a-z2-7]{52}$`)

func open(t *testing.T) (*access.Keys, *pgxpool.Pool) {
	t.Helper()
	url := testserver.Postgres(t)
	require.NoError(t, migrations.Up(t.Context(), url, schema, migrations.Outbox, migrations.Coordinator))
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return access.NewKeys(pool, schema), pool
}

func verifier(t *testing.T, keys *access.Keys, fresh time.Duration) *access.Verifier {
	t.Helper()
	v, err := access.NewVerifier(access.Config{Keys: keys, Fresh: fresh, Known: 3})
	require.NoError(t, err)
	return v
}

var operator = map[string]access.Role{"shop": access.Operator, "*": access.Viewer}

func TestTheLifeOfAKey(t *testing.T) {
	t.Parallel()
	keys, pool := open(t)
	v := verifier(t, keys, time.Nanosecond)
	key, err := keys.Create(t.Context(), access.Request{Name: "ci", Roles: operator, Groups: []string{"desk"}})
	require.NoError(t, err)
	require.Regexp(t, shape, key)
	id := strings.Split(key, "_")[1]

	who, err := v.Authenticate(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, access.Principal{Key: id, Name: "ci", Roles: operator, Groups: []string{"desk"}}, who)

	list, err := keys.List(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, id, list[0].ID)
	require.Equal(t, operator, list[0].Roles)
	require.NotEmpty(t, list[0].CreatedBy)
	require.NotNil(t, list[0].UsedAt)
	require.Nil(t, list[0].RevokedAt)

	var row string
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT k::text FROM "Mixed case".api_keys k`).Scan(&row))
	require.NotContains(t, row, strings.Split(key, "_")[2])

	require.NoError(t, keys.Revoke(t.Context(), id))
	_, err = v.Authenticate(t.Context(), key)
	require.ErrorIs(t, err, access.ErrNoKey)
	require.NoError(t, keys.Revoke(t.Context(), id))
	require.ErrorIs(t, keys.Revoke(t.Context(), "aaaaaaaa"), access.ErrUnknownID)
}

func TestAKeyExpires(t *testing.T) {
	t.Parallel()
	keys, pool := open(t)
	v := verifier(t, keys, time.Hour)
	key, err := keys.Create(t.Context(), access.Request{Name: "short", Roles: operator, Life: time.Hour})
	require.NoError(t, err)
	_, err = v.Authenticate(t.Context(), key)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `UPDATE "Mixed case".api_keys SET expires_at = clock_timestamp() + interval '50 ms'`)
	require.NoError(t, err)
	v = verifier(t, keys, time.Hour)
	require.Eventually(t, func() bool { // from memory first, then not
		_, err := v.Authenticate(t.Context(), key)
		return errors.Is(err, access.ErrNoKey)
	}, 10*time.Second, time.Millisecond)
}

func TestForgedKeysAreNone(t *testing.T) {
	t.Parallel()
	keys, _ := open(t)
	v := verifier(t, keys, time.Hour)
	mine, err := keys.Create(t.Context(), access.Request{Name: "mine", Roles: operator})
	require.NoError(t, err)
	other, err := keys.Create(t.Context(), access.Request{Name: "other", Roles: operator})
	require.NoError(t, err)
	for _, key := range []string{
		"", "unwind_", strings.ToUpper(mine), mine + "a", mine[:len(mine)-1], " " + mine, mine[:15] + other[15:],
		strings.Replace(mine, "unwind_", "unwind-", 1), "unwind_aaaaaaaa_" + mine[16:], mine[:len(mine)-1] + "\x00",
	} {
		_, err := v.Authenticate(t.Context(), key)
		require.ErrorIs(t, err, access.ErrNoKey, "%q", key)
	}
}

func TestAnAnswerIsUsedAgainForAWhile(t *testing.T) {
	t.Parallel()
	keys, pool := open(t)
	v := verifier(t, keys, time.Hour)
	key, err := keys.Create(t.Context(), access.Request{Name: "ci", Roles: operator})
	require.NoError(t, err)
	_, err = v.Authenticate(t.Context(), key)
	require.NoError(t, err)
	forged := key[:16] + strings.Repeat("a", 52)
	_, err = v.Authenticate(t.Context(), forged)
	require.ErrorIs(t, err, access.ErrNoKey)

	pool.Close() // as if Postgres were away
	_, err = v.Authenticate(t.Context(), key)
	require.NoError(t, err, "seen valid within Fresh")
	_, err = v.Authenticate(t.Context(), forged)
	require.ErrorIs(t, err, access.ErrNoKey)
	_, err = v.Authenticate(t.Context(), key[:16]+strings.Repeat("b", 52))
	require.Error(t, err)
	require.NotErrorIs(t, err, access.ErrNoKey, "nobody knows")
}

func TestGuessesDoNotFillTheMemory(t *testing.T) {
	t.Parallel()
	keys, pool := open(t)
	v := verifier(t, keys, time.Hour) // remembers three of each
	key, err := keys.Create(t.Context(), access.Request{Name: "ci", Roles: operator})
	require.NoError(t, err)
	_, err = v.Authenticate(t.Context(), key)
	require.NoError(t, err)
	for i := range 10 {
		_, err := v.Authenticate(t.Context(), key[:16]+strings.Repeat(string(rune('a'+i)), 52))
		require.ErrorIs(t, err, access.ErrNoKey)
	}
	require.LessOrEqual(t, v.Remembered(), 4)
	pool.Close()
	_, err = v.Authenticate(t.Context(), key)
	require.NoError(t, err, "guesses push no valid key out")
}

func TestALookupIsWaitedForOnlySoLong(t *testing.T) {
	t.Parallel()
	keys, _ := open(t)
	v := verifier(t, keys, time.Hour)
	key, err := keys.Create(t.Context(), access.Request{Name: "ci", Roles: operator})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = v.Authenticate(ctx, key)
	require.Error(t, err)
	require.NotErrorIs(t, err, access.ErrNoKey)
	_, err = v.Authenticate(t.Context(), key)
	require.NoError(t, err, "an answer that did not come is not remembered")
}

func TestRequestFaults(t *testing.T) {
	t.Parallel()
	err := access.Request{Name: "a\nb", Roles: map[string]access.Role{"No Name": 7}, Life: -1}.Validate()
	for _, want := range []string{"the key's name", `"No Name"`, "has no role", "expired"} {
		require.ErrorContains(t, err, want)
	}
	require.ErrorContains(t, access.Request{}.Validate(), "no role")
	_, err = access.NewVerifier(access.Config{Known: -1})
	require.ErrorContains(t, err, "Keys is required")
	require.ErrorContains(t, err, "negative")
}
