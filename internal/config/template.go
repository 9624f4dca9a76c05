package config

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Template writes a configuration file with every setting as a comment, with its
// default. Those of the same first command stand together.
func Template(w io.Writer, schema []Setting) error {
	var b strings.Builder
	b.WriteString("# Settings of Unwind. A line in comment shows a default: take its # away to give another value.\n" +
		"# Flags and environment variables win over this file. Secrets are never written here.\n")
	for _, command := range firsts(schema) {
		head := ""
		for _, s := range schema {
			if s.Commands[0] != command || s.Hidden || s.Secret {
				continue
			}
			if commands := strings.Join(s.Commands, ", "); commands != head && (head == "" || command != "serve") {
				head = commands
				fmt.Fprintf(&b, "\n# ── %s\n", map[bool]string{true: "serve", false: head}[command == "serve"])
			}
			fmt.Fprintf(&b, "\n# %s\n#%s\n", s.Usage, strings.TrimSuffix(line(s.Name, s.Default, s.isList()), "\n"))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// firsts are the first commands of the settings for users: serve, then the rest.
func firsts(schema []Setting) []string {
	var commands []string
	for _, s := range schema {
		if !slices.Contains(commands, s.Commands[0]) && !s.Hidden && !s.Secret {
			commands = append(commands, s.Commands[0])
		}
	}
	slices.SortFunc(commands, func(a, b string) int {
		if a == "serve" || b == "serve" {
			return map[bool]int{true: -1, false: 1}[a == "serve"]
		}
		return strings.Compare(a, b)
	})
	return commands
}

func (s Setting) isList() bool {
	return strings.HasSuffix(s.Type, "Slice") || strings.HasSuffix(s.Type, "Array")
}

// line is a setting as the file has it.
func line(name, value string, list bool) string {
	node := yaml.Node{Kind: yaml.MappingNode}
	content := &yaml.Node{Kind: yaml.ScalarNode, Value: value}
	if value == "" {
		content.Style = yaml.DoubleQuotedStyle
	}
	if list {
		content = &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for item := range strings.SplitSeq(value, ",") {
			if item != "" {
				content.Content = append(content.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: item})
			}
		}
	}
	node.Content = []*yaml.Node{{Kind: yaml.ScalarNode, Value: name}, content}
	text, err := yaml.Marshal(&node)
	if err != nil {
		return fmt.Sprintf("%s: %q\n", name, value)
	}
	return string(text)
}

// YAML writes entries as a configuration file, each with its source beside it.
// What holds a secret stands in comment.
func YAML(w io.Writer, entries []Entry) error {
	var b strings.Builder
	for _, e := range entries {
		text := strings.TrimSuffix(line(e.Name, e.Value, e.list), "\n")
		if strings.Contains(e.Value, Mask) {
			text = "# " + text
		}
		fmt.Fprintf(&b, "%s # %s\n", text, e.Source)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
