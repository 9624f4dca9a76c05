package rest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/deadletter/office"
	"github.com/unwindhq/unwind/internal/access"
	"github.com/unwindhq/unwind/internal/batch"
	"github.com/unwindhq/unwind/internal/rest"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// keys is an authenticator: a key is "namespace=role,namespace=role".
type keys struct{ away bool }

func (k keys) Authenticate(_ context.Context, key string) (access.Principal, error) {
	if k.away {
		return access.Principal{}, errors.New("no answer from Postgres")
	}
	p := access.Principal{Key: "abc", Name: "ci", Roles: map[string]access.Role{}}
	for pair := range strings.SplitSeq(key, ",") {
		namespace, role, _ := strings.Cut(pair, "=")
		var err error
		if p.Roles[namespace], err = access.ParseRole(role); err != nil {
			return access.Principal{}, access.ErrNoKey
		}
	}
	return p, nil
}

// guarded serves a world with the namespaces default, shop and other.
func (w *world) guarded(t *testing.T) (*httptest.Server, *rest.Server) {
	t.Helper()
	return w.serve(t, func(c *rest.Config) {
		c.Access, c.Namespaces = keys{}, []string{"default", "shop", "other"}
		c.DeadLetters = shopLetters{w}
		c.Batches = shopBatches{w}
		c.Schedules = shopSchedules{w}
		c.Contracts = shopContracts{w}
		c.Holds, c.Quotas = &held{}, &quotas{}
	})
}

// isClaim makes a saga one that waits.
func isClaim(s *saga.State) {
	s.Definition, s.Steps = "claim", []saga.StepState{{Phase: saga.Awaiting}, {Phase: saga.Asking, Attempt: 2}, {Phase: saga.Waiting}}
}

// addIn puts a saga of a namespace into the world.
func (w *world) addIn(namespace string) saga.ID {
	id := w.add()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sagas[id] = coordinator.Row{Namespace: namespace, State: w.sagas[id].State}
	return id
}

// may is who may do what, written down a second time: a change of the one table in
// permission.go must be meant.
var may = map[rest.Permission]struct {
	least access.Role
	where string // of: the object's namespace; all: all namespaces at once; any: every key
}{
	rest.AnyKey:           {access.Viewer, "any"},
	rest.SagasRead:        {access.Viewer, "of"},
	rest.SagasStart:       {access.Operator, "of"},
	rest.SagasCancel:      {access.Operator, "of"},
	rest.SagasOperate:     {access.Operator, "of"},
	rest.SagasSignal:      {access.Operator, "of"},
	rest.SagasDecide:      {access.Viewer, "of"},
	rest.SagasTerminate:   {access.Admin, "of"},
	rest.DefinitionsRead:  {access.Viewer, "of"},
	rest.DefinitionsApply: {access.Admin, "of"},
	rest.SchedulesRead:    {access.Viewer, "of"},
	rest.SchedulesWrite:   {access.Operator, "of"},
	rest.ContractsApply:   {access.Operator, "of"},
	rest.BreakersRead:     {access.Viewer, "all"},
	rest.HoldsRead:        {access.Viewer, "of"},
	rest.HoldsWrite:       {access.Operator, "of"},
	rest.ParticipantsHold: {access.Operator, "all"},
	rest.QuotasRead:       {access.Viewer, "of"},
	rest.QuotasWrite:      {access.Admin, "all"},
	rest.DeadLettersRead:  {access.Viewer, "of"},
	rest.DeadLettersWrite: {access.Operator, "of"},
}

