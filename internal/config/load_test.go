package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// settings are flags of every kind.
type settings struct {
	writers       int
	partitions    int16
	brokers       []string
	insecure      bool
	timeout       time.Duration
	key, database string
}

func (s *settings) flags() *pflag.FlagSet {
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags.IntVar(&s.writers, "writers", 2, "batches at once")
	flags.Int16Var(&s.partitions, "partitions", 12, "partitions")
	flags.StringSliceVar(&s.brokers, "brokers", nil, "addresses")
	flags.BoolVar(&s.insecure, "insecure", false, "let anyone in")
	flags.DurationVar(&s.timeout, "timeout", time.Second, "how long")
	flags.StringVar(&s.key, "key", "", "the key")
	flags.StringVar(&s.database, "database-url", "", "Postgres")
	flags.Int("once", 1, "not a setting")
	Env(flags, "writers", "partitions", "brokers", "insecure", "timeout")
	Secret(flags, "key")
	Password(flags, "database-url")
	return flags
}

func environment(pairs ...string) Environment {
	return func(variable string) string {
		for _, pair := range pairs {
			if value, ok := strings.CutPrefix(pair, variable+"="); ok {
				return value
			}
		}
		return ""
	}
}

func TestTheFirstLayerThatSpeaksWins(t *testing.T) {
	t.Parallel()
	file, err := Parse("unwind.yaml", []byte("writers: 3\nbrokers: [a:1, b:2]\ninsecure: true\ntimeout: 3s\n"))
	require.NoError(t, err)
	env := environment("UNWIND_WRITERS=4", "UNWIND_TIMEOUT=4s", "UNWIND_ONCE=9")
	var s settings
	flags := s.flags()
	require.NoError(t, flags.Parse([]string{"--writers", "5"}))
	sources, err := Load(flags, env, file)
	require.NoError(t, err)
	require.Equal(t, settings{writers: 5, partitions: 12, brokers: []string{"a:1", "b:2"}, insecure: true, timeout: 4 * time.Second}, s)
	require.Equal(t, Sources{
		"writers": "--writers", "timeout": "UNWIND_TIMEOUT", "brokers": "unwind.yaml:2", "insecure": "unwind.yaml:3", "partitions": Default,
		"key": Default, "key-file": Default, "database-url": Default, "database-url-file": Default,
	}, sources)
	require.Equal(t, "unwind.yaml:3", string(sources.Of("insecure")))
	require.Equal(t, Default, sources.Of("elsewhere"))
	require.False(t, flags.Lookup("timeout").Changed, "only the command line counts as given")
}

// secretFile writes a secret into a file and returns its path.
func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	path, other := secretFile(t, "from a file\n"), secretFile(t, "other")
	for _, c := range []struct {
		name, yaml, want, source string
		env, args                []string
	}{
		{name: "environment", env: []string{"UNWIND_KEY=k"}, want: "k", source: "UNWIND_KEY"},
		{name: "flag", args: []string{"--key-file", path}, env: []string{"UNWIND_KEY=k"}, want: "from a file", source: "--key-file"},
		{name: "variable", env: []string{"UNWIND_KEY_FILE=" + path}, want: "from a file", source: "UNWIND_KEY_FILE"},
		{name: "file", yaml: "writers: 1\nkey-file: " + path, want: "from a file", source: "unwind.yaml:2"},
		{name: "environment before file", yaml: "key-file: " + path, env: []string{"UNWIND_KEY_FILE=" + other}, want: "other", source: "UNWIND_KEY_FILE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file, err := Parse("unwind.yaml", []byte("schema: x\n"))
			if c.yaml != "" {
				file, err = Parse("unwind.yaml", []byte(c.yaml))
			}
			require.NoError(t, err)
			var s settings
			flags := s.flags()
			require.NoError(t, flags.Parse(c.args))
			sources, err := Load(flags, environment(c.env...), file)
			require.NoError(t, err)
			require.Equal(t, c.want, s.key)
			require.Equal(t, c.source, string(sources.Of("key")))
		})
	}
}

func TestAURLWithoutPasswordIsNoSecret(t *testing.T) {
	t.Parallel()
	var s settings
	flags := s.flags()
	require.NoError(t, flags.Parse([]string{"--database-url", "postgres://u@h/d"}))
	_, err := Load(flags)
	require.NoError(t, err)
	require.Equal(t, "postgres://u@h/d", s.database)
	_, err = Load(s.flags(), environment("UNWIND_DATABASE_URL=postgres://u:p@h/d"))
	require.NoError(t, err)
	require.Equal(t, "postgres://u:p@h/d", s.database)
}

