package compose

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"regexp"
	"strings"
)

// Dockerfile is what a Dockerfile makes, as far as it can be known without
// running it.
type Dockerfile struct {
	Stages     []Stage  // Stages are in order; the last one is the image.
	Entrypoint []string // Entrypoint is the image's program.
	Command    []string // Command are its arguments unless others are given.
}

// Stage is one FROM and what follows it.
type Stage struct {
	Base   string   // Base is the image that it begins with.
	Name   string   // Name is what later stages call it; may be empty.
	User   string   // User is the last USER; empty is the base's.
	Copies []Copy   // Copies are its COPY instructions.
	Builds []string // Builds are the packages that go build makes programs of.
	Out    string   // Out is where go build puts them.
	Static bool     // Static says that they are built without cgo.
	Health bool     // Health says that it has a HEALTHCHECK.
}

// Copy is one COPY instruction.
type Copy struct {
	From    string   // From is the stage that is copied from; empty is the repository.
	Sources []string // Sources are paths there.
	Target  string   // Target is the path in this stage.
}

// ReadDockerfile reads a Dockerfile.
func ReadDockerfile(path string) (*Dockerfile, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseDockerfile(string(data))
}

// parseDockerfile understands what our Dockerfile uses and refuses the rest.
func parseDockerfile(text string) (*Dockerfile, error) {
	d := &Dockerfile{}
	for _, line := range instructions(text) {
		word, rest, _ := strings.Cut(line, " ")
		if word != "FROM" && len(d.Stages) == 0 {
			return nil, fmt.Errorf("dockerfile: %s before FROM", word)
		}
		if err := d.add(word, strings.TrimSpace(rest)); err != nil {
			return nil, fmt.Errorf("dockerfile: %s: %w", line, err)
		}
	}
	if len(d.Stages) == 0 {
		return nil, fmt.Errorf("dockerfile: no FROM")
	}
	return d, nil
}

// instructions joins continued lines and drops comments.
func instructions(text string) []string {
	var lines []string
	open := ""
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if part, more := strings.CutSuffix(line, `\`); more {
			open += part
			continue
		}
		lines = append(lines, open+line)
		open = ""
	}
	return lines
}

func (d *Dockerfile) add(word, rest string) error {
	if word == "FROM" {
		words := strings.Fields(rest)
		s := Stage{Base: words[0]}
		if len(words) == 3 && strings.EqualFold(words[1], "as") {
			s.Name = words[2]
		}
		d.Stages, d.Entrypoint, d.Command = append(d.Stages, s), nil, nil
		return nil
	}
	s := &d.Stages[len(d.Stages)-1]
	switch word {
	case "USER":
		s.User = rest
	case "COPY":
		s.Copies = append(s.Copies, copyOf(rest))
	case "RUN":
		s.run(rest)
	case "HEALTHCHECK":
		s.Health = true
	case "ENTRYPOINT":
		return json.Unmarshal([]byte(rest), &d.Entrypoint)
	case "CMD":
		return json.Unmarshal([]byte(rest), &d.Command)
	case "WORKDIR", "EXPOSE":
	default:
		return fmt.Errorf("this instruction is not known here: teach internal/compose what it does")
	}
	return nil
}

func copyOf(rest string) Copy {
	var c Copy
	for word := range strings.FieldsSeq(rest) {
		if from, ok := strings.CutPrefix(word, "--from="); ok {
			c.From = from
			continue
		}
		c.Sources = append(c.Sources, word)
	}
	last := len(c.Sources) - 1
	c.Target, c.Sources = c.Sources[last], c.Sources[:last]
	return c
}

var goBuild = regexp.MustCompile(`\bgo build .*-o (\S+)`)

// run notes what a go build makes.
func (s *Stage) run(rest string) {
	match := goBuild.FindStringSubmatch(rest)
	if match == nil {
		return
	}
	s.Out, s.Static = match[1], strings.Contains(rest, "CGO_ENABLED=0 ")
	for word := range strings.FieldsSeq(rest) {
		if after, ok := strings.CutPrefix(word, "./"); ok {
			s.Builds = append(s.Builds, after)
		}
	}
}

// Programs are the paths of the image's programs.
func (d *Dockerfile) Programs() []string {
	var programs []string
	for _, c := range d.Stages[len(d.Stages)-1].Copies {
		for _, s := range d.Stages {
			if c.From == "" || s.Name != c.From || s.Out != c.Sources[0] {
				continue
			}
			for _, pkg := range s.Builds {
				programs = append(programs, path.Join(c.Target, path.Base(pkg)))
			}
		}
	}
	return programs
}

// Source returns the repository's path of a file that the image has, "" if it is
// not copied from the repository.
func (d *Dockerfile) Source(file string) string {
	for _, c := range d.Stages[len(d.Stages)-1].Copies {
		for _, source := range c.Sources {
			if c.From == "" && path.Join(c.Target, path.Base(source)) == file {
				return source
			}
		}
	}
	return ""
}

var (
	goImage = regexp.MustCompile(`^golang:([0-9]+\.[0-9]+)\.[0-9]+$`)
	number  = regexp.MustCompile(`^[1-9][0-9]*(:[1-9][0-9]*)?$`)
)

// Faults finds what would break the build, or makes an image that people have to
// worry about. goVersion is go.mod's; exists says whether a path of the repository
// is there.
func (d *Dockerfile) Faults(goVersion string, exists func(path string) bool) []string {
	var faults []string
	need := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	for i, s := range d.Stages {
		if version := goImage.FindStringSubmatch(s.Base); len(s.Builds) > 0 {
			need(version != nil && strings.HasPrefix(goVersion+".", version[1]+"."), "%s: build with golang:%s.x, exactly, as go.mod says", s.Base, goVersion)
			need(s.Static, "build without cgo: the image has no libc")
		} else {
			need(s.Base == "scratch" || pinned.MatchString(s.Base), "%s: pin it to a version", s.Base)
		}
		for _, pkg := range s.Builds {
			need(exists(pkg+"/main.go"), "go build ./%s: there is no such program", pkg)
		}
		for _, c := range s.Copies {
			faults = append(faults, d.copyFaults(i, c, exists)...)
		}
	}
	last := d.Stages[len(d.Stages)-1]
	need(number.MatchString(last.User), "USER %q: a number above 0, so that everybody sees that it is not root", last.User)
	need(len(d.Entrypoint) > 0 && strings.Contains(" "+strings.Join(d.Programs(), " ")+" ", " "+d.Entrypoint[0]+" "),
		"ENTRYPOINT %v is none of the image's programs %v", d.Entrypoint, d.Programs())
	need(!last.Health, "HEALTHCHECK: the image serves several programs; the compose file says how to ask each")
	return faults
}

// copyFaults finds sources that are not there.
func (d *Dockerfile) copyFaults(stage int, c Copy, exists func(string) bool) []string {
	var faults []string
	if c.From == "" {
		for _, source := range c.Sources {
			if !exists(source) {
				faults = append(faults, fmt.Sprintf("COPY %s: it does not exist", source))
			}
		}
		return faults
	}
	for _, s := range d.Stages[:stage] {
		if s.Name == c.From {
			return nil
		}
	}
	return []string{fmt.Sprintf("COPY --from=%s: no stage before has this name", c.From)}
}