// samples are requests about an object in namespace shop, by operation: path and
// body. {saga} is a saga.
var samples = map[string][2]string{
	"startSaga":         {"/v1/sagas?namespace=shop", `{"definition":"bookTrip","input":{"cents":1}}`},
	"startSagas":        {"/v1/starts?namespace=shop", `{"starts":[{"key":"k","definition":"bookTrip","input":{"cents":1}}]}`},
	"listSagas":         {"/v1/sagas?namespace=shop", ""},
	"getSaga":           {"/v1/sagas/{saga}", ""},
	"getHistory":        {"/v1/sagas/{saga}/history", ""},
	"whySaga":           {"/v1/sagas/{saga}/why", ""},
	"querySaga":         {"/v1/sagas/{saga}/queries/progress", ""},
	"cancelSaga":        {"/v1/sagas/{saga}/cancel", "{}"},
	"pauseSaga":         {"/v1/sagas/{saga}/pause", "{}"},
	"resumeSaga":        {"/v1/sagas/{saga}/resume", "{}"},
	"retrySaga":         {"/v1/sagas/{saga}/retry", `{"step":"reserve"}`},
	"skipStep":          {"/v1/sagas/{saga}/skip", `{"step":"reserve","reason":"by telephone"}`},
	"resolveStep":       {"/v1/sagas/{saga}/resolve", `{"step":"reserve","reason":"by telephone"}`},
	"editStep":          {"/v1/sagas/{saga}/edit", `{"step":"reserve","input":{"seat":"12A"},"reason":"row 13 is none"}`},
	"assignSaga":        {"/v1/sagas/{saga}/assign", `{"to":"group:desk"}`},
	"acknowledgeSaga":   {"/v1/sagas/{saga}/acknowledge", `{"reason":"the bank knows"}`},
	"snoozeSaga":        {"/v1/sagas/{saga}/snooze", `{"until":"2030-01-01T00:00:00Z"}`},
	"describeSaga":      {"/v1/sagas/{saga}/describe", `{"attributes":{"customer":"c8"}}`},
	"resetSaga":         {"/v1/sagas/{saga}/reset", `{"step":"reserve","reason":"the wrong town"}`},
	"terminateSaga":     {"/v1/sagas/{saga}/terminate", `{"reason":"bankrupt"}`},
	"annotateSaga":      {"/v1/sagas/{saga}/annotate", `{"reason":"see the incident"}`},
	"restartSaga":       {"/v1/sagas/{saga}/restart", "{}"},
	"signalSaga":        {"/v1/sagas/{saga}/signal", `{"signal":"paid","payload":{"ref":"P1"}}`},
	"updateSaga":        {"/v1/sagas/{saga}/updates/changeSeat", `{"input":{"seat":"12A"}}`},
	"approveStep":       {"/v1/sagas/{saga}/approve", `{"step":"sign"}`},
	"refuseStep":        {"/v1/sagas/{saga}/refuse", `{"step":"sign"}`},
	"applyDefinition":   {"/v1/definitions?namespace=shop", trip},
	"disableDefinition": {"/v1/definitions/bookTrip/disable?namespace=shop", `{"reason":"no seats"}`},
	"enableDefinition":  {"/v1/definitions/bookTrip/enable?namespace=shop", "{}"},
	"promoteDefinition": {"/v1/definitions/bookTrip/promote?namespace=shop", `{"version":"r1"}`},
	"listDefinitions":   {"/v1/definitions?namespace=shop", ""},
	"getDefinition":     {"/v1/definitions/bookTrip?namespace=shop", ""},
	"whoami":            {"/v1/whoami", ""},
	"listBreakers":      {"/v1/breakers", ""},
	"getBreaker":        {"/v1/breakers/payments", ""},

	"listHolds":          {"/v1/holds?namespace=shop", ""},
	"holdParticipant":    {"/v1/participants/payments/hold", `{"reason":"the bank moves"}`},
	"releaseParticipant": {"/v1/participants/payments/release", `{"rate":20}`},
	"holdDefinition":     {"/v1/definitions/bookTrip/hold?namespace=shop", `{"reason":"a look"}`},
	"releaseDefinition":  {"/v1/definitions/bookTrip/release?namespace=shop", "{}"},
	"holdNamespace":      {"/v1/namespace/hold?namespace=shop", `{"reason":"a look"}`},
	"releaseNamespace":   {"/v1/namespace/release?namespace=shop", "{}"},

	"getQuotas": {"/v1/namespace/quotas?namespace=shop", ""},
	"setQuotas": {"/v1/namespace/quotas?namespace=shop", `{"starts":50,"reason":"a contract"}`},

	"createBatch":   {"/v1/batches?namespace=shop", `{"verb":"retry","reason":"back","filter":{"attention":true}}`},
	"listBatches":   {"/v1/batches?namespace=shop", ""},
	"getBatch":      {"/v1/batches/7", ""},
	"getBatchSagas": {"/v1/batches/7/sagas", ""},
	"approveBatch":  {"/v1/batches/7/approve", "{}"},
	"runBatch":      {"/v1/batches/7/run", "{}"},
	"pauseBatch":    {"/v1/batches/7/pause", "{}"},
	"stopBatch":     {"/v1/batches/7/stop", "{}"},

	"applyContract":    {"/v1/participants?namespace=shop", cards},
	"listParticipants": {"/v1/participants?namespace=shop", ""},
	"getParticipant":   {"/v1/participants/cards?namespace=shop", ""},

	"applySchedule":   {"/v1/schedules?namespace=shop", nightly},
	"listSchedules":   {"/v1/schedules?namespace=shop", ""},
	"getSchedule":     {"/v1/schedules/nightly?namespace=shop", ""},
	"deleteSchedule":  {"/v1/schedules/nightly?namespace=shop", ""},
	"pauseSchedule":   {"/v1/schedules/nightly/pause?namespace=shop", `{"reason":"closed"}`},
	"resumeSchedule":  {"/v1/schedules/nightly/resume?namespace=shop", "{}"},
	"triggerSchedule": {"/v1/schedules/nightly/trigger?namespace=shop", "{}"},

	"listDeadLetters":    {"/v1/dead-letters?namespace=shop", ""},
	"groupDeadLetters":   {"/v1/dead-letters/groups?namespace=shop", ""},
	"getDeadLetter":      {"/v1/dead-letters/7", ""},
	"redriveDeadLetters": {"/v1/dead-letters/redrive?namespace=shop", `{"topic":"bookTrip"}`},
	"redriveDeadLetter":  {"/v1/dead-letters/7/redrive", "{}"},
	"discardDeadLetter":  {"/v1/dead-letters/7/discard", `{"reason":"nobody has a use for it"}`},
}