func TestFaults(t *testing.T) {
	t.Parallel()
	empty, big := secretFile(t, "\n"), secretFile(t, strings.Repeat("x", MaxSecret+1))
	for _, c := range []struct{ name, args, env, yaml, want string }{
		{name: "number", env: "UNWIND_WRITERS=many", want: `UNWIND_WRITERS: want a whole number, found "many"`},
		{name: "range", env: "UNWIND_PARTITIONS=99999", want: `UNWIND_PARTITIONS: want a whole number, found "99999", which is too large`},
		{name: "bool", yaml: "insecure: maybe", want: `unwind.yaml:1: insecure: want true or false, found "maybe"`},
		{name: "duration", yaml: "\ntimeout: 30", want: `unwind.yaml:2: timeout: want a time such as 500ms, 30s or 2h, found "30"`},
		{name: "list", yaml: "writers: [1]", want: "unwind.yaml:1: writers: want a whole number, found a list"},
		{name: "nothing", yaml: "writers:", want: "unwind.yaml:1: writers: has no value: write one, or remove the line"},
		{name: "fields", yaml: "writers: {most: 3}", want: "unwind.yaml:1: writers: has fields: write one value, or a list"},
		{name: "items", yaml: "brokers: [{a: 1}]", want: "unwind.yaml:1: brokers: an item of the list is not plain text"},
		{name: "secret flag", args: "--key s3cret", want: "--key: a secret is not written where others can read it: give it as UNWIND_KEY, or name a file that holds it with key-file"},
		{name: "secret in file", yaml: "key: s3cret", want: "unwind.yaml:1: key: a secret is not written where others can read it: give it as UNWIND_KEY, or name a file that holds it with key-file"},
		{name: "password", yaml: "database-url: postgres://u:s3cret@h/d", want: "unwind.yaml:1: database-url: a secret is not written where others can read it: give it as UNWIND_DATABASE_URL, or name a file that holds it with database-url-file"},
		{name: "password flag", args: "--database-url postgres://h/d?password=s3cret", want: "--database-url: a secret is not written where others can read it: give it as UNWIND_DATABASE_URL, or name a file that holds it with database-url-file"},
		{name: "both", env: "UNWIND_KEY=s3cret UNWIND_KEY_FILE=x", want: "UNWIND_KEY: UNWIND_KEY_FILE is given, too: give one of the two"},
		{name: "no file", env: "UNWIND_KEY_FILE=/no/such", want: "UNWIND_KEY_FILE: read the secret: open /no/such: no such file or directory"},
		{name: "empty file", env: "UNWIND_KEY_FILE=" + empty, want: "UNWIND_KEY_FILE: " + empty + " is empty: write the secret into it"},
		{name: "big file", env: "UNWIND_KEY_FILE=" + big, want: "UNWIND_KEY_FILE: " + big + " has more than 65536 bytes: that is no secret"},
		{name: "all", env: "UNWIND_WRITERS=x", yaml: "insecure: x", want: "unwind.yaml:1: insecure: want true or false, found \"x\"\nUNWIND_WRITERS: want a whole number, found \"x\""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var s settings
			flags := s.flags()
			args := strings.Split(c.args, " ")
			if c.args == "" {
				args = nil
			}
			require.NoError(t, flags.Parse(args))
			file := &File{}
			if c.yaml != "" {
				var err error
				file, err = Parse("unwind.yaml", []byte(c.yaml))
				require.NoError(t, err)
			}
			_, err := Load(flags, environment(strings.Fields(c.env)...), file)
			require.EqualError(t, err, c.want)
			require.NotContains(t, err.Error(), "s3cret")
		})
	}
}

func TestPasswordsAreFoundAndMasked(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"postgres://u:p@h/d":                        "postgres://u:****@h/d",
		"postgres://u:p@ss@h:5432/d?sslmode=x":      "postgres://u:****@h:5432/d?sslmode=x",
		"postgres://u@h/d?password=p&sslmode=x":     "postgres://u@h/d?password=****&sslmode=x",
		"host=h password='a b' dbname=d":            "host=h password=**** dbname=d",
		"host=h PASSWORD = x sslpassword=y":         "host=h PASSWORD = **** sslpassword=****",
		"postgres://u@h:5432/d?sslmode=verify-full": "",
		"host=h passfile=/x":                        "",
		"u:p@h/d":                                   "u:****@h/d",
		"host=h password='p":                        "host=h password=****",
		"127.0.0.1:9092":                            "",
		"host=h options='-c a=b:c@d'":               "",
	} {
		require.Equal(t, want != "", HasPassword(text), text)
		if want == "" {
			want = text
		}
		require.Equal(t, want, MaskPassword(text))
	}
}
