package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/saga"
)

// maxLine is the longest line of a file of starts, in bytes.
const maxLine = saga.MaxPayload + 4<<10

// oneStart is a line of a file of starts.
type oneStart struct {
	Definition string          `json:"definition"`
	Version    string          `json:"version"`
	Key        string          `json:"key"`
	Begin      time.Time       `json:"begin"`
	Input      json.RawMessage `json:"input"`
}

// bulk starts many sagas.
type bulk struct {
	c          *client.Client
	definition string
	errors     io.Writer

	mu              sync.Mutex // for errors
	started, failed atomic.Int64
	repeated        atomic.Int64
	full            sync.Once // says that a quota makes it wait
}

func startManyCommand(r *remote) *cobra.Command {
	var atOnce int
	cmd := &cobra.Command{
		Use: "start-many DEFINITION FILE", Short: "Start a saga for each line of a file", Args: cobra.ExactArgs(2),
		Long: "Start a saga for each line of a file, - for standard input. A line is a JSON object with the field input, and\n" +
			"perhaps key (the idempotency key), version, begin and definition. A line without a key gets one from its number and\n" +
			"its bytes, so that a second run over the same file starts nothing twice. Lines that fail are reported; the others go on.",
		Example: `  echo '{"key":"order-17","input":{"id":"17"}}' | unwind saga start-many order -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			file := cmd.InOrStdin()
			if args[1] != "-" {
				opened, err := os.Open(args[1])
				if err != nil {
					return err
				}
				defer func() { _ = opened.Close() }() // it was read
				file = opened
			}
			b := &bulk{c: c, definition: args[0], errors: cmd.ErrOrStderr()}
			stop := b.progress()
			err = b.run(cmd.Context(), file, atOnce)
			stop()
			saidf(cmd, "%d started, %d were started before, %d failed", b.started.Load(), b.repeated.Load(), b.failed.Load())
			if err == nil && b.failed.Load() > 0 {
				err = silentError{}
			}
			return err
		},
	}
	cmd.Flags().IntVar(&atOnce, "at-once", 256, "how many starts are under way at a time, 1 to 4000")
	return cmd
}

// line is a line of a file of starts that can be read.
type line struct {
	number int
	start  client.Start
	size   int
}

// requests is how many requests are under way at a time.
const requests = 4

// run reads lines and starts sagas, several with one request; what it holds is bounded
// by how many starts are under way.
func (b *bulk) run(ctx context.Context, file io.Reader, atOnce int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(requests)
	each := max(min(atOnce, requests*client.MaxStarts)/requests, 1)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLine)
	var some []line
	send := func() {
		full := some
		some = nil
		group.Go(func() error { return b.start(ctx, full) })
	}
	size := 0
	for number := 1; lines.Scan() && ctx.Err() == nil; number++ {
		one, ok := b.read(number, bytes.TrimSpace(lines.Bytes()))
		if !ok {
			continue
		}
		if len(some) == each || len(some) > 0 && size+one.size > client.MaxStartBytes/2 {
			send()
			size = 0
		}
		some, size = append(some, one), size+one.size
	}
	if len(some) > 0 {
		send()
	}
	err := group.Wait()
	if lines.Err() != nil {
		err = errors.Join(err, fmt.Errorf("read the lines: %w; one has at most %d bytes", lines.Err(), maxLine))
	}
	return err
}

// read reads a line; what is wrong with it is reported.
func (b *bulk) read(number int, text []byte) (one line, ok bool) {
	if len(text) == 0 {
		return one, false
	}
	s := oneStart{Definition: b.definition}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		b.report(number, err)
		return one, false
	}
	if s.Key == "" {
		sum := sha256.Sum256(text)
		s.Key = fmt.Sprintf("%s/%d", hex.EncodeToString(sum[:16]), number)
	}
	if s.Input == nil {
		s.Input = json.RawMessage("{}")
	}
	start := client.Start{Definition: s.Definition, Version: s.Version, Key: s.Key, Begin: s.Begin, Input: s.Input}
	return line{number, start, len(text)}, true
}

// start starts the sagas of some lines, those for which a quota has no room again
// and again. What is wrong with a line is reported; an error is that nothing more can
// be started.
func (b *bulk) start(ctx context.Context, lines []line) error {
	for len(lines) > 0 {
		left, pause, err := b.once(ctx, lines)
		if err != nil {
			return err
		}
		if len(left) > 0 {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		lines = left
	}
	return nil
}

// once tries to start the sagas of some lines, and returns those for which a quota
// has no room, with the time after which it is worth asking again.
func (b *bulk) once(ctx context.Context, lines []line) (left []line, pause time.Duration, err error) {
	starts := make([]client.Start, len(lines))
	for i := range lines {
		starts[i] = lines[i].start
	}
	results, err := b.c.StartMany(ctx, starts)
	if err != nil {
		return nil, 0, fmt.Errorf("lines %d to %d: %w; run it again over the same file to go on", lines[0].number, lines[len(lines)-1].number, err)
	}
	for i, result := range results {
		switch p := result.Problem; {
		case p == nil && result.New:
			b.started.Add(1)
		case p == nil:
			b.repeated.Add(1)
		case p.Code == client.OverQuota && p.Quota != nil && p.Quota.Quota != "bytes": // by itself that never ends
			b.full.Do(func() { b.say(p.Detail) })
			left, pause = append(left, lines[i]), max(pause, time.Duration(p.Quota.RetryAfter)*time.Second)
		case p.Code != client.NotReady && p.Code != client.Unauthenticated && p.Code != client.Forbidden:
			b.report(lines[i].number, p)
		default:
			return nil, 0, fmt.Errorf("line %d: %w; run it again over the same file to go on", lines[i].number, p)
		}
	}
	return left, pause, nil
}

func (b *bulk) report(number int, err error) {
	b.failed.Add(1)
	b.say(fmt.Sprintf("line %d: %s", number, err))
}

func (b *bulk) say(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, _ = fmt.Fprintln(b.errors, text)
}

// progress says every second how far it is, until stop.
func (b *bulk) progress() (stop func()) {
	tick, done := time.NewTicker(time.Second), make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				b.mu.Lock()
				_, _ = fmt.Fprintf(b.errors, "%d started, %d failed\n", b.started.Load()+b.repeated.Load(), b.failed.Load())
				b.mu.Unlock()
			}
		}
	}()
	return func() {
		tick.Stop()
		close(done)
	}
}

// exported is a saga with its history, a line of an export.
type exported struct {
	Saga    client.Saga    `json:"saga"`
	History []client.Event `json:"history"`
}

func exportCommand(r *remote) *cobra.Command {
	var f client.Filter
	cmd := &cobra.Command{
		Use: "export", Short: "Write sagas with their histories, one JSON object a line", Args: cobra.NoArgs,
		Long: "Write sagas with their histories, one JSON object a line, the newest first. How far it is stands on standard error\n" +
			"with the cursor to go on from.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			written := 0
			for {
				page, err := c.List(cmd.Context(), f)
				if err != nil {
					return err
				}
				if err := exportPage(cmd, c, page); err != nil {
					return fmt.Errorf("%w; go on with --cursor %s", err, f.Cursor)
				}
				written += len(page.Sagas)
				f.Cursor = page.Next
				_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "%d written %s\n", written, f.Cursor)
				if f.Cursor == "" {
					return nil
				}
			}
		},
	}
	f.Limit = 200
	filterFlags(cmd.Flags(), &f)
	return cmd
}

// exportPage writes the sagas of a page in their order.
func exportPage(cmd *cobra.Command, c *client.Client, page client.Page) error {
	const atOnce = 8
	all := make([]exported, len(page.Sagas))
	group, ctx := errgroup.WithContext(cmd.Context())
	group.SetLimit(atOnce)
	for i, s := range page.Sagas {
		group.Go(func() (err error) {
			if all[i].Saga, err = c.Get(ctx, s.ID); err != nil {
				return err
			}
			all[i].History, err = wholeHistory(ctx, c, s.ID)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	encoder := json.NewEncoder(cmd.OutOrStdout())
	encoder.SetEscapeHTML(false)
	for _, one := range all {
		if err := encoder.Encode(one); err != nil {
			return err
		}
	}
	return nil
}

func wholeHistory(ctx context.Context, c *client.Client, id string) ([]client.Event, error) {
	all := []client.Event{}
	for after := int64(0); ; {
		page, err := c.History(ctx, id, after, 0)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Events...)
		if after = page.Next; after == 0 {
			return all, nil
		}
	}
}
