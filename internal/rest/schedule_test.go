package rest_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/schedule"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

const nightly = "unwind: v1\nschedule: nightly\nsaga: bookTrip\ncron: '30 2 * * *'\nzone: Europe/Berlin\ninput: {cents: 1}\n"

// shopSchedules are schedules: one, in namespace shop.
type shopSchedules struct{ *world }

func (s shopSchedules) find(namespace, name string) (schedule.Schedule, error) {
	if namespace != "shop" || name != "nightly" {
		return schedule.Schedule{}, schedule.ErrNotFound
	}
	spec, err := definition.LoadSchedule("", []byte(nightly))
	return schedule.Schedule{
		Namespace: namespace, Spec: spec, Next: at, Created: at, Changed: at, ChangedBy: "operator:ann", Times: []time.Time{at},
		Fires:   []schedule.Fire{{At: at, Outcome: schedule.Started, Saga: saga.ID{1}, Actor: "schedule:nightly", Decided: at}},
		Changes: []schedule.Change{{At: at, What: "applied", Actor: "operator:ann"}},
	}, err
}

func (s shopSchedules) act(namespace, name string) (schedule.Schedule, error) {
	shopLetters(s).act()
	return s.find(namespace, name)
}

func (s shopSchedules) Apply(_ context.Context, namespace string, spec *definition.Schedule, _ string) (schedule.Schedule, error) {
	if spec.AtMost == 77 {
		return schedule.Schedule{}, schedule.ErrTooMany
	}
	return s.act(namespace, spec.Schedule)
}

func (s shopSchedules) Get(_ context.Context, namespace, name string) (schedule.Schedule, error) {
	return s.find(namespace, name)
}

func (s shopSchedules) List(_ context.Context, namespace, _ string, _ int) ([]schedule.Schedule, error) {
	one, err := s.find(namespace, "nightly")
	return []schedule.Schedule{one}, err
}

func (s shopSchedules) Pause(_ context.Context, namespace, name, reason, _ string) (schedule.Schedule, error) {
	found, err := s.act(namespace, name)
	found.Paused = &reason
	return found, err
}

func (s shopSchedules) Resume(_ context.Context, namespace, name, _, _ string) (schedule.Schedule, error) {
	return s.act(namespace, name)
}

func (s shopSchedules) Trigger(_ context.Context, namespace, name, reason, _ string) (schedule.Schedule, error) {
	if reason == "again" {
		return schedule.Schedule{}, schedule.ErrBusy
	}
	return s.act(namespace, name)
}

func (s shopSchedules) Delete(_ context.Context, namespace, name, _, _ string) error {
	_, err := s.act(namespace, name)
	return err
}

func TestSchedules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.guarded(t)
	c, err := client.New(client.Config{URL: server.URL, APIKey: "shop=operator"})
	require.NoError(t, err)
	s, err := c.ApplySchedule(t.Context(), "nightly.yaml", []byte(nightly))
	require.NoError(t, err)
	require.Equal(t, "nightly bookTrip", s.Name+" "+s.Definition)
	require.Equal(t, "started", s.Fires[0].Outcome)
	require.NotEmpty(t, s.Fires[0].Saga)
	s, err = c.PauseSchedule(t.Context(), "nightly", "closed")
	require.NoError(t, err)
	require.True(t, s.Paused)
	require.Nil(t, s.NextAt)
	page, err := c.Schedules(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, page.Schedules, 1)
	_, err = c.DeleteSchedule(t.Context(), "nightly", "no need")
	require.NoError(t, err)
	_, err = c.Schedule(t.Context(), "weekly")
	require.Equal(t, client.NotFound, client.CodeOf(err))
	_, err = c.TriggerSchedule(t.Context(), "nightly", "again")
	require.Equal(t, client.NotNow, client.CodeOf(err))
	for text, want := range map[string]string{
		"unwind: v1\nschedule: nightly\nsaga: bookTrip\ncron: '30 25 * * *'":                                         "nightly.yaml:4: cron: not a cron expression",
		"unwind: v1\nschedule: nightly\nsaga: bookTrips\ncron: '@daily'":                                             "bookTrips",
		"unwind: v1\nschedule: nightly\nsaga: bookTrip\ncron: '@daily'\ninput: {cents: much}":                        "cents",
		"unwind: v1\nschedule: nightly\nsaga: bookTrip\ncron: '@daily'\ncatchUp: all\natMost: 77\ninput: {cents: 1}": "1000 schedules",
	} {
		_, err := c.ApplySchedule(t.Context(), "nightly.yaml", []byte(text))
		require.ErrorContains(t, err, want)
	}
	res, _ := call(t, http.MethodGet, server.URL+"/v1/schedules", "", "Authorization", "Bearer shop=viewer")
	require.Equal(t, http.StatusOK, res.StatusCode)
}
