package e2e

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
)

// clientTrace is the traceparent of a client that starts a saga.
const clientTrace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// TestTraces reads the traces of sagas of all fates back from a real Jaeger: each is
// one tree of one root, with every attempt of the history and, below it, what the
// participant did.
func TestTraces(t *testing.T) {
	t.Parallel()
	jaeger := testserver.Jaeger(t)
	w := newWorld(t, testserver.Kafka(t), 0)
	w.extra = []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + jaeger.OTLP(), "OTEL_BSP_SCHEDULE_DELAY=200"}
	w.nodes = []*node{{}, {}}
	w.begin(0)
	w.begin(1, "OTEL_EXPORTER_OTLP_ENDPOINT="+jaeger.OTLPGRPC(), "OTEL_EXPORTER_OTLP_PROTOCOL=grpc")
	w.define(t)
	for name, f := range map[string]fate{
		"completed":   {"trip", nil, saga.Completed, "flight hotel charge mail"},
		"compensated": {"trip", script{"payments": {"reject"}}, saga.Compensated, "flight hotel -hotel -flight"},
		"tried again": {"trip", script{"hotels": {"fail", "ok"}}, saga.Completed, "flight hotel charge mail"},
		"late":        {"hasty", script{"hotels": {"slow:5s"}}, saga.Compensated, "flight hotel -hotel -flight"},
	} {
		t.Run(name, func(t *testing.T) {
			begin := opening(f.definition, f.script)
			begin.trace = clientTrace
			id := idOf(t, w.call(t, begin))
			history := w.ended(t, id, f.status)
			root := w.traced(t, jaeger.URL(), id, history)
			require.Equal(t, f.status.String(), root.tag("unwind.status"))
			require.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", root.tag("unwind.started_by.trace_id"))
			require.Equal(t, f.status != saga.Completed, root.tag("error") == "true")
			w.tellAgain(t, id)
			w.traced(t, jaeger.URL(), id, history)
		})
	}
	t.Run("crash", func(t *testing.T) { // last: it kills a coordinator
		id := w.start(t, "trip", script{"hotels": {"slow:3s"}})
		w.phase(t, id, "hotel", saga.Doing.String())
		w.owner(t, id).kill()
		for i, n := range w.nodes { // ask the one that is left
			if i == 0 && w.alive() == 1 {
				w.nodes = []*node{w.nodes[1], n}
				break
			}
		}
		history := w.ended(t, id, saga.Completed)
		w.traced(t, jaeger.URL(), id, history)
	})
}

// tellAgain has a trace exported once more, as after a crash between export and
// delete.
func (w *world) tellAgain(t *testing.T, id saga.ID) {
	t.Helper()
	exported := func() bool {
		var left int
		require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT count(*) FROM unwind.trace_queue WHERE saga = $1`, id.String()).Scan(&left))
		return left == 0
	}
	eventually(t, "the trace is exported", exported) // Jaeger may show it before its note is deleted
	_, err := w.pool.Exec(t.Context(), `INSERT INTO unwind.trace_queue (saga, window_seq) VALUES ($1, 0)`, id.String())
	require.NoError(t, err)
	eventually(t, "the trace is exported again", exported)
}

// owner is the coordinator that owns a saga's bucket.
func (w *world) owner(t *testing.T, id saga.ID) *node {
	t.Helper()
	var owner string
	require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT b.owner FROM unwind.sagas s JOIN unwind.buckets b USING (bucket)
		WHERE s.id = $1`, id.String()).Scan(&owner))
	for _, n := range w.nodes {
		if strings.Contains(owner, "/"+strconv.Itoa(n.cmd.Process.Pid)+"/") {
			return n
		}
	}
	require.Fail(t, "nobody owns the bucket", owner)
	return nil
}

// span is one span as Jaeger's API shows it; times are in microseconds.
type span struct {
	SpanID        string
	OperationName string
	ProcessID     string
	References    []struct{ RefType, TraceID, SpanID string }
	StartTime     int64
	Duration      int64
	Tags          []struct {
		Key   string
		Value any
	}
}

func (s *span) tag(key string) string {
	for _, tag := range s.Tags {
		if tag.Key != key {
			continue
		}
		text, err := json.Marshal(tag.Value)
		if err == nil {
			return strings.Trim(string(text), `"`)
		}
	}
	return ""
}

