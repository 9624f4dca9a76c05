package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// MaxSecret is the largest secret that is read from a file, in bytes.
const MaxSecret = 64 << 10

// Load gives the settings among flags, which were parsed, their values: what the
// command line says, else what the first of the layers says that says anything,
// else the default. It reports every fault at once, each a *Fault, and returns
// where the values come from even then.
func Load(flags *pflag.FlagSet, layers ...Layer) (Sources, error) {
	l := loader{flags: flags, layers: append([]Layer{commandLine{flags}}, layers...), sources: Sources{}}
	flags.VisitAll(func(flag *pflag.Flag) { // x before x-file
		if isSetting(flag) {
			l.set(flag)
		}
	})
	return l.sources, errors.Join(l.faults...)
}

// commandLine is the layer of the flags that were given.
type commandLine struct{ flags *pflag.FlagSet }

// Value implements Layer.
func (c commandLine) Value(name string) (Value, bool) {
	flag := c.flags.Lookup(name)
	if flag == nil || !flag.Changed {
		return Value{}, false
	}
	return Value{Text: flag.Value.String(), Source: Source("--" + name), Open: true}, true
}

type loader struct {
	flags   *pflag.FlagSet
	layers  []Layer
	sources Sources
	faults  []error
}

func (l *loader) set(flag *pflag.Flag) {
	l.sources[flag.Name] = Default
	for i, layer := range l.layers {
		found, err := l.find(layer, flag)
		if found == nil {
			continue
		}
		l.sources[flag.Name] = found.Source
		if err == nil && (i > 0 || found.Source != Source("--"+flag.Name)) { // pflag has set what the command line says
			err = give(flag, *found)
		}
		if err != nil {
			l.faults = append(l.faults, err)
		}
		return
	}
}

// find asks one layer for a setting, or for the file that holds it. It returns
// nil if the layer does not decide.
func (l *loader) find(layer Layer, flag *pflag.Flag) (*Value, error) {
	value, direct := layer.Value(flag.Name)
	if secrecy(flag) == "" {
		return l.other(flag, value, direct), nil
	}
	path, inFile := layer.Value(flag.Name + fileSuffix)
	switch {
	case direct && inFile:
		return &value, faultf(value.Source, flag.Name, "%s is given, too: give one of the two", path.Source)
	case direct && value.Open && tooOpen(flag, value.Text):
		return &value, faultf(value.Source, flag.Name,
			"a secret is not written where others can read it: give it as %s, or name a file that holds it with %s", Variable(flag.Name), flag.Name+fileSuffix)
	case direct:
		return &value, nil
	case !inFile || path.Fault != "" || path.Text == "":
		return nil, nil //nolint:nilnil // this layer does not decide; what is wrong with x-file is said of x-file
	case l.flags.Lookup(flag.Name + fileSuffix).Annotations[readKey] == nil:
		return &Value{Text: flag.DefValue, Source: path.Source}, nil
	}
	text, err := readSecret(path)
	return &Value{Text: text, Source: path.Source}, err
}

// other is the value of a setting that is no secret; a secret that was given
// itself leaves none to the setting that names its file.
func (l *loader) other(flag *pflag.Flag, value Value, found bool) *Value {
	if name, ok := strings.CutSuffix(flag.Name, fileSuffix); ok && found {
		if of := l.flags.Lookup(name); of != nil && secrecy(of) != "" && l.sources.Of(name) != Default && l.sources.Of(name) != value.Source {
			return nil
		}
	}
	if !found {
		return nil
	}
	return &value
}

func tooOpen(flag *pflag.Flag, text string) bool {
	return secrecy(flag) == secretAll && text != "" || HasPassword(text)
}

// readSecret reads the file that a value names; a line's end at its end is not
// part of the secret.
func readSecret(path Value) (string, error) {
	file, err := os.Open(path.Text)
	if err != nil {
		return "", faultf(path.Source, "", "read the secret: %v", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(file, MaxSecret+1))
	text := strings.TrimRight(string(data), "\r\n")
	switch {
	case err != nil:
		return "", faultf(path.Source, "", "read the secret: %v", err)
	case len(data) > MaxSecret:
		return "", faultf(path.Source, "", "%s has more than %d bytes: that is no secret", path.Text, MaxSecret)
	case text == "":
		return "", faultf(path.Source, "", "%s is empty: write the secret into it", path.Text)
	}
	return text, nil
}

// give sets a flag, without counting it as given on the command line.
func give(flag *pflag.Flag, value Value) error {
	list, isList := flag.Value.(pflag.SliceValue)
	err := errors.New(value.Fault)
	switch {
	case value.Fault != "":
	case value.List && !isList:
		err = fmt.Errorf("want %s, found a list", expected(flag))
	case value.List:
		err = list.Replace(value.Items)
	default:
		err = flag.Value.Set(value.Text)
	}
	if err == nil {
		return nil
	}
	return faultf(value.Source, flag.Name, "%s", explain(flag, value, err))
}

// Invalid blames a flag for a value that the command line gave it and that err
// refused.
func Invalid(flag *pflag.Flag, text string, err error) *Fault {
	value := Value{Text: text, Source: Source("--" + flag.Name)}
	return faultf(value.Source, flag.Name, "%s", explain(flag, value, err))
}

// explain says what a flag of the standard types wants; one of another type
// says so itself.
func explain(flag *pflag.Flag, value Value, err error) string {
	want := expected(flag)
	if value.Fault != "" || value.List || want == "" {
		return err.Error()
	}
	if secrecy(flag) != "" {
		return "want " + want
	}
	problem := fmt.Sprintf("want %s, found %q", want, value.Text)
	if errors.Is(err, strconv.ErrRange) {
		problem += ", which is too large"
	}
	return problem
}

// expected describes the values of a flag's type, for people.
func expected(flag *pflag.Flag) string {
	switch flag.Value.Type() {
	case "string":
		return "a text"
	case "bool":
		return "true or false"
	case "int", "int16", "int32", "int64":
		return "a whole number"
	case "uint", "uint16", "uint32", "uint64":
		return "a whole number from 0 on"
	case "float32", "float64":
		return "a number"
	case "duration":
		return "a time such as 500ms, 30s or 2h"
	case "stringSlice", "stringArray":
		return "a list of texts"
	}
	return ""
}
