package compose

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	pinned = regexp.MustCompile(`^[a-z0-9./-]+:v?[0-9]+\.[0-9][A-Za-z0-9.-]*$`)
	// address is a host with a port as URLs and lists of addresses write it.
	address = regexp.MustCompile(`(?:^|[/@,=])([A-Za-z][A-Za-z0-9.-]*|[0-9.]+):([0-9]{2,5})\b`)
)

// Faults finds what makes a compose file surprise people: images that change by
// themselves, ports open to the network, names that lead nowhere, dependencies
// that are not waited for, programs with more rights than they need. exists says
// whether a path of the repository is there.
func (f *File) Faults(d *Dockerfile, exists func(path string) bool) []string {
	var faults []string
	published := map[int]string{}
	used := map[string]bool{}
	for _, s := range f.Services {
		found := slices.Concat(s.image(d), s.health(), f.depends(s), s.ports(published), f.hosts(s), f.mounts(s, used, exists))
		for _, what := range found {
			faults = append(faults, "service "+s.Name+": "+what)
		}
	}
	for _, name := range f.Volumes {
		if !used[name] {
			faults = append(faults, "volume "+name+" is declared, but no service uses it")
		}
	}
	return faults
}

// image checks what is run, and with which rights.
func (s Service) image(d *Dockerfile) []string {
	var faults []string
	if !s.Built {
		if !pinned.MatchString(s.Image) {
			faults = append(faults, fmt.Sprintf("image %q: pin it to a version, such as postgres:17.5", s.Image))
		}
		return faults
	}
	if line := s.Line(d); !slices.Contains(d.Programs(), line[0]) {
		faults = append(faults, fmt.Sprintf("%s is no program of the image, which has %v", line[0], d.Programs()))
	}
	if len(s.Health) > 1 && !slices.Contains(d.Programs(), s.Health[1]) {
		faults = append(faults, fmt.Sprintf("healthcheck: %s is no program of the image", s.Health[1]))
	}
	if !s.Confined {
		faults = append(faults, "give it no right that it does not need: read_only, cap_drop: [ALL], no-new-privileges:true")
	}
	if !s.Limited {
		faults = append(faults, "limit its memory")
	}
	return faults
}

// health: what runs on says how to know that it serves, or that it need not.
func (s Service) health() []string {
	switch {
	case s.Once || s.HealthOff:
		return nil
	case len(s.Health) < 2:
		return []string{"no healthcheck: say how to know that it serves, or disable it and say why"}
	case s.Health[0] != "CMD":
		return []string{fmt.Sprintf("healthcheck %q: begin it with CMD, there may be no shell", s.Health[0])}
	}
	return nil
}

// depends: a service is waited for until it is of use.
func (f *File) depends(s Service) []string {
	var faults []string
	for _, name := range slices.Sorted(maps.Keys(s.Depends)) {
		other, ok := f.Service(name)
		want := "service_healthy"
		switch {
		case !ok:
			faults = append(faults, fmt.Sprintf("depends on %q, which is no service", name))
			continue
		case other.Once:
			want = "service_completed_successfully"
		case other.HealthOff:
			want = "service_started"
		}
		if got := s.Depends[name]; got != want {
			faults = append(faults, fmt.Sprintf("depends on %s with %s: write %s", name, got, want))
		}
	}
	return faults
}

// ports: on loopback, each once, to where somebody listens.
func (s Service) ports(published map[int]string) []string {
	var faults []string
	for _, p := range s.Ports {
		if p.Host != "127.0.0.1" {
			faults = append(faults, fmt.Sprintf("port %d: bind it to loopback, 127.0.0.1:%d:%d", p.Published, p.Published, p.Target))
		}
		if other := published[p.Published]; other != "" || p.Published == 0 {
			faults = append(faults, fmt.Sprintf("port %d: %s publishes it, too", p.Published, other))
		}
		published[p.Published] = s.Name
		if !slices.Contains(s.Expose, p.Target) {
			faults = append(faults, fmt.Sprintf("port %d leads to %d, which is not among the ports of expose", p.Published, p.Target))
		}
	}
	return faults
}

// hosts: every address in a variable or an argument is a service's, or the
// container's own, and somebody listens there.
func (f *File) hosts(s Service) []string {
	texts := slices.Concat(s.Variables(), s.Command, s.Entrypoint)
	if len(s.Health) > 0 {
		texts = append(texts, s.Health[1:]...)
	}
	var faults []string
	for _, text := range texts {
		for _, match := range address.FindAllStringSubmatch(text, -1) {
			if what := f.host(s, match[1], match[2]); what != "" {
				faults = append(faults, what)
			}
		}
	}
	return faults
}

func (f *File) host(s Service, host, digits string) string {
	port, _ := strconv.Atoi(digits) // two to five digits
	target := s
	switch host {
	case "127.0.0.1", "localhost":
		if !slices.Contains(s.Expose, port) && !s.speaksTo(port) {
			return fmt.Sprintf("nothing of it listens on %s:%d", host, port)
		}
		return ""
	case "0.0.0.0":
	default:
		var ok bool
		if target, ok = f.Service(host); !ok {
			return fmt.Sprintf("%s:%d: there is no service %s", host, port, host)
		}
	}
	if !slices.Contains(target.Expose, port) {
		return fmt.Sprintf("%s:%d: %s does not expose %d", host, port, target.Name, port)
	}
	return ""
}

// speaksTo reports whether the service names a listener of its own on that port,
// as Kafka does for its controller, which nobody else needs.
func (s Service) speaksTo(port int) bool {
	return strings.Contains(s.Environment["KAFKA_LISTENERS"], fmt.Sprintf("://127.0.0.1:%d", port))
}

// mounts: files are there and cannot be written to, volumes are declared.
func (f *File) mounts(s Service, used map[string]bool, exists func(string) bool) []string {
	var faults []string
	for _, m := range s.Mounts {
		switch {
		case m.Bind && !exists(m.Source):
			faults = append(faults, fmt.Sprintf("mounts %s, which does not exist", m.Source))
		case m.Bind && !m.ReadOnly:
			faults = append(faults, fmt.Sprintf("mounts %s to write to: make it :ro", m.Source))
		case !m.Bind && !slices.Contains(f.Volumes, m.Source):
			faults = append(faults, fmt.Sprintf("volume %q is not declared under volumes", m.Source))
		}
		used[m.Source] = true
	}
	return faults
}
