package schedule_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/intake"
	"github.com/unwindhq/unwind/internal/schedule"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/definition"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// world is a database with schedules, and an engine that starts rows instead of sagas.
type world struct {
	*schedule.Store

	t    *testing.T
	pool *pgxpool.Pool

	mu       sync.Mutex
	requests map[string]intake.Request // by start key
	verbs    []coordinator.Verb
	fail     error
	hang     bool // starts commit, and who asked never hears of it
	tries    int
}

func open(t *testing.T) *world {
	t.Helper()
	url := testserver.Postgres(t)
	require.NoError(t, migrations.Up(t.Context(), url, "unwind", migrations.Outbox, migrations.Coordinator))
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return &world{Store: schedule.NewStore(pool, "unwind"), t: t, pool: pool, requests: map[string]intake.Request{}}
}

func (w *world) exec(query string, args ...any) {
	w.t.Helper()
	_, err := w.pool.Exec(w.t.Context(), query, args...)
	require.NoError(w.t, err)
}

func (w *world) Ready() error { return nil }

func (w *world) Do(_ context.Context, v coordinator.Verb) (coordinator.VerbResult, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.verbs = append(w.verbs, v)
	return coordinator.VerbResult{}, saga.ErrPastPivot
}

// Start keeps the promise of the real one: one saga for each key.
func (w *world) Start(ctx context.Context, r intake.Request) (intake.Result, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tries++
	if w.fail != nil {
		return intake.Result{}, w.fail
	}
	before, repeat := w.requests[r.Key]
	if repeat && string(before.Input.Data) != string(r.Input.Data) {
		return intake.Result{}, coordinator.ErrKeyUsed
	}
	w.requests[r.Key] = r
	id := saga.ID{byte(len(w.requests)), 1}
	if !repeat {
		w.exec(`INSERT INTO unwind.sagas (id, namespace, definition, version, level, status, bucket, seq, started_at, changed_at, state)
VALUES ($1, 'default', $2, 'r1', 1, 1, 0, 1, now(), now(), '')`, [16]byte(id), r.Definition)
		w.exec(`INSERT INTO unwind.start_keys (namespace, key, hash, saga) VALUES ('default', $1, '', $2)`, r.Key, [16]byte(id))
	} else {
		require.NoError(w.t, w.pool.QueryRow(ctx, `SELECT saga FROM unwind.start_keys WHERE key = $1`, r.Key).Scan((*[16]byte)(&id)))
	}
	if w.hang {
		return intake.Result{}, coordinator.ErrNotReady
	}
	return intake.Result{ID: id, New: !repeat}, nil
}

// run lets some runners work until the test ends.
func (w *world) run(runners int) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	var all sync.WaitGroup
	for range runners {
		all.Go(func() {
			_ = schedule.Runner{Store: w.Store, Starts: w, Engine: w, Namespaces: []string{"default"}, Every: 10 * time.Millisecond, Idle: 200 * time.Millisecond}.Run(ctx)
		})
	}
	w.t.Cleanup(func() {
		cancel()
		all.Wait()
	})
}

func (w *world) apply(more string) schedule.Schedule {
	w.t.Helper()
	spec, err := definition.LoadSchedule("", []byte("unwind: v1\nschedule: nightly\nsaga: report\ncron: '0 * * * *'\ninput: {at: '${fire.at}'}\n"+more))
	require.NoError(w.t, err)
	s, err := w.Apply(w.t.Context(), "default", spec, "operator:ann")
	require.NoError(w.t, err)
	return s
}

// due lets the schedule's next time be some hours ago.
func (w *world) due(hours int) {
	w.t.Helper()
	w.exec(`UPDATE unwind.schedules SET next_at = date_trunc('hour', clock_timestamp()) - $1 * interval '1 hour'`, hours)
}

// becomes waits until the outcomes of the schedule's fires are these, the newest first.
func (w *world) becomes(want string) schedule.Schedule {
	w.t.Helper()
	var s schedule.Schedule
	var got []string
	require.Eventually(w.t, func() bool {
		var err error
		s, err = w.Get(w.t.Context(), "default", "nightly")
		require.NoError(w.t, err)
		got = got[:0]
		for _, f := range s.Fires {
			got = append(got, string(f.Outcome))
		}
		return strings.Join(got, " ") == want
	}, 20*time.Second, 10*time.Millisecond, "want %s, there is %v", want, &got)
	return s
}