func (s *span) parent() string {
	for _, r := range s.References {
		if r.RefType == "CHILD_OF" {
			return r.SpanID
		}
	}
	return ""
}

// traced waits until a saga's trace is whole, checks it and returns its root.
func (w *world) traced(t *testing.T, jaeger string, id saga.ID, history []client.Event) *span {
	t.Helper()
	want := map[string]bool{}
	for _, e := range history {
		for _, s := range e.Sent {
			want[s.Direction+" "+s.Step+" "+strconv.Itoa(s.Attempt)] = true
		}
	}
	var spans []span
	services := map[string]string{}
	eventually(t, "the trace of saga "+id.String()+" is whole", func() bool {
		spans, services = readTrace(t, jaeger, id)
		return answered(spans, services) == len(want)
	})
	byID := map[string]*span{}
	var root *span
	for i := range spans {
		s := &spans[i]
		require.NotContains(t, byID, s.SpanID, "a span id twice")
		byID[s.SpanID] = s
		if s.parent() == "" {
			require.Nil(t, root, "a second root: %s", s.OperationName)
			root = s
		}
	}
	require.NotNil(t, root)
	require.Equal(t, id.String(), root.tag("saga.id"))
	got := map[string]bool{}
	for i := range spans {
		s := &spans[i]
		if s == root {
			continue
		}
		above := byID[s.parent()]
		require.NotNil(t, above, "%s hangs nowhere", s.OperationName)
		if services[s.ProcessID] != "unwind" {
			require.Equal(t, services[s.ProcessID], above.tag("unwind.participant"), "%s is not below its attempt", s.OperationName)
			require.Equal(t, above.tag("unwind.attempt"), s.tag("unwind.attempt"))
			continue
		}
		require.Same(t, root, above)
		require.True(t, s.StartTime >= root.StartTime && s.StartTime+s.Duration <= root.StartTime+root.Duration, "%s is not within the root", s.OperationName)
		if attempt := s.tag("unwind.attempt"); attempt != "" {
			got[s.OperationName+" "+attempt] = true
		}
	}
	require.Equal(t, want, got, "the attempts of the history")
	noGap(t, root, spans)
	return root
}

// noGap checks that the spans right below the root leave no moment of it out: a saga
// is always waiting for an answer, for the next attempt or for a gate.
func noGap(t *testing.T, root *span, spans []span) {
	t.Helper()
	below := slices.DeleteFunc(slices.Clone(spans), func(s span) bool { return s.parent() != root.SpanID })
	slices.SortFunc(below, func(a, b span) int { return cmp.Compare(a.StartTime, b.StartTime) })
	told := root.StartTime
	for _, s := range below {
		require.LessOrEqual(t, s.StartTime, told, "nothing tells what happened before %s", s.OperationName)
		told = max(told, s.StartTime+s.Duration)
	}
	require.Equal(t, root.StartTime+root.Duration, told)
}

// answered counts the attempts that have a participant's span below them; -1 while
// the backend has not all that the coordinator told, which it may store bit by bit.
func answered(spans []span, services map[string]string) int {
	above := map[string]bool{}
	told, want := 0, "none"
	for i := range spans {
		if services[spans[i].ProcessID] != "unwind" {
			above[spans[i].parent()] = true
			continue
		}
		told++
		if spans[i].parent() == "" {
			want = spans[i].tag("unwind.spans")
		}
	}
	if strconv.Itoa(told) != want {
		return -1
	}
	return len(above)
}

// readTrace asks Jaeger for a saga's trace: spans, and services by process id.
func readTrace(t *testing.T, jaeger string, id saga.ID) ([]span, map[string]string) {
	t.Helper()
	resp, err := web.Get(jaeger + "/api/traces/" + strings.ReplaceAll(id.String(), "-", ""))
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	if resp.StatusCode == http.StatusNotFound {
		return nil, nil
	}
	var answer struct {
		Data []struct {
			Spans     []span
			Processes map[string]struct{ ServiceName string }
		}
	}
	require.NoError(t, json.Unmarshal(body, &answer), "%s", body)
	require.Len(t, answer.Data, 1)
	services := map[string]string{}
	for id, p := range answer.Data[0].Processes {
		services[id] = p.ServiceName
	}
	return answer.Data[0].Spans, services
}
