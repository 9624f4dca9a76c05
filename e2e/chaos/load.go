package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/e2e/written"
)

const (
	// waiting bounds the starts that are not answered yet.
	waiting = 2000
	// answerTime bounds one request.
	answerTime = 5 * time.Second
	// again is the pause before a start is sent again.
	again = 100 * time.Millisecond
	// keyStem begins the key of each start.
	keyStem = "chaos-"
)

// load starts sagas at a rate, whether earlier ones end or not.
type load struct {
	clients []*client.Client
	rate    float64
	code    bool // some trips are functions
	file    *os.File
	began   time.Time
	stop    chan struct{}
	sent    atomic.Int64
	retried atomic.Int64

	mu    sync.Mutex
	acked map[string]string // saga by key
	fault error
}

func newLoad(w *world) (*load, error) {
	l := &load{rate: w.config.rate, code: w.config.code, acked: map[string]string{}, stop: make(chan struct{}), began: time.Now()}
	var err error
	if l.file, err = os.Create(w.started()); err != nil {
		return nil, fmt.Errorf("open the file of starts: %w", err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	for _, address := range w.urls {
		c, err := client.New(client.Config{URL: address, HTTPClient: &http.Client{Transport: transport, Timeout: answerTime}})
		if err != nil {
			return nil, err
		}
		l.clients = append(l.clients, c)
	}
	return l, nil
}

// started is the file of the acknowledged starts.
func (w *world) started() string { return filepath.Join(w.dir, "started.ndjson") }

// run starts sagas until stop is closed or ctx ends, and returns when each of
// them is acknowledged.
func (l *load) run(ctx context.Context) error {
	var wait sync.WaitGroup
	room := make(chan struct{}, waiting)
	tick := time.NewTicker(time.Duration(float64(time.Second) / l.rate))
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-tick.C:
		case <-l.stop:
			wait.Wait()
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.fault
		case <-ctx.Done():
			wait.Wait()
			return ctx.Err()
		}
		room <- struct{}{}
		l.sent.Add(1)
		wait.Go(func() {
			l.start(ctx, n)
			<-room
		})
	}
}

// start starts one saga, at the other coordinator when one does not answer.
func (l *load) start(ctx context.Context, n int) {
	key := keyStem + strconv.Itoa(n)
	for try := n; ctx.Err() == nil; try++ {
		s, _, err := l.clients[try%len(l.clients)].Start(ctx, client.Start{Definition: l.definition(n), Key: key, Input: inputOf(n)})
		if err == nil {
			l.note(key, s.ID)
			return
		}
		l.retried.Add(1)
		select {
		case <-time.After(again):
		case <-ctx.Done():
		}
	}
}

// definition is that of the nth trip.
func (l *load) definition(n int) string {
	if l.code && n%3 == 2 {
		return written.Roam
	}
	return "trip"
}

// input is what a trip is started with.
type input struct {
	N      int   `json:"n"`
	Family int   `json:"family"` // whose trips come one after the other
	Rooms  []int `json:"rooms"`  // one reservation each
	Outing bool  `json:"outing"` // with a child
}

// inputOf is that of the nth trip: most are plain, as participants can do so much.
func inputOf(n int) input {
	in := input{N: n, Family: n / 3, Rooms: []int{1}, Outing: n%4 == 0}
	if n%8 == 1 {
		in.Rooms = []int{1, 2, 3}
	}
	return in
}

// note writes an acknowledged start down.
func (l *load) note(key, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[key] = id
	line, err := json.Marshal(map[string]string{"key": key, "id": id})
	if err == nil {
		_, err = l.file.Write(append(line, '\n'))
	}
	if err != nil && l.fault == nil {
		l.fault = fmt.Errorf("write a start down: %w", err)
	}
}

// count is how many starts are acknowledged.
func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}
