package rest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestARouteThatForgetsTheNamespaceIsStopped builds the route that somebody will
// write one day.
func TestARouteThatForgetsTheNamespaceIsStopped(t *testing.T) {
	t.Parallel()
	type engine struct{ Engine }
	type reader struct{ Reader }
	type library struct{ Registry }
	type starts struct{ Starts }
	s, err := New(Config{Engine: engine{}, Reader: reader{}, Registry: library{}, Starts: starts{}})
	require.NoError(t, err)
	type output struct{ Body string }
	leak := func(context.Context, *struct{}) (*output, error) { return &output{Body: "secret"}, nil }
	handle(s, "GET /forgets", route{"forgets", "", SagasRead, nil}, leak)
	handle(s, "GET /undeclared", route{"undeclared", "", "new:thing", nil}, leak)
	for path, want := range map[string]int{"/forgets": http.StatusInternalServerError, "/undeclared": http.StatusOK} {
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		require.Equal(t, want, rec.Code, path)
		require.Equal(t, want == http.StatusOK, rec.Body.String() == "\"secret\"\n", path)
	}
}
