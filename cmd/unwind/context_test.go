package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// person runs command lines with contexts of their own and answers questions.
type person struct {
	t   *testing.T
	env map[string]string
}

func newPerson(t *testing.T) *person {
	return &person{t, map[string]string{"UNWIND_CONTEXTS": filepath.Join(t.TempDir(), "contexts.yaml")}}
}

func (p *person) run(answer, line string) (code int, text string) {
	p.t.Helper()
	var out bytes.Buffer
	q := &program{out: &out, errs: &out, in: strings.NewReader(answer), getenv: func(key string) string { return p.env[key] }}
	code = q.run(p.t.Context(), strings.Fields(line))
	return code, out.String()
}

func (p *person) ok(line string) string {
	p.t.Helper()
	code, text := p.run("", line)
	require.Equal(p.t, exitOK, code, text)
	return text
}

// station is a server that remembers who asked it what.
type station struct {
	url   string
	asked []string
}

func newStation(t *testing.T) *station {
	s := &station{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked = append(s.asked, r.Method+" "+r.Header.Get("Authorization"))
		_, _ = w.Write([]byte(`{"id":"` + sagaID + `","status":"compensating","definitions":[]}`))
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// key makes a file with an API key.
func key(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(path, []byte(text+"\n"), 0o600))
	return path
}

func TestContextsAreKept(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	p.ok("context add prod --url https://unwind.example --namespace shop --protected")
	p.ok("context add dev --url http://127.0.0.1:8080")
	require.Contains(t, p.ok("context use prod"), "act on prod")
	golden(t, "context-list.txt", p.ok("context list"))
	require.Contains(t, p.ok("context show"), "https://unwind.example")
	require.Contains(t, p.ok("context show dev -o json"), `"current": false`)
	p.ok("context protect prod --off")
	require.Contains(t, p.ok("context show prod"), "protected     false")
	p.ok("context use -")
	p.ok("context remove prod")
	require.NotContains(t, p.ok("context list"), "prod")
	for line, want := range map[string]string{
		"context show":                      "no context is current",
		"context use dve":                   "did you mean dev?",
		"context add dev --url http://a":    "there is a context dev: --replace",
		"context add x":                     "name the server: --url",
		"context add x --url unwind":        "write it like http://127.0.0.1:8080",
		"saga list --context prod":          "there is no such context",
		"saga list --context dev --url x":   "give one of the two",
		"context add a/b --url http://a":    "write letters",
		"context remove gone":               "there is no such context",
		"context protect gone":              "there is no such context",
		"saga list --api-key s3cret":        "--api-key: a secret is not written where others can read it",
		"saga list --api-key-file /no/such": "--api-key-file: read the secret",
	} {
		code, text := p.run("", line)
		require.NotEqual(t, exitOK, code, line)
		require.Contains(t, text, want, line)
		require.NotContains(t, text, "s3cret")
	}
}

func TestWhichServerIsAsked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, args string
		env        map[string]string
		want       string // the station, and the key it was shown
	}{
		{name: "the current one", want: "prod Bearer prod-key"},
		{name: "a flag's", args: "--context dev", want: "dev Bearer dev-key"},
		{name: "a variable's", env: map[string]string{"UNWIND_CONTEXT": "dev"}, want: "dev Bearer dev-key"},
		{name: "a flag before variables", args: "--context dev", env: map[string]string{"UNWIND_CONTEXT": "prod", "UNWIND_URL": "http://127.0.0.1:1", "UNWIND_API_KEY": "x"}, want: "dev Bearer dev-key"},
		{name: "a url takes no key along", args: "--url DEV", want: "dev "},
		{name: "nor does the environment's", env: map[string]string{"UNWIND_URL": "DEV"}, want: "dev "},
		{name: "a url before a variable's", env: map[string]string{"UNWIND_URL": "DEV", "UNWIND_CONTEXT": "prod"}, want: "dev "},
		{name: "the environment's key", env: map[string]string{"UNWIND_API_KEY": "mine"}, want: "prod Bearer mine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			stations := map[string]*station{"prod": newStation(t), "dev": newStation(t)}
			p := newPerson(t)
			for name, s := range stations {
				p.ok("context add " + name + " --url " + s.url + " --api-key-file " + key(t, name+"-key"))
			}
			p.ok("context use prod")
			for variable, value := range c.env {
				p.env[variable] = strings.ReplaceAll(value, "DEV", stations["dev"].url)
			}
			p.ok(strings.TrimSpace("def list " + strings.ReplaceAll(c.args, "DEV", stations["dev"].url)))
			name, shown, _ := strings.Cut(c.want, " ")
			require.Equal(t, []string{"GET " + shown}, stations[name].asked)
		})
	}
}

func TestAProtectedContextAsksForItsName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, answer, args string
		code               int
		does               bool
		text               string
	}{
		{"the name", "prod\n", "", exitOK, true, "type its name to go on"},
		{"another name", "dev\n", "", exitFailed, false, "nothing was done"},
		{"no answer", "", "", exitFailed, false, "nothing was done"},
		{"confirmed", "", " --confirm prod", exitOK, true, "acts on prod, http://"},
		{"confirmed wrongly", "prod\n", " --confirm dev", exitFailed, false, "nothing was done"},
		{"confirmed as nothing", "prod\n", " --confirm=", exitFailed, false, "nothing was done"},
		{"by its url", "", " --url URL", exitFailed, false, "nothing was done"},
		{"not protected", "", " --context open", exitOK, true, "acts on open"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, p := newStation(t), newPerson(t)
			p.ok("context add prod --protected --url " + s.url)
			p.ok("context add open --url " + s.url)
			p.ok("context use prod")
			code, text := p.run(c.answer, "saga cancel "+sagaID+strings.ReplaceAll(c.args, "URL", s.url))
			require.Equal(t, c.code, code, text)
			require.Contains(t, text, c.text)
			require.Equal(t, c.does, len(s.asked) == 1)
			p.ok("saga show " + sagaID) // reading asks nothing
		})
	}
}

func TestNobodyIsAskedWithoutATerminal(t *testing.T) {
	t.Parallel()
	s, p := newStation(t), newPerson(t)
	p.ok("context add prod --protected --url " + s.url)
	input, err := os.Open(key(t, "prod"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, input.Close()) })
	var out bytes.Buffer
	q := &program{out: &out, errs: &out, in: input, getenv: func(key string) string { return p.env[key] }}
	require.Equal(t, exitFailed, q.run(t.Context(), []string{"saga", "cancel", sagaID, "--context", "prod"}))
	require.Contains(t, out.String(), "add --confirm prod")
	require.Empty(t, s.asked)
}
