package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, yaml, want string }{
		{"twice", "a: 1\nb: 2\na: 3\nb: 4", "f.yaml:3: a: is there twice, first at f.yaml:1: keep one of the two\nf.yaml:4: b: is there twice, first at f.yaml:2: keep one of the two"},
		{"list", "- a", "f.yaml:1: want settings, one a line, such as: listen: 127.0.0.1:8080"},
		{"text", "hello", "f.yaml:1: want settings, one a line, such as: listen: 127.0.0.1:8080"},
		{"key", "[a]: 1", "f.yaml:1: a setting's name must be plain text"},
		{"documents", "a: 1\n---\nb: 1", "f.yaml: one document of settings is all there may be"},
		{"large", strings.Repeat("#", MaxFile+1), "f.yaml: has more than 1048576 bytes"},
	} {
		_, err := Parse("f.yaml", []byte(c.yaml))
		require.EqualError(t, err, c.want, c.name)
	}
	_, err := Parse("f.yaml", []byte("a: [1"))
	require.ErrorContains(t, err, "f.yaml: not YAML: ")
	_, err = Read("/no/such.yaml")
	require.ErrorContains(t, err, "read the configuration: open /no/such.yaml")
}

func TestAnEmptyFileSaysNothing(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "# nothing\n", "---\n", "null"} {
		f, err := Parse("f.yaml", []byte(text))
		require.NoError(t, err, text)
		require.Empty(t, f.keys)
	}
}

func TestUnknownKeys(t *testing.T) {
	t.Parallel()
	f, err := Parse("f.yaml", []byte("writers: 3\nwriter: 4\nkafka: {brokers: [a]}\nzzzzzz: 1\nkey: x\n"))
	require.NoError(t, err)
	require.EqualError(t, f.Unknown(Schema([]Use{{"serve", (&settings{}).flags()}})), strings.Join([]string{
		"f.yaml:2: writer: there is no such setting; did you mean writers?",
		"f.yaml:3: kafka: there is no such setting; names are not nested: write kafka-brokers, not brokers below kafka",
		"f.yaml:4: zzzzzz: there is no such setting; unwind config template lists all",
	}, "\n"))
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"writers: 3\nbrokers: [a, b]", "a: &x 1\nb: *x", "timeout: {a: 1}", "key: !!binary aGk=", "\x00", "a: |\n  text\n", "? [a]\n: b", "<<: {a: 1}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("f.yaml", data)
		if err != nil {
			return
		}
		var s settings
		flags := s.flags()
		schema := Schema([]Use{{"serve", flags}})
		sources, _ := Load(flags, file)
		unknown := file.Unknown(schema)
		for _, key := range file.keys {
			if flags.Lookup(key) == nil {
				require.Error(t, unknown)
			} else if key != "once" {
				require.Contains(t, string(sources.Of(key)), "f.yaml:")
			}
		}
	})
}
