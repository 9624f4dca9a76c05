package compose

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDockerfile(t *testing.T) {
	t.Parallel()
	d, err := parseDockerfile(read(t, "Dockerfile"))
	require.NoError(t, err)
	require.Equal(t, []string{"/bin/unwind", "/bin/flights", "/bin/hotels", "/bin/payments", "/bin/load"}, d.Programs())
	require.Equal(t, []string{"/bin/unwind"}, d.Entrypoint)
	require.Equal(t, []string{"serve"}, d.Command)
	require.Equal(t, "examples/travel/travel.yaml", d.Source("/travel/travel.yaml"))
	require.Empty(t, d.Source("/travel/trip.yaml"))
	require.Empty(t, d.Source("/bin/unwind"))
}

// TestDockerfileFails: each rule is broken once.
func TestDockerfileFails(t *testing.T) {
	t.Parallel()
	text := read(t, "Dockerfile")
	for _, c := range [][3]string{
		{"FROM golang:1.26.8", "FROM golang:latest", "build with golang:"},
		{"FROM golang:1.26.8", "FROM golang:1.26", "exactly"},
		{"FROM golang:1.26.8", "FROM golang:1.25.8", "as go.mod says"},
		{"FROM scratch", "FROM alpine", "alpine: pin it"},
		{"CGO_ENABLED=0 ", "", "build without cgo"},
		{"./cmd/unwind", "./cmd/wind", "go build ./cmd/wind: there is no such program"},
		{"examples/travel/travel.yaml", "examples/travel/trip.yaml", "COPY examples/travel/trip.yaml: it does not exist"},
		{"COPY --from=build /out/", "COPY --from=builder /out/", "no stage before has this name"},
		{"/out/ /bin/", "/other/ /bin/", "is none of the image's programs"},
		{"USER 65532:65532\n", "", `USER ""`},
		{"USER 65532:65532", "USER root", `USER "root"`},
		{"USER 65532:65532", "USER 0:0", `USER "0:0"`},
		{`["/bin/unwind"]`, `["/bin/wound"]`, "is none of the image's programs"},
		{"CMD [", "HEALTHCHECK CMD curl\nCMD [", "HEALTHCHECK: "},
	} {
		require.Contains(t, text, c[0])
		d, err := parseDockerfile(strings.Replace(text, c[0], c[1], 1))
		require.NoError(t, err)
		require.Contains(t, strings.Join(d.Faults(goVersion(t), exists), "\n"), c[2])
	}
}

func TestDockerfileThatIsNotUnderstood(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                          "no FROM",
		"USER 1":                    "USER before FROM",
		"FROM scratch\nADD a b":     "not known here",
		"FROM scratch\nCMD serve -": "invalid",
	} {
		_, err := parseDockerfile(text)
		require.ErrorContains(t, err, want)
	}
	_, err := ReadDockerfile("none")
	require.Error(t, err)
}
