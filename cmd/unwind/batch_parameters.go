package main

import (
	"encoding/json"
	"time"

	"github.com/spf13/pflag"

	"github.com/unwindhq/unwind/client"
)

// batchParameters are what a batch's verb says beside its step and its reason.
type batchParameters struct {
	payload, output, input string
	until                  string
	wait                   time.Duration
	set                    []string
}

func (p *batchParameters) flags(flags *pflag.FlagSet, b *client.BatchRequest) {
	flags.StringVar(&b.Signal, "signal", "", "signal: its name")
	flags.StringVar(&p.payload, "payload", "", "signal: what it says, JSON")
	flags.StringVar(&p.output, "output", "", "resolve: the step's output, JSON")
	flags.StringVar(&p.input, "input", "", "edit: what the step is sent with from now on, JSON")
	flags.StringVar(&b.To, "to", "", "assign: user:NAME or group:NAME; none is nobody")
	flags.StringVar(&b.Attention, "about", "", "acknowledge, snooze: only this reason for attention")
	flags.StringVar(&p.until, "until", "", "snooze: when it comes back, such as 2027-01-31T08:00:00Z")
	flags.DurationVar(&p.wait, "for", 0, "snooze: for how long, such as 4h")
	flags.StringArrayVar(&p.set, "set", nil, "describe: an attribute, NAME=VALUE; null takes it away")
}

// read puts the flags that are JSON, times and attributes into the request.
func (p *batchParameters) read(b *client.BatchRequest) (err error) {
	for _, document := range []struct {
		flag, text string
		into       *json.RawMessage
	}{{"--payload", p.payload, &b.Payload}, {"--output", p.output, &b.Output}, {"--input", p.input, &b.Input}} {
		if document.text == "" {
			continue
		}
		if !json.Valid([]byte(document.text)) {
			return usagef("%s is not JSON", document.flag)
		}
		*document.into = json.RawMessage(document.text)
	}
	if p.until != "" || p.wait != 0 {
		at, err := moment(p.until, p.wait)
		if err != nil {
			return err
		}
		b.Until = &at
	}
	b.SetAttributes, err = attributesOf(p.set)
	return err
}

// moment is the time that --until or --for names.
func moment(until string, wait time.Duration) (at time.Time, err error) {
	if (until == "") == (wait == 0) {
		return at, usagef("say until when: --for 4h or --until 2027-01-31T08:00:00Z")
	}
	if until == "" {
		return time.Now().Add(wait), nil
	}
	if at, err = time.Parse(time.RFC3339, until); err != nil {
		return at, usagef("--until is not a time like 2027-01-31T08:00:00Z")
	}
	return at, nil
}
