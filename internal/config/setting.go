// Package config gives settings their values. A command's flags are the schema:
// a flag that Env marked is a setting, with the flag's name, type, default and
// usage. Its value comes from the command line, the environment, a YAML file or
// whatever other layer the caller adds, in the order of the layers.
//
// Secrets are settings, too, but never written on a command line or into the
// file: see Secret and Password.
package config

import (
	"cmp"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// The annotations of flags.
const (
	envKey    = "unwind-env"    // the variable
	secretKey = "unwind-secret" // secretAll or secretPassword
	readKey   = "unwind-read"   // on a flag that names a secret's file: Load reads it
)

const (
	secretAll      = "all"      // the whole value is secret
	secretPassword = "password" // the value may hold a password
)

// fileSuffix ends the setting that names the file with a secret.
const fileSuffix = "-file"

// Variable is the environment variable of a setting: UNWIND_DATABASE_URL for
// database-url.
func Variable(name string) string {
	return "UNWIND_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// Env makes flags settings. It panics if there is no such flag.
func Env(flags *pflag.FlagSet, names ...string) {
	for _, name := range names {
		flag := must(flags, name)
		flag.Usage += " (" + Variable(name) + ")"
		annotate(flag, envKey, Variable(name))
	}
}

// Secret makes text flags secrets: the value of x comes from UNWIND_X, or from
// the file that x-file names, a setting that Secret adds. Written anywhere else
// it is refused. The flag itself is hidden; it is there to say so.
//
// If there is a flag x-file already, its owner reads the file, as often as it
// likes, and at most one of the two flags has a value after Load.
func Secret(flags *pflag.FlagSet, names ...string) {
	for _, name := range names {
		flag := must(flags, name)
		flag.Hidden = true
		withFile(flags, name, "the file that holds "+flag.Usage+", instead of "+Variable(name))
		Env(flags, name)
		annotate(flag, secretKey, secretAll)
	}
}

// Password makes text flags settings that may hold a password, such as a URL of
// a database. With one, the value comes from UNWIND_X, or from the file that
// x-file names, a setting that Password adds; without, from anywhere.
func Password(flags *pflag.FlagSet, names ...string) {
	for _, name := range names {
		flag := must(flags, name)
		withFile(flags, name, "the file that holds --"+name+", if there is a password in it")
		Env(flags, name)
		annotate(flag, secretKey, secretPassword)
	}
}

func withFile(flags *pflag.FlagSet, name, usage string) {
	if flags.Lookup(name+fileSuffix) != nil {
		return
	}
	flags.String(name+fileSuffix, "", usage)
	Env(flags, name+fileSuffix)
	annotate(must(flags, name+fileSuffix), readKey, "yes")
}

func must(flags *pflag.FlagSet, name string) *pflag.Flag {
	flag := flags.Lookup(name)
	if flag == nil {
		panic("config: there is no flag " + name)
	}
	return flag
}

func annotate(flag *pflag.Flag, key, value string) {
	if flag.Annotations == nil {
		flag.Annotations = map[string][]string{}
	}
	flag.Annotations[key] = []string{value}
}

// isSetting says whether Env marked a flag.
func isSetting(flag *pflag.Flag) bool { return len(flag.Annotations[envKey]) > 0 }

// Any says whether there is a setting among flags.
func Any(flags *pflag.FlagSet) bool {
	found := false
	flags.VisitAll(func(flag *pflag.Flag) { found = found || isSetting(flag) })
	return found
}

// secrecy is "", secretAll or secretPassword.
func secrecy(flag *pflag.Flag) string {
	if kind := flag.Annotations[secretKey]; len(kind) > 0 {
		return kind[0]
	}
	return ""
}

// Setting is one entry of the schema.
type Setting struct {
	Name     string   // Name is the flag's and the file's key, such as kafka-brokers.
	Variable string   // Variable is the environment's.
	Type     string   // Type is the flag's, such as string, int, stringSlice or duration.
	Default  string   // Default is as the flag takes it; empty is none.
	Usage    string   // Usage says what it is for, in a line.
	Secret   bool     // Secret says that its value comes from the environment or a file of its own only.
	Hidden   bool     // Hidden says that it is not for users.
	Commands []string // Commands are those that have it.
}

// Use is a command and its own flags, those of the commands below it included
// where they are persistent.
type Use struct {
	Command string
	Flags   *pflag.FlagSet
}

// Schema returns the settings of commands, by name. One that several commands
// have is described as the first of them has it.
func Schema(uses []Use) []Setting {
	byName := map[string]*Setting{}
	for _, use := range uses {
		use.Flags.VisitAll(func(flag *pflag.Flag) {
			if isSetting(flag) {
				add(byName, flag, use.Command)
			}
		})
	}
	all := make([]Setting, 0, len(byName))
	for _, s := range byName {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b Setting) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Entry is a setting's value and where it comes from.
type Entry struct {
	Name   string `json:"name"`   // Name is the setting's.
	Value  string `json:"value"`  // Value is as the flag takes it; a secret in it is Mask.
	Source Source `json:"source"` // Source says where it was written.

	list bool
}

// Entries returns the settings among flags, by name, those for users only. After
// Load, which returned sources, they are those that count.
func Entries(flags *pflag.FlagSet, sources Sources) []Entry {
	entries := []Entry{}
	flags.VisitAll(func(flag *pflag.Flag) {
		if !isSetting(flag) || flag.Hidden && (secrecy(flag) == "" || flag.Value.String() == "") {
			return
		}
		e := Entry{Name: flag.Name, Value: flag.Value.String(), Source: sources.Of(flag.Name)}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			e.Value, e.list = strings.Join(list.GetSlice(), ","), true
		}
		if e.Value = MaskPassword(e.Value); secrecy(flag) == secretAll { // a password may be anywhere, as in url
			e.Value = Mask
		}
		entries = append(entries, e)
	})
	return entries
}

func add(byName map[string]*Setting, flag *pflag.Flag, command string) {
	if s := byName[flag.Name]; s != nil {
		s.Commands = append(s.Commands, command)
		return
	}
	usage, _, _ := strings.Cut(flag.Usage, " ("+Variable(flag.Name)+")")
	byName[flag.Name] = &Setting{
		Name: flag.Name, Variable: Variable(flag.Name), Type: flag.Value.Type(), Default: defaultOf(flag), Usage: usage,
		Secret: secrecy(flag) == secretAll, Hidden: flag.Hidden && secrecy(flag) == "", Commands: []string{command},
	}
}

// defaultOf is the default as a flag takes it: pflag writes an empty list as [].
func defaultOf(flag *pflag.Flag) string {
	if _, list := flag.Value.(pflag.SliceValue); list {
		return strings.Trim(flag.DefValue, "[]")
	}
	return flag.DefValue
}
