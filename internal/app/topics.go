package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
)

const (
	// defaultPartitions is how many partitions a command topic gets.
	defaultPartitions = 12
	// maxMessage is the largest record of a topic, in bytes.
	maxMessage = 2 << 20
	// checkAgain is how long a failed look at the topics is not repeated.
	checkAgain = 5 * time.Second
)

// Topics derives the names of topics. Its zero value has the defaults.
type Topics struct {
	Prefix     string   // Prefix begins all names. Default "unwind.".
	Namespaces []string // Namespaces are those that get a start topic. Default "default" alone.
	Partitions int32    // Partitions is how many a command topic gets. Default 12.
}

// Replies returns the name of the reply topic.
func (t Topics) Replies() string { return t.withDefaults().Prefix + "replies.g1" }

// Start returns the name of the topic of a namespace's starts.
func (t Topics) Start(namespace string) string { return t.withDefaults().Prefix + "start." + namespace }

// Commands returns the name of a participant's command topic.
func (t Topics) Commands(participant string) string {
	return t.withDefaults().Prefix + "commands." + participant
}

// Events returns the name of the topic of the ends of a namespace's sagas.
func (t Topics) Events(namespace string) string {
	return t.withDefaults().Prefix + "events." + namespace
}

// Ends returns the topics that the ends of a namespace's sagas are announced on: that
// of the namespace with its dead-letter topic, or the one that the definition names.
func (t Topics) Ends(namespace string, def saga.Definition) []kafka.Topic {
	switch on := def.OnEnd; {
	case on == nil:
		return nil
	case on.Topic == "":
		return t.pair(t.Events(namespace), t.withDefaults().Partitions)
	default:
		return []kafka.Topic{{Name: on.Topic, Partitions: 1}}
	}
}

func (t Topics) withDefaults() Topics {
	t.Prefix = cmp.Or(t.Prefix, "unwind.")
	if len(t.Namespaces) == 0 {
		t.Namespaces = []string{"default"}
	}
	t.Partitions = cmp.Or(t.Partitions, defaultPartitions)
	return t
}

// Plan returns every topic that the participants and the coordinator need, each
// with its dead-letter topic: replies, starts, then commands by name.
func (t Topics) Plan(participants ...string) []kafka.Topic {
	t = t.withDefaults()
	plan := t.pair(t.Replies(), bucket.Count)
	for _, namespace := range slices.Compact(slices.Sorted(slices.Values(t.Namespaces))) {
		plan = append(plan, t.pair(t.Start(namespace), t.Partitions)...)
	}
	names := slices.Compact(slices.Sorted(slices.Values(participants)))
	for _, name := range names {
		if name != saga.Local {
			plan = append(plan, t.pair(t.Commands(name), t.Partitions)...)
		}
	}
	return plan
}

// pair is a topic and its dead-letter topic.
func (t Topics) pair(name string, partitions int32) []kafka.Topic {
	config := map[string]string{"max.message.bytes": strconv.Itoa(maxMessage)}
	return []kafka.Topic{
		{Name: name, Partitions: partitions, Config: config},
		{Name: deadletter.Topic(name), Partitions: 1, Config: config},
	}
}

// Participants returns the participants of a definition, sorted.
func Participants(def saga.Definition) []string {
	return slices.Sorted(slices.Values(def.Participants()))
}

// topicGuard knows which topics exist. It implements intake.Topics.
type topicGuard struct {
	admin  *kafka.Admin
	names  Topics
	create bool

	mu     sync.Mutex
	known  map[string]bool
	failed time.Time // when the brokers did not answer
}

func newTopicGuard(c Config) (*topicGuard, error) {
	config := c.kafka()
	config.DialTimeout, config.RequestTimeout = time.Second, 5*time.Second
	admin, err := kafka.NewAdmin(config)
	if err != nil {
		return nil, err
	}
	names := Topics{Prefix: c.Prefix, Namespaces: c.Namespaces, Partitions: c.Partitions}
	return &topicGuard{admin: admin, names: names, create: c.CreateTopics, known: map[string]bool{}}, nil
}

// Missing implements intake.Topics. What was there once is not asked for again.
func (g *topicGuard) Missing(ctx context.Context, namespace string, def saga.Definition) ([]string, error) {
	return g.missing(ctx, append(g.names.Plan(Participants(def)...), g.names.Ends(namespace, def)...))
}

// begin creates the coordinator's own topics if topics are to be created.
func (g *topicGuard) begin(ctx context.Context) error {
	if !g.create {
		return nil
	}
	return g.base(ctx)
}

// base is the check of readiness: the reply topic is there.
func (g *topicGuard) base(ctx context.Context) error {
	missing, err := g.missing(ctx, g.names.Plan())
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("there is no topic %v in Kafka; run unwind topics apply", missing)
	}
	return err
}

func (g *topicGuard) missing(ctx context.Context, plan []kafka.Topic) ([]string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var names []string
	for _, topic := range plan {
		if !g.known[topic.Name] {
			names = append(names, topic.Name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	if time.Since(g.failed) < checkAgain {
		return nil, fmt.Errorf("no answer from Kafka within the last %s", checkAgain)
	}
	missing, err := g.ask(ctx, plan, names)
	if err != nil {
		g.failed = time.Now()
		return nil, err
	}
	for _, name := range names {
		g.known[name] = !slices.Contains(missing, name)
	}
	return missing, nil
}

// ask asks the brokers, and creates what is missing if that is wanted.
func (g *topicGuard) ask(ctx context.Context, plan []kafka.Topic, names []string) ([]string, error) {
	missing, err := g.admin.Missing(ctx, names...)
	if err != nil || !g.create || len(missing) == 0 {
		return missing, err
	}
	wanted := slices.DeleteFunc(slices.Clone(plan), func(t kafka.Topic) bool { return !slices.Contains(missing, t.Name) })
	return nil, g.admin.Create(ctx, wanted...)
}
