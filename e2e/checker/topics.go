package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/unwindhq/unwind/e2e/checker/rules"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/outbox"
)

// suffix ends the names of dead-letter topics.
const suffix = ".dlt"

// readTopics reads every topic with the prefix, or that a definition names: first those of dead letters, so that
// it is known which records must be kept for comparison.
func readTopics(ctx context.Context, o options, seen *rules.Run) error {
	config := kafka.Config{Brokers: strings.Split(o.brokers, ",")}
	admin, err := kafka.NewAdmin(config)
	if err != nil {
		return err
	}
	defer func() { _ = admin.Close() }() // it holds nothing
	e := eye{config: config, prefix: o.prefix, seen: seen, words: map[string]string{}, wanted: map[rules.Place]bool{}}
	e.named()
	ranges, err := admin.Ranges(ctx, func(topic string) bool {
		return strings.HasPrefix(topic, o.prefix) || e.listened[topic] || e.tells[topic]
	})
	if err != nil {
		return err
	}
	if len(ranges) == 0 {
		return fmt.Errorf("no topic begins with %q", o.prefix)
	}
	seen.Topics, seen.Replies, seen.Records = true, map[rules.Reply]bool{}, map[rules.Place]rules.Digest{}
	names := slices.Sorted(maps.Keys(ranges))
	for _, dead := range []bool{true, false} {
		for _, name := range names {
			if strings.HasSuffix(name, suffix) != dead {
				continue
			}
			if err := e.topic(ctx, name, ranges[name]); err != nil {
				return fmt.Errorf("read topic %s: %w", name, err)
			}
		}
		for _, l := range seen.Letters {
			e.wanted[l.Source] = true
		}
	}
	return nil
}

// eye reads topics.
type eye struct {
	config kafka.Config
	prefix string
	seen   *rules.Run
	words  map[string]string // every word once: most headers repeat
	wanted map[rules.Place]bool

	listened, tells map[string]bool // topics that definitions listen to, and in which they let ends be told
}

// named finds the topics that definitions name.
func (e *eye) named() {
	e.listened, e.tells = map[string]bool{}, map[string]bool{}
	for pin, def := range e.seen.Definitions {
		if on := def.OnEnd; on != nil {
			on.Topic = cmp.Or(on.Topic, e.prefix+"events."+pin.Namespace)
			e.tells[on.Topic] = true
		}
		if on := def.StartOn; on != nil {
			e.listened[on.Topic] = true
		}
		for _, s := range def.Steps {
			if s.Wait != nil && s.Wait.Topic != "" {
				e.listened[s.Wait.Topic] = true
			}
		}
	}
}

// errGone says that the beginning of a topic cannot be looked at any more.
var errGone = errors.New("its first records are gone, and offset 0 is where looking begins: keep records for as long as the run takes")

// topic reads what a topic holds.
func (e *eye) topic(ctx context.Context, name string, ranges map[int32]kafka.Range) error {
	reader, err := kafka.NewReader(kafka.ReaderConfig{Config: e.config, Topic: name})
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }() // nothing is to be kept
	left := map[int32]int64{}
	for partition, r := range ranges {
		if r.Oldest > 0 {
			return fmt.Errorf("partition %d: %w", partition, errGone)
		}
		if r.Next == 0 {
			continue
		}
		left[partition] = r.Next - 1
		if err := reader.Assign(partition, 0); err != nil {
			return err
		}
	}
	for len(left) > 0 {
		records, err := reader.Poll(ctx, 0)
		if err != nil {
			return err
		}
		for i := range records {
			e.record(&records[i])
			if last, ok := left[records[i].Partition]; ok && records[i].Offset >= last {
				delete(left, records[i].Partition)
			}
		}
	}
	return nil
}

