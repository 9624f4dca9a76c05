package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/embedded"
	"github.com/unwindhq/unwind/saga"
)

const (
	// lookEvery is how often the folder is looked at.
	lookEvery = 500 * time.Millisecond
	// DefaultListen is where dev listens if that is free.
	DefaultListen = "127.0.0.1:8080"
)

// Config configures a Session.
type Config struct {
	// World is where it runs. An empty Listen is DefaultListen, or a free port
	// where that is taken.
	World WorldConfig
	// Definitions is the folder to watch. Empty: the working folder if it has
	// definitions, else ExampleDir if that exists, else Example, copied into the
	// folder of the state for the user to change.
	Definitions string
	// ExampleDir is the example's folder in the project's tree.
	ExampleDir string
	// Example has the files of an example.
	Example fs.FS
	// NoStub names participants that run elsewhere.
	NoStub []string
	// Reset wipes the state of own servers first.
	Reset bool
	// Out receives what a person wants to know, in lines.
	Out io.Writer
	// Started is called once with everything up, before the definitions' faults
	// and the sagas' news come; nil: nothing is called.
	Started func(s *Session)
	// OnSaga is called with every saga that has changed, one call at a time; nil:
	// nobody watches.
	OnSaga func(client.Saga)
}

// Session is one run of `unwind dev`.
type Session struct {
	cfg    Config
	world  *World
	client *client.Client
	dir    string // of the definitions
	faults Faults

	mu      sync.Mutex
	folder  Folder
	stubs   map[string]*Stub
	applied map[string]client.Applied // by definition
	hashes  map[string]string         // of what was applied last, by definition

	out sync.Mutex
}

// Run runs a session until ctx ends.
func Run(ctx context.Context, cfg Config) (err error) {
	s := &Session{cfg: cfg, stubs: map[string]*Stub{}, applied: map[string]client.Applied{}, hashes: map[string]string{}}
	if s.cfg.Out == nil {
		s.cfg.Out = io.Discard
	}
	s.cfg.World = cfg.World.withDefaults()
	if s.cfg.World.Listen = cfg.World.Listen; s.cfg.World.Listen == "" {
		s.cfg.World.Listen = freeListen()
	}
	if cfg.Reset {
		if err := s.reset(); err != nil {
			return err
		}
	}
	if s.world, err = Open(ctx, s.cfg.World); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.world.Close()) }()
	if s.dir, err = s.findDefinitions(); err != nil {
		return err
	}
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return s.world.Run(running) })
	group.Go(func() error { return s.play(running, group) })
	if err := group.Wait(); ctx.Err() == nil {
		return err
	}
	return nil
}

// freeListen is DefaultListen, or any port where that is taken.
func freeListen() string {
	listener, err := net.Listen("tcp", DefaultListen)
	if err != nil {
		return "127.0.0.1:0"
	}
	_ = listener.Close() // it was only a try
	return DefaultListen
}