// shopBatches are batches: one, in namespace shop.
type shopBatches struct{ *world }

func (b shopBatches) Create(ctx context.Context, f rest.Filter, r batch.Request) (batch.Batch, error) {
	if r.Fits != nil {
		if err := r.Fits(ctx, b.kinds); err != nil {
			return batch.Batch{}, fmt.Errorf("make a batch: %w", err)
		}
	}
	shopLetters(b).act()
	b.batches = append(b.batches, r)
	return batch.Batch{ID: 7, Namespace: f.Namespace, Verb: r.Verb, Filter: r.Asked, Actor: r.Actor}, nil
}

func (b shopBatches) Get(_ context.Context, id int64) (batch.Batch, error) {
	if id != 7 {
		return batch.Batch{}, batch.ErrNotFound
	}
	return batch.Batch{ID: 7, Namespace: "shop", Verb: saga.Retried, Filter: "{}"}, nil
}

func (b shopBatches) List(context.Context, string, int64, int) ([]batch.Batch, error) {
	return nil, nil
}

func (b shopBatches) Items(context.Context, int64, saga.ID, *batch.Outcome, int) ([]batch.Item, error) {
	return []batch.Item{{Saga: saga.ID{1}, Outcome: batch.Asked}}, nil
}

func (b shopBatches) Change(ctx context.Context, id int64, to batch.State, _ string) (batch.Batch, error) {
	shopLetters(b).act()
	found, err := b.Get(ctx, id)
	found.State = to
	return found, err
}

func (b shopBatches) Approve(ctx context.Context, id int64, actor string) (batch.Batch, error) {
	shopLetters(b).act()
	found, err := b.Get(ctx, id)
	found.ApprovedBy = actor
	return found, err
}

// shopLetters are dead letters: one, in namespace shop.
type shopLetters struct{ *world }

func (l shopLetters) act() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.verbs = append(l.verbs, coordinator.Verb{})
}

