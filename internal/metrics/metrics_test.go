package metrics

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// show returns the page.
func show(t *testing.T, m *Metrics, accept string) string {
	t.Helper()
	request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	request.Header.Set("Accept", accept)
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, request)
	require.Equal(t, 200, answer.Code)
	return answer.Body.String()
}

func TestWhatIsAboveTheLimitIsOther(t *testing.T) {
	t.Parallel()
	m, err := New(Config{MaxSeries: 3})
	require.NoError(t, err)
	for i := range 10 {
		m.Request(fmt.Sprintf("operation%d", i), 200, 0)
		m.Request(fmt.Sprintf("operation%d", i), 200, 0)
	}
	require.Equal(t, 4, testutil.CollectAndCount(m.registry, families[requests].name))
	require.Equal(t, 4, testutil.CollectAndCount(m.registry, families[requestDuration].name))
	page := show(t, m, "")
	require.Contains(t, page, `unwind_http_requests_total{class="other",operation="other"} 14`)
	require.Contains(t, page, `unwind_series_other_total{metric="unwind_http_requests_total"} 7`)
}

func TestFormats(t *testing.T) {
	t.Parallel()
	m, err := New(Config{Version: "v1.2.3"})
	require.NoError(t, err)
	require.Contains(t, show(t, m, "application/openmetrics-text"), "# EOF")
	page := show(t, m, "text/plain")
	require.NotContains(t, page, "# EOF")
	require.Contains(t, page, `version="v1.2.3"`)
	problems, err := testutil.GatherAndLint(m.registry)
	require.NoError(t, err)
	require.Empty(t, problems)

	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/metrics", strings.NewReader("x")))
	require.Equal(t, 405, answer.Code)
}

func TestConfigFaults(t *testing.T) {
	t.Parallel()
	_, err := New(Config{MaxSeries: -1})
	require.ErrorContains(t, err, "must not be negative")
}

// TestFamilies holds the list to Prometheus's rules for names.
func TestFamilies(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range families {
		require.Regexp(t, `^unwind_[a-z_]+[a-z]$`, f.name)
		require.False(t, seen[f.name], f.name)
		seen[f.name] = true
		require.Equal(t, f.kind == counter, strings.HasSuffix(f.name, "_total"), f.name)
		require.Equal(t, f.kind == histogram, len(f.buckets) > 0, f.name)
		require.Regexp(t, `\.$`, f.help, f.name)
		require.LessOrEqual(t, len(f.labels), 4, f.name)
	}
}
