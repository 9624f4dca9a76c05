package client_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
)

func TestAKeyIsNotSentOn(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 1)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- r.Header.Get("Authorization")
	}))
	t.Cleanup(other.Close)
	server := httptest.NewServer(http.RedirectHandler(other.URL+"/v1/whoami", http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	c, err := client.New(client.Config{URL: server.URL, APIKey: "unwind_key"})
	require.NoError(t, err)
	_, err = c.WhoAmI(t.Context())
	require.ErrorContains(t, err, "the server answered 307 and points to \""+other.URL)
	require.Empty(t, asked)
}

func TestAURLHoldsNoPassword(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"https://anna:s3cret@example.com", "https://anna:s3%zzcret@example.com", "anna:s3cret@example.com"} {
		_, err := client.New(client.Config{URL: url})
		require.ErrorContains(t, err, "show an API key")
		require.NotContains(t, err.Error(), "cret")
	}
}
