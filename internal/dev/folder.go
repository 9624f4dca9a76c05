package dev

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

// maxFiles is how many files of a folder are looked at.
const maxFiles = 1000

// ErrTooManyFiles says that a folder is not one of definitions.
var ErrTooManyFiles = fmt.Errorf("more than %d YAML and JSON files: name a folder of definitions", maxFiles)

// Folder is what a folder of definitions holds.
type Folder struct {
	Definitions []Named               // Definitions are those without faults, by file, a child before whoever begins it.
	Contracts   []definition.Contract // Contracts are those without faults, by file.
	Faults      saga.Faults           // Faults are what is wrong with the others, with file and line.
}

// Named is a definition and its file.
type Named struct {
	Path string           // Path is the file's.
	File *definition.File // File is what was read from it.
}

// Participants lists everybody whom the definitions and contracts name.
func (f *Folder) Participants() []string {
	var names []string
	for _, c := range f.Contracts {
		names = append(names, c.Participant)
	}
	for _, d := range f.Definitions {
		names = append(names, d.File.Definition.Participants()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Commands lists all commands and compensations, as participant/command.
func (f *Folder) Commands() []string {
	var names []string
	add := func(participant string, commands ...string) {
		for _, c := range commands {
			if c != "" {
				names = append(names, participant+"/"+c)
			}
		}
	}
	for _, c := range f.Contracts {
		for name, command := range c.Commands {
			add(c.Participant, name, command.Compensation)
		}
	}
	for _, d := range f.Definitions {
		for _, step := range d.File.Definition.Steps {
			if !step.Waits() && step.Participant != saga.Local {
				add(step.Participant, step.Command, step.Compensation)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// ReadFolder reads the definitions and contracts (YAML or JSON) in dir and in
// its folder contracts. What is neither is passed over.
func ReadFolder(dir string) (Folder, error) {
	paths, err := candidates(dir)
	if err != nil {
		return Folder{}, err
	}
	var f Folder
	definitions := map[string][]byte{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has just gone
		}
		if err != nil {
			return Folder{}, err
		}
		switch kindOf(data) {
		case "participant":
			contract, err := definition.LoadContract(path, data)
			if f.fault(err) {
				f.Contracts = append(f.Contracts, *contract)
			}
		case "saga":
			definitions[path] = data
		}
	}
	for _, path := range paths {
		if data, ok := definitions[path]; ok {
			file, err := definition.Load(path, data, definition.Options{Dir: os.DirFS(filepath.Dir(path)), Contracts: f.Contracts})
			if f.fault(err) {
				f.Definitions = append(f.Definitions, Named{path, file})
			}
		}
	}
	f.Definitions = childrenFirst(f.Definitions)
	return f, nil
}

// childrenFirst puts each definition behind those that it begins.
func childrenFirst(all []Named) []Named {
	sorted := make([]Named, 0, len(all))
	var add func(i int)
	placed := make([]bool, len(all))
	add = func(i int) {
		if placed[i] {
			return
		}
		placed[i] = true
		for _, step := range all[i].File.Definition.Steps {
			child := slices.IndexFunc(all, func(d Named) bool { return step.Child != nil && d.File.Definition.Name == step.Child.Definition })
			if child >= 0 {
				add(child)
			}
		}
		sorted = append(sorted, all[i])
	}
	for i := range all {
		add(i)
	}
	return sorted
}

// fault keeps what an error says and reports whether there was none.
func (f *Folder) fault(err error) bool {
	var faults saga.Faults
	switch {
	case err == nil:
		return true
	case errors.As(err, &faults):
		f.Faults = append(f.Faults, faults...)
	default:
		f.Faults = append(f.Faults, saga.Fault{Problem: err.Error()})
	}
	return false
}

// candidates lists the files that may be definitions or contracts, sorted.
func candidates(dir string) ([]string, error) {
	var paths []string
	for _, folder := range []string{dir, filepath.Join(dir, "contracts")} {
		entries, err := os.ReadDir(folder)
		if errors.Is(err, fs.ErrNotExist) && folder != dir {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the definitions: %w", err)
		}
		for _, e := range entries {
			ext := strings.ToLower(filepath.Ext(e.Name()))
			if !e.IsDir() && (ext == ".yaml" || ext == ".yml" || ext == ".json") {
				paths = append(paths, filepath.Join(folder, e.Name()))
			}
		}
	}
	if len(paths) > maxFiles {
		return nil, fmt.Errorf("%s: %w", dir, ErrTooManyFiles)
	}
	return paths, nil
}

// fingerprint changes when a file of the folder does. Errors are part of it:
// reading the folder meets them again.
func fingerprint(dir string) string {
	paths, err := candidates(dir)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintf(&b, "%s %d %d\n", path, info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}

// topKey finds what a YAML file is; a schedule and a script are neither.
var (
	topKey   = regexp.MustCompile(`(?m)^(saga|participant)[ \t]*:`)
	otherKey = regexp.MustCompile(`(?m)^(schedule|scenes)[ \t]*:`)
)

// kindOf tells a definition (saga) from a contract (participant); anything else
// is "".
func kindOf(data []byte) string {
	if len(data) > definition.MaxFile {
		return ""
	}
	var head struct{ Saga, Participant, Schedule *json.RawMessage }
	if json.Unmarshal(data, &head) == nil {
		switch {
		case head.Schedule != nil:
		case head.Saga != nil:
			return "saga"
		case head.Participant != nil:
			return "participant"
		}
		return ""
	}
	if m := topKey.FindSubmatch(data); m != nil && !otherKey.Match(data) {
		return string(m[1])
	}
	return ""
}
