package dev

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/unwindhq/unwind/internal/embedded"
)

const (
	controlTime = 5 * time.Second // bounds a request and the end of the server
	controlMax  = 16 << 10        // the longest request, in bytes
)

// Address is what dev.json says of a running dev.
type Address struct {
	URL         string   `json:"url"`         // URL is the REST API's.
	DatabaseURL string   `json:"databaseUrl"` // DatabaseURL is Postgres'.
	Brokers     []string `json:"brokers"`     // Brokers are Kafka's.
	Control     string   `json:"control"`     // Control is the endpoint for Break.
	Token       string   `json:"token"`       // Token is what it wants to see.
	PID         int      `json:"pid"`         // PID is the process.
}

func addressPath(dir string) string {
	if dir == "" {
		dir = embedded.DefaultDir
	}
	return filepath.Join(dir, "dev.json")
}

// ErrNotRunning says that no dev runs on a folder.
var ErrNotRunning = errors.New("no unwind dev is running here: start it, or name its folder with --dir")

// Break tells the dev that runs on dir to make a command misbehave.
func Break(ctx context.Context, dir string, fault Fault) error {
	if err := fault.Validate(); err != nil {
		return err
	}
	data, err := os.ReadFile(addressPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotRunning
	}
	if err != nil {
		return err
	}
	var at Address
	if err := json.Unmarshal(data, &at); err != nil {
		return fmt.Errorf("read %s: %w", addressPath(dir), err)
	}
	return at.send(ctx, fault)
}

func (at Address) send(ctx context.Context, fault Fault) error {
	body, err := json.Marshal(fault)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, controlTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at.Control+"/break", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+at.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrNotRunning, err)
	}
	defer func() { _ = res.Body.Close() }() // it was read
	said, err := io.ReadAll(io.LimitReader(res.Body, controlMax))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusNoContent {
		return errors.New(string(bytes.TrimSpace(said)))
	}
	return nil
}

// control is the loopback endpoint of a running dev.
type control struct {
	dir      string
	address  Address
	listener net.Listener
	apply    func(Fault) error
}

// openControl listens and writes dev.json.
func openControl(dir string, address Address, apply func(Fault) error) (*control, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for unwind dev break: %w", err)
	}
	address.Control, address.Token, address.PID = "http://"+listener.Addr().String(), rand.Text(), os.Getpid()
	data, err := json.MarshalIndent(address, "", "  ")
	if err == nil { // with servers of somebody else's nothing has made the folder yet
		err = os.MkdirAll(filepath.Dir(addressPath(dir)), 0o700)
	}
	if err == nil {
		err = os.WriteFile(addressPath(dir), append(data, '\n'), 0o600)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write %s: %w", addressPath(dir), err), listener.Close())
	}
	return &control{dir: dir, address: address, listener: listener, apply: apply}, nil
}

// run serves until ctx ends; then dev.json goes.
func (c *control) run(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /break", c.serveBreak)
	server := &http.Server{Handler: mux, ReadTimeout: controlTime, WriteTimeout: controlTime}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	err := server.Serve(c.listener)
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, os.Remove(addressPath(c.dir)))
}

func (c *control) serveBreak(w http.ResponseWriter, r *http.Request) {
	want := "Bearer " + c.address.Token
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(want)) != 1 {
		http.Error(w, "dev.json has the token to show", http.StatusUnauthorized)
		return
	}
	var fault Fault
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, controlMax)).Decode(&fault)
	if err == nil {
		err = fault.Validate()
	}
	if err == nil {
		err = c.apply(fault)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