func times(n int, word string) string { return strings.TrimSpace(strings.Repeat(word+" ", n)) }

func (w *world) end() { w.exec(`UPDATE unwind.sagas SET status = 3`) }

// TestAScheduleFiresOnce lets three processes see forty times: each starts one saga,
// with a key of name and time.
func TestAScheduleFiresOnce(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.apply("overlap: allow\ncatchUp: all\natMost: 20")
	w.due(19)
	w.run(3)
	s := w.becomes(times(20, "started"))
	require.Len(t, w.requests, 20)
	newest := s.Fires[0]
	text := newest.At.UTC().Format(time.RFC3339)
	r := w.requests["schedule/nightly/"+text]
	require.Equal(t, saga.Actor{Kind: saga.Scheduler, Name: "nightly"}, r.Actor)
	require.JSONEq(t, fmt.Sprintf(`{"at":%q}`, text), string(r.Input.Data))
	require.Equal(t, "report", r.Definition)
	require.Equal(t, newest.At.Add(time.Hour).UTC(), s.Next.UTC())
	require.Len(t, s.Times, 5)
	require.Equal(t, newest.At.Add(5*time.Hour).UTC(), s.Times[4].UTC())
}

// TestAStartThatNobodyHeardOf has starts that are committed and not written down, as
// by a process that was killed in between; then the schedule is changed.
func TestAStartThatNobodyHeardOf(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.apply("overlap: allow\ncatchUp: all\natMost: 5")
	w.due(4)
	w.hang = true
	w.run(2)
	require.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.requests) == 5
	}, 20*time.Second, 10*time.Millisecond)
	spec, err := definition.LoadSchedule("", []byte("unwind: v1\nschedule: nightly\nsaga: report\ncron: '0 * * * *'\ninput: {other: 1}"))
	require.NoError(t, err)
	_, err = w.Apply(t.Context(), "default", spec, "operator:bob")
	require.NoError(t, err)
	w.mu.Lock()
	w.hang = false
	w.mu.Unlock()
	s := w.becomes(times(5, "started"))
	require.Len(t, w.requests, 5)
	for _, f := range s.Fires {
		require.NotZero(t, f.Saga)
	}
}

func TestOverlap(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ policy, under, ended string }{
		{"skip", "skipped started", "skipped started"},
		{"allow", times(2, "started"), times(2, "started")},
		{"queue", "queued started", times(2, "started")},
		{"replace", "queued started", times(2, "started")},
	} {
		t.Run(c.policy, func(t *testing.T) {
			t.Parallel()
			w := open(t)
			w.apply("catchUp: all\noverlap: " + c.policy)
			w.due(1)
			w.run(2)
			w.becomes(c.under)
			if c.policy == "replace" {
				require.Eventually(t, func() bool {
					w.mu.Lock()
					defer w.mu.Unlock()
					return len(w.verbs) > 0
				}, 20*time.Second, 10*time.Millisecond)
				require.Equal(t, saga.Cancelled, w.verbs[0].Kind)
				require.Contains(t, w.verbs[0].RequestID, "schedule/nightly/")
			}
			w.end()
			w.becomes(c.ended)
		})
	}
}