func (l shopLetters) Get(_ context.Context, id int64) (office.Letter, error) {
	if id != 7 {
		return office.Letter{}, office.ErrNotFound
	}
	return office.Letter{ID: 7, Namespace: "shop", Reason: "bookTrip"}, nil
}

func (l shopLetters) List(context.Context, office.Filter) ([]office.Letter, int64, error) {
	return nil, 0, nil
}

func (l shopLetters) Groups(context.Context, office.Filter) ([]office.Group, error) { return nil, nil }

func (l shopLetters) Preview(context.Context, int64, office.Decision) (office.Effect, error) {
	return office.Effect{}, nil
}

func (l shopLetters) Redrive(context.Context, int64, office.Decision) (office.Effect, error) {
	l.act()
	return office.Effect{}, nil
}

func (l shopLetters) RedriveAll(context.Context, office.Filter, office.Decision, bool) ([]office.Result, error) {
	l.act()
	return nil, nil
}

func (l shopLetters) Discard(context.Context, int64, office.Decision) error {
	l.act()
	return nil
}

// everyRoute calls f with every operation of the API.
func everyRoute(s *rest.Server, f func(method, path string, op *huma.Operation, p rest.Permission)) {
	for path, item := range s.OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{
			"GET": item.Get, "PUT": item.Put, "POST": item.Post, "DELETE": item.Delete, "PATCH": item.Patch,
			"OPTIONS": item.Options, "HEAD": item.Head, "TRACE": item.Trace,
		} {
			if op != nil {
				p, _ := op.Extensions["x-unwind-permission"].(string)
				f(method, path, op, rest.Permission(p))
			}
		}
	}
}

func TestEveryRouteDeclaresItsPermission(t *testing.T) {
	t.Parallel()
	_, s := newWorld(t).guarded(t)
	public := map[string]bool{}
	everyRoute(s, func(method, path string, op *huma.Operation, p rest.Permission) {
		if p == rest.Public {
			public[path] = true
			return
		}
		require.Contains(t, may, p, "%s %s declares a permission that nobody wrote down: add it to rules in permission.go and to may here", method, path)
		require.Contains(t, samples, op.OperationID, "%s %s has no sample: add one about an object in namespace shop", method, path)
	})
	require.Equal(t, map[string]bool{"/healthz": true, "/readyz": true}, public)
}

// TestNobodyReachesAnotherNamespace calls every route with keys that must not have
// it, and with the lowest that may.
func TestNobodyReachesAnotherNamespace(t *testing.T) {
	t.Parallel()
	_, described := newWorld(t).guarded(t)
	everyRoute(described, func(method, path string, op *huma.Operation, p rest.Permission) {
		if p == rest.Public {
			return
		}
		t.Run(method+" "+path, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			saga := w.addIn("shop")
			object := saga.String()
			if op.OperationID == "restartSaga" {
				w.hasEnded(saga)
			}
			if op.OperationID == "signalSaga" || p == rest.SagasDecide {
				w.set(saga, isClaim)
			}
			server, _ := w.guarded(t)
			ask := func(key string) (int, string, http.Header) {
				sample := samples[op.OperationID]
				headers := []string{}
				if method == http.MethodPut {
					headers = append(headers, "Content-Type", "application/yaml")
				}
				if key != "" {
					headers = append(headers, "Authorization", "Bearer "+key)
				}
				res, body := call(t, method, server.URL+strings.ReplaceAll(sample[0], "{saga}", object), sample[1], headers...)
				return res.StatusCode, body, res.Header
			}
			for _, key := range []string{"", "nonsense"} {
				status, body, header := ask(key)
				require.Equal(t, http.StatusUnauthorized, status, body)
				require.Equal(t, `Bearer realm="unwind"`, header.Get("WWW-Authenticate"))
			}
			refused(t, p, func(key string) (int, string) {
				status, body, _ := ask(key)
				return status, body
			})
			require.Empty(t, w.verbs)
			require.Empty(t, w.requests)
			allowed := "shop=" + may[p].least.String()
			if may[p].where == "all" {
				allowed = "*=" + may[p].least.String()
			}
			status, body, _ := ask(allowed)
			require.Less(t, status, 400, body)
		})
	})
}

