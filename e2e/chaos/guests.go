package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/kafka"
)

const (
	// guestEvery is how many trips are started for each guest.
	guestEvery = 10
	// stayStem begins the business key of each stay.
	stayStem = "stay-"
)

// guests write the events of somebody else's topics: each arrival starts a saga, and
// each leaving, written once that saga is there, ends its wait. One that is lost leaves
// a record without a saga, or a saga that waits for ever.
type guests struct {
	w        *world
	producer *kafka.Producer
	arrived  int
	left     map[string]bool // by business key
}

func newGuests(w *world) (*guests, error) {
	producer, err := kafka.NewProducer(kafka.Config{Brokers: w.config.brokerList()})
	return &guests{w: w, producer: producer, left: map[string]bool{}}, err
}

// run lets guests come until stop is closed, and returns when all of them have left.
func (g *guests) run(ctx context.Context, stop <-chan struct{}, started func() int64) error {
	defer func() { _ = g.producer.Close(ctx) }() // each record was waited for
	for {
		select {
		case <-stop:
			return until(ctx, g.w.config.calm, "every guest has left", func() bool {
				return g.leave(ctx) == nil && len(g.left) == g.arrived
			})
		default:
		}
		if err := g.arrive(ctx, int(started())/guestEvery); err != nil {
			return fmt.Errorf("write an arrival: %w", err)
		}
		if err := g.leave(ctx); err != nil {
			return err
		}
		if err := sleep(ctx, often); err != nil {
			return err
		}
	}
}

// arrive writes arrivals up to the nth.
func (g *guests) arrive(ctx context.Context, n int) error {
	for ; g.arrived < n; g.arrived++ {
		if err := g.write(ctx, "arrivals", g.arrived); err != nil {
			return err
		}
	}
	return nil
}

// leave writes a leaving for each stay that has begun.
func (g *guests) leave(ctx context.Context) error {
	rows, err := g.w.pool.Query(ctx, readStays)
	if err != nil {
		return fmt.Errorf("look who stays: %w", err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("look who stays: %w", err)
	}
	for _, key := range keys {
		n, err := strconv.Atoi(strings.TrimPrefix(key, stayStem))
		if err != nil || g.left[key] {
			continue
		}
		if err := g.write(ctx, "leavings", n); err != nil {
			return fmt.Errorf("write a leaving: %w", err)
		}
		g.left[key] = true
	}
	return nil
}

func (g *guests) write(ctx context.Context, topic string, n int) error {
	key := strconv.Itoa(n)
	return g.producer.Send(ctx, kafka.Record{
		Topic: g.w.prefix + topic, Partition: int32(n % commandPartitions), Key: []byte(key), Value: []byte(`{"n":` + key + `}`),
	})
}

// guestTopics are the topics of the events.
func (w *world) guestTopics() (list []kafka.Topic) {
	for _, name := range []string{"arrivals", "leavings"} {
		list = append(list, kafka.Topic{Name: w.prefix + name, Partitions: commandPartitions})
	}
	return list
}