// reset wipes the state.
func (s *Session) reset() error {
	if err := embedded.Reset(s.cfg.World.Dir); err != nil {
		return err
	}
	if err := os.Remove(addressPath(s.cfg.World.Dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// findDefinitions returns the folder to watch.
func (s *Session) findDefinitions() (string, error) {
	if s.cfg.Definitions != "" {
		return s.cfg.Definitions, nil
	}
	if here, err := ReadFolder("."); err == nil && len(here.Definitions)+len(here.Contracts)+len(here.Faults) > 0 {
		return ".", nil
	}
	if info, err := os.Stat(s.cfg.ExampleDir); err == nil && info.IsDir() {
		return s.cfg.ExampleDir, nil
	}
	dir := filepath.Join(s.cfg.World.Dir, "definitions")
	if _, err := os.Stat(dir); err == nil || s.cfg.Example == nil {
		return dir, err
	}
	if err := os.CopyFS(dir, s.cfg.Example); err != nil {
		return "", fmt.Errorf("copy the example's definitions: %w", err)
	}
	return dir, nil
}

// play runs everything but the coordinator.
func (s *Session) play(ctx context.Context, group *errgroup.Group) error {
	select {
	case <-s.world.Ready():
	case <-ctx.Done():
		return nil
	}
	var err error
	if s.client, err = client.New(client.Config{URL: s.world.URL()}); err != nil {
		return err
	}
	files := fingerprint(s.dir)
	if err := s.reload(ctx, group); err != nil {
		return err
	}
	control, err := openControl(s.cfg.World.Dir, Address{URL: s.world.URL(), DatabaseURL: s.world.DatabaseURL(), Brokers: s.world.Brokers()}, s.breakCommand)
	if err != nil {
		return err
	}
	group.Go(func() error { return control.run(ctx) })
	known, err := s.client.List(ctx, client.Filter{Limit: followed})
	if err != nil {
		return err
	}
	if s.cfg.Started != nil {
		s.cfg.Started(s)
	}
	s.sayFaults()
	if s.cfg.OnSaga != nil {
		group.Go(func() error { return s.follow(ctx, moments(known)) })
	}
	return s.watch(ctx, group, files)
}

// watch reads the folder again when a file of it changes.
func (s *Session) watch(ctx context.Context, group *errgroup.Group, before string) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := fingerprint(s.dir)
		if now == before {
			continue
		}
		before = now
		if err := s.reload(ctx, group); err != nil && ctx.Err() == nil {
			s.Say("%v", err)
		}
		s.sayFaults()
	}
}

// reload reads the folder and puts what is good in it to use.
func (s *Session) reload(ctx context.Context, group *errgroup.Group) error {
	folder, err := ReadFolder(s.dir)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.folder = folder
	s.mu.Unlock()
	if err := s.world.CreateTopics(ctx, folder.Participants()...); err != nil {
		return err
	}
	s.startStubs(ctx, group, folder)
	return s.applyAll(ctx, folder)
}

// startStubs gives every participant a stub that has none and needs one.
func (s *Session) startStubs(ctx context.Context, group *errgroup.Group, folder Folder) {
	for _, name := range folder.Participants() {
		if slices.Contains(s.cfg.NoStub, name) || s.stubs[name] != nil {
			continue
		}
		stub := NewStub(StubConfig{
			Name: name, Brokers: s.world.Brokers(), Given: len(s.cfg.World.Brokers) > 0, Faults: &s.faults,
			Say: func(line string) { s.Say("%s", line) }, Log: s.cfg.World.Log,
		})
		s.mu.Lock()
		s.stubs[name] = stub
		s.mu.Unlock()
		group.Go(func() error { return stub.Run(ctx) })
	}
	for _, contract := range folder.Contracts {
		if stub := s.stubs[contract.Participant]; stub != nil {
			stub.Follow(contract)
		}
	}
}

// applyAll applies the definitions that have changed.
func (s *Session) applyAll(ctx context.Context, folder Folder) error {
	for _, d := range folder.Definitions {
		name := d.File.Definition.Name
		if s.hashes[name] == d.File.Hash {
			continue
		}
		applied, err := s.client.ApplyDefinition(ctx, d.Path, d.File.Canonical)
		if err != nil {
			return fmt.Errorf("apply %s: %w", d.Path, err)
		}
		known := s.hashes[name] != ""
		s.mu.Lock()
		s.hashes[name], s.applied[name] = d.File.Hash, applied
		s.mu.Unlock()
		if known {
			s.Say("%s: %s is now %s; running sagas stay with what they began with", d.Path, name, applied.Version)
		}
	}
	return nil
}

// sayFaults prints what is wrong with the files.
func (s *Session) sayFaults() {
	s.mu.Lock()
	faults := s.folder.Faults
	s.mu.Unlock()
	for _, fault := range faults {
		s.Say("✗ %s", fault.Error())
	}
	if len(faults) > 0 {
		s.Say("  what was applied before stays in use")
	}
}

// breakCommand sets a fault, if the command is one that a stub answers.
func (s *Session) breakCommand(fault Fault) error {
	s.mu.Lock()
	commands := s.folder.Commands()
	participant, _, _ := strings.Cut(fault.Command, "/")
	stub := s.stubs[participant]
	s.mu.Unlock()
	if !slices.Contains(commands, fault.Command) {
		return fmt.Errorf("there is no command %s; there are %s", fault.Command, strings.Join(commands, ", "))
	}
	if stub == nil {
		return fmt.Errorf("%s is no stub here (--no-stub): only stubs can be broken", participant)
	}
	s.faults.Set(fault)
	if fault.Mode == Off {
		s.Say("%s is as it should be again", fault.Command)
	} else {
		s.Say("%s is broken now: %s", fault.Command, describe(fault))
	}
	return nil
}

// Say prints a line for the person in front, with the time.
func (s *Session) Say(format string, args ...any) {
	s.Print(time.Now().Format("15:04:05 ") + fmt.Sprintf(format, args...))
}

// Print prints text as it is.
func (s *Session) Print(text string) {
	s.out.Lock()
	defer s.out.Unlock()
	_, _ = fmt.Fprintln(s.cfg.Out, text) // a terminal that has gone hears nothing
}

// URL returns the REST API's address.
func (s *Session) URL() string { return s.world.URL() }

// DatabaseURL returns the address of Postgres.
func (s *Session) DatabaseURL() string { return s.world.DatabaseURL() }

// Brokers returns the addresses of Kafka.
func (s *Session) Brokers() []string { return s.world.Brokers() }

// Dir returns the folder of the definitions.
func (s *Session) Dir() string { return s.dir }

// Applied returns what was applied, by the definitions' names, with a sample
// input of each.
func (s *Session) Applied() []AppliedSample {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []AppliedSample
	for _, d := range s.folder.Definitions {
		name := d.File.Definition.Name
		all = append(all, AppliedSample{Applied: s.applied[name], Input: string(Sample(d.File.Definition.Schema))})
	}
	return all
}

// AppliedSample is an applied definition with an input that fits it.
type AppliedSample struct {
	client.Applied
	Input string // Input is JSON.
}

// Stubs returns the names of the participants that are stubs, sorted.
func (s *Session) Stubs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name := range s.stubs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Broken returns a command to try unwind dev break with: of a pivot if there is
// one.
func (s *Session) Broken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := ""
	for _, d := range s.folder.Definitions {
		for _, step := range d.File.Definition.Steps {
			if !step.Waits() && step.Child == nil && step.Participant != saga.Local && (found == "" || step.Kind == saga.Pivot) {
				found = step.Participant + "/" + step.Command
			}
		}
	}
	return found
}