// refused asks with keys that must not have a permission on an object in shop.
func refused(t *testing.T, p rest.Permission, ask func(key string) (int, string)) {
	t.Helper()
	rule := may[p]
	if rule.where == "any" {
		return
	}
	if lower := rule.least - 1; lower >= access.Viewer {
		for _, namespace := range []string{"shop", "*"} {
			status, body := ask(namespace + "=" + lower.String())
			require.Equal(t, http.StatusForbidden, status, body)
		}
		status, body := ask("other=admin,shop=" + lower.String())
		require.Equal(t, http.StatusForbidden, status, "a role elsewhere is none here: %s", body)
	}
	status, body := ask("other=admin,default=admin")
	if rule.where == "all" {
		require.Equal(t, http.StatusForbidden, status, body)
		return
	}
	require.Equal(t, http.StatusNotFound, status, body)
	require.NotContains(t, body, "bookTrip", "a foreign object shows nothing of itself")
}

func TestTheNamespaceOfARequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.guarded(t)
	for _, c := range []struct {
		key, query string
		want       string // of the start; or the status and the problem
	}{
		{"*=operator", "", "default"},
		{"shop=operator", "", "shop"},
		{"shop=operator,default=operator", "", "default"},
		{"shop=operator,other=operator", "", "422 unknown-namespace"},
		{"shop=operator", "?namespace=shop", "shop"},
		{"shop=operator", "?namespace=other", "404 unknown-namespace"},
		{"*=operator", "?namespace=elsewhere", "404 unknown-namespace"},
		{"elsewhere=operator", "?namespace=elsewhere", "404 unknown-namespace"},
		{"elsewhere=operator", "", "422 unknown-namespace"},
		{"shop=operator,default=viewer", "", "403 forbidden"},
	} {
		res, body := call(t, "POST", server.URL+"/v1/sagas"+c.query, `{"definition":"bookTrip","input":{"cents":1}}`, "Authorization", "bearer "+c.key)
		if status, code, ok := strings.Cut(c.want, " "); ok {
			require.Contains(t, res.Status, status, "%v: %s", c, body)
			require.Contains(t, body, `"code":"`+code+`"`, "%v", c)
			continue
		}
		require.Equal(t, http.StatusCreated, res.StatusCode, "%v: %s", c, body)
		last := w.requests[len(w.requests)-1]
		require.Equal(t, c.want, last.Namespace, "%v", c)
		require.Equal(t, saga.Actor{Kind: saga.Operator, Name: "ci"}, last.Actor)
	}
}

func TestASagaOfANamespaceThatIsNotServedIsUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stray := w.addIn("elsewhere").String()
	server, _ := w.guarded(t)
	res, _ := call(t, "GET", server.URL+"/v1/sagas/"+stray, "", "Authorization", "Bearer *=admin")
	require.Equal(t, http.StatusNotFound, res.StatusCode)
}

func TestKeysThatCannotBeCheckedAreNotRefusedForGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.serve(t, func(c *rest.Config) { c.Access = keys{away: true} })
	res, body := call(t, "GET", server.URL+"/v1/sagas", "", "Authorization", "Bearer *=admin")
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.NotContains(t, body, "Postgres")
	res, _ = call(t, "GET", server.URL+"/healthz", "")
	require.Equal(t, http.StatusOK, res.StatusCode, "health asks for no key")
}

func TestWhoAmI(t *testing.T) {
	t.Parallel()
	server, _ := newWorld(t).guarded(t)
	c, err := client.New(client.Config{URL: server.URL, APIKey: "shop=viewer,elsewhere=admin"})
	require.NoError(t, err)
	who, err := c.WhoAmI(t.Context())
	require.NoError(t, err)
	require.Equal(t, client.Identity{
		Name: "ci", Key: "abc", Roles: map[string]string{"shop": "viewer", "elsewhere": "admin"}, Namespaces: []string{"shop"},
	}, who)
}
