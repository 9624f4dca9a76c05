package events

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/kafka"
)

const (
	// session is how long the events of a coordinator that died wait for another one.
	session = 10 * time.Second
	// drain is how long events under way may take at the end.
	drain = 10 * time.Second
)

// place is a topic that a namespace's definitions wait for.
type place struct{ namespace, topic string }

// Reader reads the topics that definitions wait for. It is safe for concurrent use.
type Reader struct {
	cfg   Config
	admin *kafka.Admin

	heard map[string]*rounds[[]registry.Listener] // by namespace: who listens
	asked map[string]*rounds[[]registry.Listener] // by namespace: whose sagas await

	mu      sync.RWMutex
	missing []string
}

// New returns a Reader that does nothing until Run.
func New(cfg Config) (*Reader, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	config := cfg.Kafka
	config.DialTimeout, config.RequestTimeout = time.Second, 5*time.Second
	admin, err := kafka.NewAdmin(config)
	r := &Reader{cfg: cfg, admin: admin, heard: map[string]*rounds[[]registry.Listener]{}, asked: map[string]*rounds[[]registry.Listener]{}}
	for _, namespace := range cfg.Namespaces {
		r.heard[namespace], r.asked[namespace] = &rounds[[]registry.Listener]{}, &rounds[[]registry.Listener]{}
	}
	return r, err
}

// Missing lists the topics that are waited for and do not exist, sorted.
func (r *Reader) Missing() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.missing)
}

// Run reads until ctx ends and what is under way has come to its end. Which topics
// it reads follows the definitions as they are applied, wherever that is done.
func (r *Reader) Run(ctx context.Context) error {
	running := running{reader: r, topics: map[place]*subscription{}}
	tick := time.NewTicker(r.cfg.Every)
	defer tick.Stop()
	for {
		if err := running.follow(ctx); err != nil && ctx.Err() == nil {
			r.cfg.Log.WarnContext(ctx, "cannot see which events are waited for; reading on as before", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			running.end()
			return nil
		}
	}
}

// look finds what is waited for now, and where a group that has never read it begins.
func (r *Reader) look(ctx context.Context) (map[place]time.Time, error) {
	wishes := map[place]time.Time{}
	for _, namespace := range r.cfg.Namespaces {
		listeners, err := r.cfg.Registry.Listeners(ctx, namespace)
		if err != nil {
			return nil, err
		}
		awaiters, err := r.cfg.Registry.Awaiters(ctx, namespace)
		if err != nil {
			return nil, err
		}
		for _, l := range listeners {
			add(wishes, namespace, l)
		}
		for _, a := range awaiters { // also by versions that are not the latest any more
			add(wishes, namespace, a)
		}
	}
	if len(wishes) > r.cfg.MaxTopics {
		return nil, fmt.Errorf("definitions wait for the events of %d topics, the most is %d: spread the namespaces over several installations", len(wishes), r.cfg.MaxTopics)
	}
	return wishes, nil
}

// add notes that a version of a definition waits for events of its topics.
func add(wishes map[place]time.Time, namespace string, l registry.Listener) {
	for _, topic := range l.Topics {
		p := place{namespace, topic}
		if since := wishes[p]; since.IsZero() || l.Since.Before(since) {
			wishes[p] = l.Since
		}
	}
}

// running are the topics that are read.
type running struct {
	reader *Reader
	topics map[place]*subscription
	known  map[string]bool // the topics that exist
	looked time.Time       // when that was asked
}

// subscription is one topic that is read.
type subscription struct {
	stop context.CancelFunc
	done chan struct{}
}

// follow begins to read what is waited for and ends what is not any more.
func (r *running) follow(ctx context.Context) error {
	wishes, err := r.reader.look(ctx)
	if err != nil {
		return err
	}
	if err := r.explore(ctx, wishes); err != nil {
		return err
	}
	for p, s := range r.topics {
		if _, wanted := wishes[p]; !wanted || !r.known[p.topic] {
			s.stop()
		}
		select {
		case <-s.done:
			delete(r.topics, p)
		default:
		}
	}
	for p, since := range wishes {
		if r.topics[p] == nil && r.known[p.topic] {
			r.begin(ctx, p, since)
		}
	}
	return nil
}

// explore asks the brokers which topics exist: at once for a new one, else from time
// to time.
func (r *running) explore(ctx context.Context, wishes map[place]time.Time) error {
	var names []string
	fresh := false
	for p := range wishes {
		names = append(names, p.topic)
		_, asked := r.known[p.topic]
		fresh = fresh || !asked
	}
	if !fresh && time.Since(r.looked) < r.reader.cfg.LookEvery {
		return nil
	}
	slices.Sort(names)
	names = slices.Compact(names)
	missing, err := r.reader.admin.Missing(ctx, names...)
	if err != nil {
		return err
	}
	r.looked = time.Now()
	known := make(map[string]bool, len(names))
	for _, name := range names {
		known[name] = !slices.Contains(missing, name)
		if was, asked := r.known[name]; !known[name] && (was || !asked) {
			r.reader.cfg.Log.WarnContext(ctx, "a definition waits for the events of a topic that does not exist; looking again", "topic", name)
		}
	}
	r.known = known
	r.reader.mu.Lock()
	defer r.reader.mu.Unlock()
	r.reader.missing = missing
	return nil
}

// begin reads one topic until it is told to stop.
func (r *running) begin(ctx context.Context, p place, since time.Time) {
	ctx, stop := context.WithCancel(ctx)
	s := &subscription{stop: stop, done: make(chan struct{})}
	r.topics[p] = s
	go func() {
		defer close(s.done)
		defer stop()
		r.reader.read(ctx, p, since)
	}()
}

// end waits until nothing is read any more.
func (r *running) end() {
	for _, s := range r.topics {
		s.stop()
		<-s.done
	}
}

// Group is the name of the consumer group in which all coordinators share the
// partitions of a topic that a namespace's definitions wait for.
func Group(prefix, namespace, topic string) string {
	return prefix + "events-of." + namespace + "." + topic
}

// read reads a topic until ctx ends. A group that is new begins at what was written
// since the definition was applied: an old topic is full of orders that somebody
// has dealt with long ago.
func (r *Reader) read(ctx context.Context, p place, since time.Time) {
	group := Group(r.cfg.Prefix, p.namespace, p.topic)
	for ctx.Err() == nil {
		err := r.consume(ctx, p, group, since)
		if err != nil && ctx.Err() == nil {
			r.cfg.Log.WarnContext(ctx, "a topic's events cannot be read; trying again", "topic", p.topic, "namespace", p.namespace, "error", err)
		}
		select {
		case <-time.After(r.cfg.Again):
		case <-ctx.Done():
		}
	}
}

func (r *Reader) consume(ctx context.Context, p place, group string, since time.Time) error {
	placed, err := r.admin.Begin(ctx, group, p.topic, since)
	if err != nil {
		return err
	}
	subscriber, err := kafka.NewSubscriber(kafka.SubscriberConfig{
		Config: r.cfg.Kafka, Group: group, Concurrency: r.cfg.Workers,
		NackPause: r.cfg.Again, SessionTimeout: session, DrainTimeout: drain,
		SkipLost: true, // an event that comes again is known by its place, and standing still brings none back
	})
	if err != nil {
		return err
	}
	r.cfg.Log.InfoContext(ctx, "reading the events of a topic", "topic", p.topic, "namespace", p.namespace, "group", group, "new", placed, "since", since)
	return subscriber.Each(ctx, p.topic, r.cfg.Workers, func(ctx context.Context, rec kafka.Record) error {
		return r.take(ctx, p.namespace, rec, rec)
	})
}