// record takes from a record what the rules ask for.
func (e *eye) record(r *kafka.Record) {
	place := rules.Place{Topic: e.once(r.Topic), Partition: r.Partition, Offset: r.Offset}
	rest := strings.TrimPrefix(r.Topic, e.prefix)
	if e.wanted[place] {
		e.seen.Records[place] = digest(r.Key, r.Value, r.Headers)
	}
	h := headers(r)
	if e.listened[r.Topic] {
		e.seen.Happened = append(e.seen.Happened, rules.Happened{Place: place, At: r.Timestamp, Value: fnv1a(r.Value)})
	}
	if (e.tells[r.Topic] || strings.HasPrefix(rest, "events.")) && h["unwind-status"] != "" {
		e.told(r, place, h)
	}
	switch {
	case strings.HasSuffix(rest, suffix):
		e.letter(r, place)
	case strings.HasPrefix(rest, "commands.") && h["ce_type"] == "unwind.command.v1":
		e.seen.Commands = append(e.seen.Commands, e.command(r, place, h))
	case strings.HasPrefix(rest, "replies.") && h["ce_type"] == "unwind.reply.v1":
		e.seen.Replies[rules.Reply{
			Saga: e.once(h["unwind-saga"]), Step: e.once(h["unwind-step"]), Direction: e.once(h["unwind-direction"]),
			Attempt: number(h["unwind-attempt"]), Epoch: number(h["unwind-epoch"]), Outcome: e.once(h["unwind-outcome"]),
		}] = true
	}
}

func (e *eye) command(r *kafka.Record, place rules.Place, h map[string]string) rules.Command {
	c := rules.Command{
		Place: place, Saga: e.once(h["unwind-saga"]), Step: e.once(h["unwind-step"]), Direction: e.once(h["unwind-direction"]),
		Participant: e.once(h["unwind-participant"]), Name: e.once(h["unwind-command"]),
		Attempt: number(h["unwind-attempt"]), Epoch: number(h["unwind-epoch"]), Redriven: h["unwind-redrive"] != "",
	}
	if h["unwind-codec"] == "" {
		c.Hash = fnv1a(r.Value)
	}
	return c
}

func fnv1a(value []byte) uint64 {
	sum := fnv.New64a()
	_, _ = sum.Write(value) // it never fails
	return sum.Sum64()
}

// told takes a record that tells of a saga's end.
func (e *eye) told(r *kafka.Record, place rules.Place, h map[string]string) {
	t := rules.Told{
		Place: place, Key: string(r.Key), ID: h["ce_id"], Type: e.once(h["ce_type"]), Source: e.once(h["ce_source"]), Subject: h["ce_subject"],
		Saga: h["unwind-saga"], Namespace: e.once(h["unwind-namespace"]), Definition: e.once(h["unwind-definition"]),
		Version: e.once(h["unwind-version"]), Status: e.once(h["unwind-status"]), Record: digest(r.Key, r.Value, r.Headers), Fault: h["unwind-payload-fault"],
	}
	t.At, _ = time.Parse(time.RFC3339Nano, h["ce_time"]) // else it was before everything
	if s := (rules.Summary{}); json.Unmarshal(r.Value, &s) == nil {
		t.Summary = &s
	}
	e.seen.Told = append(e.seen.Told, t)
}

// ownHeaders is how many headers a dead letter has behind those of its record.
const ownHeaders = 7

// letter takes a record of a dead-letter topic; what is none is not the checker's.
func (e *eye) letter(r *kafka.Record, place rules.Place) {
	h, n := headers(r), len(r.Headers)-ownHeaders
	if n < 0 || h["unwind-dlt-topic"] == "" {
		return
	}
	e.seen.Letters = append(e.seen.Letters, rules.Letter{
		Where:  fmt.Sprintf("%s/%d at offset %d", place.Topic, place.Partition, place.Offset),
		Source: rules.Place{Topic: e.once(h["unwind-dlt-topic"]), Partition: int32(number(h["unwind-dlt-partition"])), Offset: int64(number(h["unwind-dlt-offset"]))},
		Digest: digest(r.Key, r.Value, r.Headers[:n]), Command: h["ce_id"],
	})
}

// headers returns the headers by name, the first of each.
func headers(r *kafka.Record) map[string]string {
	all := make(map[string]string, len(r.Headers))
	for _, h := range r.Headers {
		if _, twice := all[h.Key]; !twice {
			all[h.Key] = string(h.Value)
		}
	}
	return all
}

// once returns a word that is kept in memory once.
func (e *eye) once(word string) string {
	if kept, ok := e.words[word]; ok {
		return kept
	}
	e.words[word] = word
	return word
}

// number reads a whole number; what is none is -1, which no command has.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}

// digest hashes what a record says: its key, value and headers, no value differing
// from an empty one.
func digest(key, value []byte, headers []kafka.Header) rules.Digest {
	return sha256.Sum256(outbox.EncodeHeaders(append(slices.Clone(headers), kafka.Header{Key: "key", Value: key}, kafka.Header{Key: "value", Value: value})))
}
