package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/compose"
	"github.com/unwindhq/unwind/internal/server"
	"github.com/unwindhq/unwind/internal/testserver"
)

// town is docker-compose.yml as plain processes: the same programs with the same
// arguments and variables, only that addresses are those of the real servers and
// of free ports, and that topics have a prefix, since tests share a broker.
type town struct {
	t         *testing.T
	file      *compose.File
	image     *compose.Dockerfile
	bin       string            // where the programs are
	addresses map[string]string // host:port to host:port, by service where a port is listened on
	extra     []string          // variables that come on top
	running   []citizen         // in the order of their start
}

// citizen is a service that runs.
type citizen struct {
	name string
	*process
}

// TestCompose runs what docker-compose.yml says until the load generator has seen
// trips of both ends, made on both coordinators, and then ends it in order.
func TestCompose(t *testing.T) {
	t.Parallel()
	jaeger := testserver.Jaeger(t)
	v := newTown(t, jaeger)
	for _, s := range v.file.Programs() {
		v.start(s)
	}
	load := v.find("load")
	eventually(t, "the load generator has seen both ends", func() bool { return bothEnds.MatchString(load.output()) })
	for _, name := range []string{"coordinator-1", "coordinator-2"} {
		for _, status := range []string{"completed", "compensated"} {
			ended := regexp.MustCompile(`unwind_sagas_ended_total\{definition="travel",status="` + status + `"\} [1-9]`)
			eventually(t, name+" has ended a saga: "+status, func() bool {
				return ended.MatchString(fetch("http://" + v.addresses[name+" 0.0.0.0:9464"] + "/metrics"))
			})
		}
		require.Contains(t, fetch("http://"+v.addresses[name+":8080"]+"/v1/sagas?status=completed"), `"completed"`)
	}
	for _, service := range []string{`"unwind"`, `"flights"`, `"hotels"`, `"payments"`} {
		eventually(t, "Jaeger knows "+service, func() bool { return strings.Contains(fetch(jaeger.URL()+"/api/services"), service) })
	}
	v.stop()
	require.NotRegexp(t, ` [1-9][0-9]* started, 0 completed, 0 compensated, 0 under way`, load.output(), "what was started has ended or is under way")
}

// bothEnds is a line of the load generator that says that all went well so far.
var bothEnds = regexp.MustCompile(`[1-9][0-9]* completed, [1-9][0-9]* compensated, [0-9]+ under way, `)

// newTown builds the programs as the Dockerfile does and makes the addresses.
func newTown(t *testing.T, jaeger *server.Jaeger) *town {
	t.Helper()
	v := &town{t: t, bin: t.TempDir(), addresses: map[string]string{}}
	var err error
	v.image, err = compose.ReadDockerfile("../Dockerfile")
	require.NoError(t, err)
	v.file, err = compose.Load(t.Context(), "../docker-compose.yml")
	require.NoError(t, err)
	packages := []string{"build", "-o", v.bin + string(filepath.Separator)}
	for _, pkg := range v.image.Stages[0].Builds {
		packages = append(packages, "./"+pkg)
	}
	build := exec.CommandContext(t.Context(), "go", packages...)
	build.Dir, build.Env = "..", append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	database := testserver.Postgres(t)
	prefix := "e2e." + strings.ToLower(rand.Text()[:8]) + "."
	v.extra = []string{"UNWIND_DATABASE_URL=" + database, "UNWIND_TOPIC_PREFIX=" + prefix, "LOAD_EVERY=500ms"}
	v.addresses["kafka:19092"] = strings.Join(testserver.Kafka(t), ",")
	v.addresses["jaeger:4318"] = strings.TrimPrefix(jaeger.OTLP(), "http://")
	for _, name := range []string{"coordinator-1", "coordinator-2"} {
		v.addresses[name+":8080"] = freeAddress(t)
		v.addresses[name+" 0.0.0.0:8080"] = v.addresses[name+":8080"]
		v.addresses[name+" 0.0.0.0:9464"] = freeAddress(t)
	}
	return v
}

func freeAddress(t *testing.T) string {
	t.Helper()
	port, err := server.FreePort(1)
	require.NoError(t, err)
	return server.Address(port)
}

// line is a command line of the image on this machine.
func (v *town) line(words []string) (binary string, args []string) {
	v.t.Helper()
	binary = filepath.Join(v.bin, filepath.Base(words[0]))
	for _, word := range words[1:] {
		if source := v.image.Source(word); source != "" {
			word = filepath.Join("..", filepath.FromSlash(source))
		}
		args = append(args, word)
	}
	return binary, args
}

// env is a service's environment on this machine. Nothing of it may point into a
// container's network any more.
func (v *town) env(s compose.Service) []string {
	v.t.Helper()
	var env []string
	for _, pair := range s.Variables() {
		for from, to := range v.addresses {
			if owner, listen, own := strings.Cut(from, " "); own {
				if owner != s.Name {
					continue
				}
				from = listen
			}
			pair = strings.ReplaceAll(pair, from, to)
		}
		env = append(env, pair)
	}
	for _, pair := range v.extra { // in the place of the same variable, or for programs that share a broker
		name, _, _ := strings.Cut(pair, "=")
		if i := slices.IndexFunc(env, func(p string) bool { return strings.HasPrefix(p, name+"=") }); i >= 0 {
			env = slices.Delete(env, i, i+1)
			env = append(env, pair)
		} else if name != "UNWIND_DATABASE_URL" {
			env = append(env, pair)
		}
	}
	for _, pair := range env {
		require.NotRegexp(v.t, `(postgres|kafka|jaeger|coordinator-\d|0\.0\.0\.0):\d`, pair)
	}
	return env
}

// start starts a service once what it depends on is as its condition wants, and
// waits until it is healthy itself.
func (v *town) start(s compose.Service) {
	v.t.Helper()
	for name := range s.Depends {
		dependency, _ := v.file.Service(name)
		require.True(v.t, !dependency.Built || dependency.Once || v.find(name) != nil, "%s begins before %s", s.Name, name)
	}
	binary, args := v.line(s.Line(v.image))
	if s.Once {
		command(v.t, v.env(s), binary, args...)
		return
	}
	p := launch(v.t, v.env(s), binary, args...)
	v.running = append(v.running, citizen{s.Name, p})
	if len(s.Health) == 0 || s.HealthOff {
		return
	}
	eventually(v.t, s.Name+" is healthy", func() bool {
		probe, args := v.line(s.Health[1:])
		ctx, cancel := context.WithTimeout(v.t.Context(), requestTime)
		defer cancel()
		cmd := exec.CommandContext(ctx, probe, args...)
		cmd.Env = append(os.Environ(), "UNWIND_URL=http://"+v.addresses[s.Name+":8080"]) // in a container all have one port
		return cmd.Run() == nil
	})
}

func (v *town) find(name string) *process {
	for _, c := range v.running {
		if c.name == name {
			return c.process
		}
	}
	return nil
}

// stop ends the services as compose does, the last one first: each ends by itself.
func (v *town) stop() {
	v.t.Helper()
	for _, c := range slices.Backward(v.running) {
		require.NoError(v.t, c.terminate())
		eventually(v.t, c.name+" has ended", func() bool {
			select {
			case <-c.ended:
				return true
			default:
				return false
			}
		})
		require.Zero(v.t, c.cmd.ProcessState.ExitCode(), "%s: %s", c.name, tail(c.output()))
	}
}

// fetch reads a page; "" if there is none.
func fetch(url string) string {
	res, err := web.Get(url)
	if err != nil {
		return ""
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return fmt.Sprint(res.Status)
	}
	return string(text)
}
