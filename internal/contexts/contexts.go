// Package contexts keeps the servers that a person works with under names, in a
// file of theirs. It holds no secrets, only the paths of files that do.
package contexts

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/unwindhq/unwind/internal/nearest"
)

const (
	// maxFile is the largest file that is read, in bytes.
	maxFile = 1 << 20
	// Max is how many contexts a file may hold.
	Max = 1000
)

// ErrUnknown says that there is no context of that name.
var ErrUnknown = errors.New("there is no such context")

// Context is one server.
type Context struct {
	// URL is the server's. Required.
	URL string `yaml:"url" json:"url"`
	// APIKeyFile is the path of the file with the API key. Empty: no key.
	APIKeyFile string `yaml:"api-key-file,omitempty" json:"api-key-file,omitempty"`
	// Namespace is what calls are about. Empty leaves it to the server.
	Namespace string `yaml:"namespace,omitempty" json:"namespace,omitempty"`
	// Protected asks for the context's name before something is destroyed there.
	Protected bool `yaml:"protected,omitempty" json:"protected"`
}

// Contexts are all of a person's. Its zero value is none.
type Contexts struct {
	// Current is the name of the one that counts where none is named; empty is none.
	Current string `yaml:"current,omitempty"`
	// All are the contexts by name.
	All map[string]Context `yaml:"contexts,omitempty"`
}

// Names returns the names in alphabetical order.
func (c Contexts) Names() []string { return slices.Sorted(maps.Keys(c.All)) }

// Get returns a context, or an error that wraps ErrUnknown and names the nearest.
func (c Contexts) Get(name string) (Context, error) {
	found, ok := c.All[name]
	if ok {
		return found, nil
	}
	cure := "unwind context list shows all"
	if best := nearest.Word(name, c.Names()); best != "" {
		cure = "did you mean " + best + "?"
	}
	return Context{}, fmt.Errorf("context %q: %w; %s", name, ErrUnknown, cure)
}

// Protecting returns the name of a protected context of a server, or "". It knows
// the server again however its URL is spelled.
func (c Contexts) Protecting(url string) string {
	for _, name := range c.Names() {
		if c.All[name].Protected && server(c.All[name].URL) == server(url) {
			return name
		}
	}
	return ""
}

// server is what a URL reaches: without what spells the same in several ways, and
// without the path, since it is better to ask once too often.
func server(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	host, port := strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), u.Port()
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		host = "localhost"
	}
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme] // the parser has made it small letters
	}
	return net.JoinHostPort(host, port)
}

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// Validate reports every fault of c at once.
func (c Contexts) Validate() error {
	var faults []error
	if len(c.All) > Max {
		faults = append(faults, fmt.Errorf("there are %d contexts, the most is %d", len(c.All), Max))
	}
	for _, name := range c.Names() {
		if !validName.MatchString(name) {
			faults = append(faults, fmt.Errorf("the context's name %q: write letters, digits, dots, dashes and underscores, at most 63", name))
		}
		if c.All[name].URL == "" {
			faults = append(faults, fmt.Errorf("context %s has no url", name))
		}
	}
	if _, err := c.Get(c.Current); c.Current != "" && err != nil {
		faults = append(faults, fmt.Errorf("current: %w", err))
	}
	return errors.Join(faults...)
}

// Read reads a file of contexts; a file that is not there holds none. It refuses
// a file that others may read or write: who writes it chooses where keys go.
func Read(path string) (Contexts, error) {
	var c Contexts
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("read the contexts: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	info, err := file.Stat()
	if err != nil {
		return c, fmt.Errorf("read the contexts: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return c, fmt.Errorf("%s is open to others (mode %04o): chmod 600 %s", path, info.Mode().Perm(), path)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err != nil {
		return c, fmt.Errorf("read the contexts: %w", err)
	}
	return parse(path, data)
}

func parse(path string, data []byte) (c Contexts, err error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return Contexts{}, fmt.Errorf("%s: %w", path, err)
	}
	if err := c.Validate(); err != nil {
		return Contexts{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// Update changes a file of contexts, or makes it, for its owner's eyes only.
// Readers see it as it was or as it is, never half of it; of two updates at the
// same time the later one counts.
func Update(path string, change func(*Contexts) error) error {
	c, err := Read(path)
	if err != nil {
		return err
	}
	if c.All == nil {
		c.All = map[string]Context{}
	}
	if err := errors.Join(change(&c), c.Validate()); err != nil {
		return err
	}
	data, err := yaml.Marshal(c)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		err = replace(path, data)
	}
	if err != nil {
		return fmt.Errorf("write the contexts: %w", err)
	}
	return nil
}

// replace writes a file beside path and puts it in its place.
func replace(path string, data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".contexts-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }() // gone once it was renamed
	_, err = file.Write(data)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
