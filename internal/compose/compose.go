package compose

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// File is a compose file.
type File struct {
	Services []Service // Services are sorted by name.
	Volumes  []string  // Volumes are the named ones that are declared, sorted.
}

// Service is what a service says of itself, with every anchor and short form
// resolved.
type Service struct {
	Name        string            // Name is the service's, and its host name.
	Image       string            // Image is what is run.
	Built       bool              // Built says that Image is built from this repository's Dockerfile.
	Entrypoint  []string          // Entrypoint is the program; empty is the image's.
	Command     []string          // Command are its arguments; empty is the image's.
	Environment map[string]string // Environment are its variables.
	Depends     map[string]string // Depends are the conditions of the services to wait for, by name.
	Ports       []Port            // Ports are published.
	Expose      []int             // Expose are the ports on which it says it listens.
	Mounts      []Mount           // Mounts are its volumes and files.
	Health      []string          // Health is the test of the healthcheck; nil without one.
	HealthOff   bool              // HealthOff says that there is deliberately none.
	Once        bool              // Once says that it runs to its end and is not started again.
	Confined    bool              // Confined: nothing to write to, no capability, no new privileges.
	Limited     bool              // Limited says that its memory is limited.
}

// Port is a published port.
type Port struct {
	Host      string // Host is the address that it is bound to; empty is all.
	Published int    // Published is the port there.
	Target    int    // Target is the port of the container.
}

// Mount is a volume or a file of a service.
type Mount struct {
	Bind     bool   // Bind says that Source is a path of this machine.
	Source   string // Source is a path relative to the compose file, or a volume's name.
	Target   string // Target is the path in the container.
	ReadOnly bool   // ReadOnly says that it cannot be written to.
}

// Load reads a compose file as `docker compose` does, without an environment.
func Load(ctx context.Context, path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parse(ctx, filepath.Dir(path), data)
}

func parse(ctx context.Context, dir string, data []byte) (*File, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	project, err := loader.LoadWithContext(ctx, types.ConfigDetails{
		WorkingDir: dir, ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, "docker-compose.yml"), Content: data}},
		Environment: types.Mapping{},
	}, func(o *loader.Options) { o.SetProjectName("unwind", false) })
	if err != nil {
		return nil, fmt.Errorf("load the compose file: %w", err)
	}
	f := &File{Volumes: slices.Sorted(maps.Keys(project.Volumes))}
	for _, name := range slices.Sorted(maps.Keys(project.Services)) {
		f.Services = append(f.Services, service(dir, project.Services[name]))
	}
	return f, nil
}

func service(dir string, c types.ServiceConfig) Service {
	s := Service{
		Name: c.Name, Image: c.Image, Built: c.Build != nil, Entrypoint: c.Entrypoint, Command: c.Command,
		Environment: map[string]string{}, Depends: map[string]string{}, Once: c.Restart == "no",
		Confined: c.ReadOnly && slices.Contains(c.CapDrop, "ALL") && slices.Contains(c.SecurityOpt, "no-new-privileges:true"),
		Limited:  c.Deploy != nil && c.Deploy.Resources.Limits != nil && c.Deploy.Resources.Limits.MemoryBytes > 0,
	}
	for name, value := range c.Environment {
		if value != nil {
			s.Environment[name] = *value
		}
	}
	for name, d := range c.DependsOn {
		s.Depends[name] = d.Condition
	}
	for _, p := range c.Ports {
		published, _ := strconv.Atoi(p.Published) // 0, which is a fault, if it is none
		s.Ports = append(s.Ports, Port{Host: p.HostIP, Published: published, Target: int(p.Target)})
	}
	for _, text := range c.Expose {
		port, _ := strconv.Atoi(text)
		s.Expose = append(s.Expose, port)
	}
	for _, v := range c.Volumes {
		m := Mount{Bind: v.Type == types.VolumeTypeBind, Source: v.Source, Target: v.Target, ReadOnly: v.ReadOnly}
		if rel, err := filepath.Rel(dir, v.Source); m.Bind && err == nil {
			m.Source = filepath.ToSlash(rel)
		}
		s.Mounts = append(s.Mounts, m)
	}
	if c.HealthCheck != nil {
		s.Health, s.HealthOff = c.HealthCheck.Test, c.HealthCheck.Disable
	}
	return s
}

// Service returns a service by name.
func (f *File) Service(name string) (Service, bool) {
	i := slices.IndexFunc(f.Services, func(s Service) bool { return s.Name == name })
	if i < 0 {
		return Service{}, false
	}
	return f.Services[i], true
}

// Programs returns the services that run a program of our image, in the order in
// which they can be started: each after those it waits for.
func (f *File) Programs() []Service {
	var sorted []Service
	seen := map[string]bool{}
	var visit func(s Service)
	visit = func(s Service) {
		if seen[s.Name] {
			return
		}
		seen[s.Name] = true
		for _, name := range slices.Sorted(maps.Keys(s.Depends)) {
			if other, ok := f.Service(name); ok {
				visit(other)
			}
		}
		if s.Built {
			sorted = append(sorted, s)
		}
	}
	for _, s := range f.Services {
		visit(s)
	}
	return sorted
}

// Line is the command line of a program of our image: the program's path there,
// then its arguments.
func (s Service) Line(d *Dockerfile) []string {
	entrypoint, command := s.Entrypoint, s.Command
	if len(entrypoint) == 0 {
		entrypoint = d.Entrypoint
		if len(command) == 0 {
			command = d.Command
		}
	}
	return slices.Concat(entrypoint, command)
}

// Variables are the service's environment as KEY=value, sorted.
func (s Service) Variables() []string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(s.Environment)) {
		pairs = append(pairs, name+"="+s.Environment[name])
	}
	return pairs
}

// Reader returns a way to read the service's environment, and a function that
// lists the variables that nobody has asked for yet: the program does not know
// them.
func (s Service) Reader() (get func(name string) string, unread func() []string) {
	left := maps.Clone(s.Environment)
	get = func(name string) string {
		delete(left, name)
		return s.Environment[name]
	}
	return get, func() []string { return slices.Sorted(maps.Keys(left)) }
}
