package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/deadletter/office"
	"github.com/unwindhq/unwind/internal/lease"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/sagapg"
)

const (
	// carrierBucket is the bucket whose owner carries the dead letters and deletes
	// ended sagas.
	carrierBucket = 0
	// importMax is how many dead letters are imported in one transaction.
	importMax = 32
	// importQuiet is how long a dead-letter topic may be silent before its end is
	// taken as reached: the last offsets may hold no record.
	importQuiet = 5 * time.Second
)

// openOffice makes the office of dead letters and, with Kafka, its carrier.
func (a *App) openOffice(_ context.Context, p *parts) (err error) {
	store, err := office.NewStore(office.StoreConfig{Pool: p.pools.read, Schema: a.cfg.Schema})
	if err != nil {
		return err
	}
	if p.office, err = office.New(office.Config{
		Store: store, Sagas: sagapg.NewReader(p.pools.read, a.cfg.Schema), Definitions: p.registry,
		Keys: p.settings.Keys, Incarnation: p.settings.Incarnation,
	}); err != nil || p.producer == nil {
		return err
	}
	p.carrier, err = office.NewCarrier(office.CarrierConfig{
		Store: store, Sender: bus{p.producer}, Log: a.cfg.Log,
		Mine:   p.carries,
		Starts: p.topics.names.Start,
		Source: &deadLetterTopics{config: p.kafka, admin: p.topics.admin, names: p.topics.names},
	})
	return err
}

// carries reports whether this process does what one of them has to: it carries the
// dead letters.
func (p *parts) carries() bool {
	return slices.ContainsFunc(p.lease.Owned(), func(h lease.Held) bool { return h.Bucket == carrierBucket })
}

// carry carries dead letters until ctx ends.
func (p *parts) carry(ctx context.Context) error {
	if p.carrier == nil {
		<-ctx.Done()
		return nil
	}
	return p.carrier.Run(ctx)
}

// deadLetterTopics reads the dead-letter topics of this installation. It
// implements office.Source.
type deadLetterTopics struct {
	config kafka.Config
	admin  *kafka.Admin
	names  Topics
}

// Ranges implements office.Source.
func (d *deadLetterTopics) Ranges(ctx context.Context) (map[office.Place]office.Range, error) {
	ranges, err := d.admin.Ranges(ctx, d.names.deadLetters)
	if err != nil {
		return nil, err
	}
	held := map[office.Place]office.Range{}
	for topic, partitions := range ranges {
		for n, r := range partitions {
			held[office.Place{Topic: topic, Partition: n}] = office.Range(r)
		}
	}
	return held, nil
}

// deadLetters reports whether topic is the dead-letter topic of one of ours. It
// asks for the whole name: another installation's prefix may begin with ours.
func (t Topics) deadLetters(topic string) bool {
	name, prefixed := strings.CutPrefix(topic, t.withDefaults().Prefix)
	name, dead := strings.CutSuffix(name, deadletter.Suffix)
	kind, rest, _ := strings.Cut(name, ".")
	return prefixed && dead && rest != "" && !strings.Contains(rest, ".") &&
		(kind == "replies" || kind == "start" || kind == "events" || kind == "commands" && saga.IsName(rest))
}

// Read implements office.Source.
func (d *deadLetterTopics) Read(ctx context.Context, from office.Place, what office.Range, take func([]kafka.Record) error) error {
	reader, err := kafka.NewReader(kafka.ReaderConfig{Config: d.config, Topic: from.Topic, BufferedRecords: importMax})
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }() // nothing is lost
	if err := reader.Assign(from.Partition, what.Oldest); err != nil {
		return err
	}
	for next := what.Oldest; next < what.Next; {
		quiet, cancel := context.WithTimeout(ctx, importQuiet)
		records, err := reader.Poll(quiet, importMax)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := take(records); err != nil {
			return err
		}
		next = records[len(records)-1].Offset + 1
	}
	return nil
}
