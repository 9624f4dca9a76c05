package contexts

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func add(name string, one Context) func(*Contexts) error {
	return func(c *Contexts) error {
		c.All[name] = one
		return nil
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "contexts.yaml")
	none, err := Read(path)
	require.NoError(t, err)
	require.Empty(t, none.Names())
	prod := Context{URL: "https://unwind.example", APIKeyFile: "/keys/prod", Namespace: "shop", Protected: true}
	require.NoError(t, Update(path, add("prod", prod)))
	require.NoError(t, Update(path, add("dev", Context{URL: "http://127.0.0.1:8080"})))
	require.NoError(t, Update(path, func(c *Contexts) error {
		c.Current = "prod"
		return nil
	}))
	c, err := Read(path)
	require.NoError(t, err)
	require.Equal(t, "prod", c.Current)
	require.Equal(t, []string{"dev", "prod"}, c.Names())
	require.Equal(t, prod, c.All["prod"])
	require.Equal(t, "prod", c.Protecting("https://unwind.example/"))
	require.Empty(t, c.Protecting("http://127.0.0.1:8080"))
	_, err = c.Get("prdo")
	require.ErrorIs(t, err, ErrUnknown)
	require.ErrorContains(t, err, "did you mean prod?")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestARefusedUpdateChangesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "contexts.yaml")
	require.NoError(t, Update(path, add("dev", Context{URL: "http://a"})))
	for _, c := range []struct {
		change func(*Contexts) error
		want   string
	}{
		{add("a b", Context{URL: "http://a"}), `the context's name "a b"`},
		{add("b", Context{}), "context b has no url"},
		{func(c *Contexts) error { c.Current = "gone"; return nil }, `current: context "gone": there is no such context`},
	} {
		require.ErrorContains(t, Update(path, c.change), c.want)
		kept, err := Read(path)
		require.NoError(t, err)
		require.Equal(t, []string{"dev"}, kept.Names())
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "contexts.yaml")
	require.NoError(t, os.WriteFile(path, []byte("contexts: {a: {url: 'http://a', api-key: k}}"), 0o600))
	_, err := Read(path)
	require.ErrorContains(t, err, "api-key")
	require.NoError(t, os.Chmod(path, 0o640))
	_, err = Read(path)
	require.ErrorContains(t, err, "is open to others (mode 0640): chmod 600 "+path)
}

func TestReadersNeverSeeHalfAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "contexts.yaml")
	require.NoError(t, Update(path, add("first", Context{URL: "http://a"})))
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			for n := range 20 {
				_ = Update(path, add(fmt.Sprintf("c%d-%d", i, n), Context{URL: "http://a"})) // one may lose against another
			}
		})
	}
	for range 200 {
		c, err := Read(path)
		require.NoError(t, err)
		require.Contains(t, c.All, "first")
	}
	writers.Wait()
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".contexts-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestAProtectedServerIsKnownAgain(t *testing.T) {
	t.Parallel()
	c := Contexts{All: map[string]Context{
		"prod": {URL: "https://unwind.example", Protected: true}, "far": {URL: "http://127.0.0.1:9000/", Protected: true}, "dev": {URL: "http://dev.example"},
	}}
	for url, want := range map[string]string{
		"https://unwind.example:443": "prod", "HTTPS://Unwind.Example//": "prod", "https://unwind.example./": "prod", "https://unwind.example/api": "prod",
		"http://localhost:9000": "far", "http://[::1]:9000": "far", "http://localhost:9001": "", "http://unwind.example": "", "http://dev.example": "", "": "",
	} {
		require.Equal(t, want, c.Protecting(url), url)
	}
}
