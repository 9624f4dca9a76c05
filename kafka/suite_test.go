package kafka_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/server"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
)

// restartArgument makes the test binary ask a running test, at the address that
// follows, to restart its broker. This is the suite's RestartServiceCommand.
const restartArgument = "restart-the-broker-of"

// Watermill's own suite for every Pub/Sub, on a real broker of its own, which the
// suite kills in full flight. Nothing in it is skipped: each part that one mode
// leaves out (order, by a keyless topic) runs in the other.
func TestWatermillsUniversalSuite(t *testing.T) {
	broker := testserver.RestartableKafka(t)
	restart := restartCommand(t, broker)
	for name, mode := range map[string]mode{
		"keyless": {concurrency: 4},
		"keyed":   {concurrency: 4, keyed: true},
	} {
		t.Run(name, func(t *testing.T) {
			mode.brokers = broker.Brokers()
			tests.TestPubSub(t, tests.Features{
				ConsumerGroups:                   true,
				GuaranteedOrder:                  mode.keyed,
				Persistent:                       true,
				NewSubscriberReceivesOldMessages: true,
				RestartServiceCommand:            restart,
			}, mode.pubSub, mode.groupPubSub)
		})
	}
}

// mode is one way to run the suite.
type mode struct {
	brokers     []string
	keyed       bool
	concurrency int
}

// pubSub makes a pair whose subscriber shares its group with the test's others,
// save where the suite asks that each new subscriber sees everything.
func (m mode) pubSub(t *testing.T) (message.Publisher, message.Subscriber) {
	group := "group-" + path.Base(t.Name())
	if strings.Contains(t.Name(), "TestNewSubscriberReceivesOldMessages") {
		group += uuid.NewString()
	}
	return m.groupPubSub(t, group)
}

// groupPubSub makes a pair for group. The suite's messages that must stay in
// order have the same payload, so in keyed mode that is their key.
func (m mode) groupPubSub(t *testing.T, group string) (message.Publisher, message.Subscriber) {
	config := kafka.Config{Brokers: m.brokers}
	key := func(string, *message.Message) string { return "" }
	if m.keyed {
		key = func(_ string, m *message.Message) string { return "key-" + string(m.Payload) }
	}
	publisher, err := kafka.NewPublisher(kafka.PublisherConfig{Config: config, Key: key})
	require.NoError(t, err)
	subscriber, err := kafka.NewSubscriber(kafka.SubscriberConfig{
		Config:            config,
		Group:             group,
		Concurrency:       m.concurrency,
		NackPause:         10 * time.Millisecond,
		DrainTimeout:      time.Second,
		HeartbeatInterval: 500 * time.Millisecond,
		SessionTimeout:    10 * time.Second,
		CreateTopic:       kafka.Topic{Partitions: 4},
	})
	require.NoError(t, err)
	if strings.Contains(t.Name(), "TestReconnect") {
		e := &echo{sent: map[string]chan struct{}{}}
		return echoPublisher{publisher, e}, echoSubscriber{subscriber, e}
	}
	return publisher, subscriber
}

// echo lets a message arrive only a moment after its Publish returned. The suite's
// TestReconnect compares what arrived with its list of what was published, to
// which it adds a message without synchronisation after Publish; the last one
// would sometimes arrive first.
type echo struct {
	mu   sync.Mutex
	sent map[string]chan struct{} // closed: may arrive
}

func (e *echo) of(uuid string) chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sent[uuid] == nil {
		e.sent[uuid] = make(chan struct{})
	}
	return e.sent[uuid]
}

type echoPublisher struct {
	message.Publisher
	echo *echo
}

func (p echoPublisher) Publish(topic string, messages ...*message.Message) error {
	if err := p.Publisher.Publish(topic, messages...); err != nil {
		return err
	}
	for _, m := range messages { // published with success once
		time.AfterFunc(100*time.Millisecond, func() { close(p.echo.of(m.UUID)) })
	}
	return nil
}

type echoSubscriber struct {
	*kafka.Subscriber
	echo *echo
}

func (s echoSubscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	in, err := s.Subscriber.Subscribe(ctx, topic)
	out := make(chan *message.Message)
	go func() {
		defer close(out)
		for m := range in {
			<-s.echo.of(m.UUID)
			select {
			case out <- m:
			case <-m.Context().Done():
			}
		}
	}()
	return out, err
}

// restartCommand returns a command that kills broker and starts it again, and
// returns when it is back: this binary, asking the listener made here.
func restartCommand(t *testing.T, broker *server.Kafka) []string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			broker.Kill()
			fmt.Fprintln(conn, broker.Start(context.Background()))
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		<-served
	})
	self, err := os.Executable()
	require.NoError(t, err)
	return []string{self, restartArgument, listener.Addr().String()}
}

// askForRestart is the command's side; it returns the exit code.
func askForRestart(address string) int {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if strings.TrimSpace(answer) != "<nil>" {
		fmt.Fprintln(os.Stderr, "restart:", answer, err)
		return 1
	}
	return 0
}