// TestAPausedSchedule fires nothing, catches up on nothing, and can be triggered.
func TestAPausedSchedule(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.apply("")
	s, err := w.Pause(t.Context(), "default", "nightly", "the office is closed", "operator:ann")
	require.NoError(t, err)
	require.Equal(t, "the office is closed", *s.Paused)
	w.due(3)
	w.run(2)
	s, err = w.Trigger(t.Context(), "default", "nightly", "a look", "operator:bob")
	require.NoError(t, err)
	require.Len(t, s.Fires, 1)
	s = w.becomes("started")
	require.Equal(t, "operator:bob", s.Fires[0].Actor)
	w.end()
	s, err = w.Resume(t.Context(), "default", "nightly", "", "operator:ann")
	require.NoError(t, err)
	require.Nil(t, s.Paused)
	require.True(t, s.Next.After(time.Now().Add(-time.Minute)))
	var story []string
	for _, c := range s.Changes {
		story = append(story, c.What+" "+c.Actor)
	}
	require.Equal(t, []string{"resumed operator:ann", "triggered operator:bob", "paused operator:ann", "applied operator:ann"}, story)
	require.NoError(t, w.Delete(t.Context(), "default", "nightly", "", "operator:ann"))
	_, err = w.Get(t.Context(), "default", "nightly")
	require.ErrorIs(t, err, schedule.ErrNotFound)
	require.ErrorIs(t, w.Delete(t.Context(), "default", "nightly", "", "operator:ann"), schedule.ErrNotFound)
}

// TestARefusedStart says why, and the next time is tried like any other; one that
// cannot be decided now is tried again.
func TestARefusedStart(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.apply("")
	w.due(0)
	w.fail = fmt.Errorf("%w: report", coordinator.ErrNoDefinition)
	w.run(1)
	s := w.becomes("refused")
	require.Contains(t, s.Fires[0].Detail, "report")
	w.mu.Lock()
	w.fail, w.tries = coordinator.ErrNotReady, 0
	w.mu.Unlock()
	_, err := w.Trigger(t.Context(), "default", "nightly", "", "operator:ann")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.tries > 1
	}, 20*time.Second, 10*time.Millisecond)
	w.mu.Lock()
	w.fail = nil
	w.mu.Unlock()
	w.becomes("started refused")
}

// TestAScheduleOfANewerBuild stops no other one.
func TestAScheduleOfANewerBuild(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.apply("")
	w.exec(`INSERT INTO unwind.schedules (namespace, name, spec, next_at, queued_at, changed_by) VALUES ('default', 'newer', '{"every":"1h"}', now() - interval '1 day', now(), '')`)
	w.exec(`INSERT INTO unwind.schedule_fires (namespace, name, at, outcome, actor) VALUES ('default', 'newer', now() - interval '1 day', 'due', '')`)
	w.due(0)
	w.run(2)
	w.becomes("started")
	require.Len(t, w.requests, 1)
}

// TestWhatIsKeptOfASchedule is the last hundred fires and those whose sagas run.
func TestWhatIsKeptOfASchedule(t *testing.T) {
	t.Parallel()
	w := open(t)
	first := w.apply("")
	same := w.apply("")
	require.Equal(t, first.Changes, same.Changes, "what is the same is no change")
	w.exec(`INSERT INTO unwind.sagas (id, namespace, definition, version, level, status, bucket, seq, started_at, changed_at, state)
SELECT lpad(n::text, 32, '0')::uuid, 'default', 'report', 'r1', 1, CASE n WHEN 7 THEN 1 ELSE 3 END, 0, 1, now(), now(), '' FROM generate_series(1, 300) AS n`)
	w.exec(`INSERT INTO unwind.schedule_fires (namespace, name, at, outcome, saga, actor)
SELECT 'default', 'nightly', now() - (500 - n) * interval '1 day', 'started', lpad(n::text, 32, '0')::uuid, 'x' FROM generate_series(1, 300) AS n`)
	w.due(0)
	w.run(1)
	s := w.becomes("skipped " + times(19, "started"))
	require.Contains(t, s.Fires[0].Detail, "under way")
	var n int
	require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT count(*) FROM unwind.schedule_fires`).Scan(&n))
	require.Equal(t, 101, n)
	spec := first.Spec
	w.exec(`INSERT INTO unwind.schedules (namespace, name, spec, next_at, changed_by)
SELECT 'default', 'n' || n, spec, now() + interval '1 day', '' FROM unwind.schedules, generate_series(1, $1) AS n`, schedule.MaxSchedules)
	spec.Schedule = "another"
	_, err := w.Apply(t.Context(), "default", spec, "operator:ann")
	require.ErrorIs(t, err, schedule.ErrTooMany)
	list, err := w.List(t.Context(), "default", "n998", 5)
	require.NoError(t, err)
	require.Len(t, list, 2) // n999 and nightly
}
