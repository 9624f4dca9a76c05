package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// defaultURL is where unwind serve listens unless told otherwise.
	defaultURL = "http://127.0.0.1:8080"
	// maxAnswer is the largest answer that is read, in bytes.
	maxAnswer = 256 << 20
	// maxWait is how long one request of Wait asks the server to wait.
	maxWait = 30 * time.Second
	// answerTime is how much longer than its wait a request may take.
	answerTime = 30 * time.Second
)

// Config configures a Client.
type Config struct {
	// URL is the server's, without user and password. Default http://127.0.0.1:8080.
	URL string
	// HTTPClient sends the requests. Default: one of its own with a timeout of a
	// minute for each request, which follows no redirects.
	HTTPClient *http.Client
	// APIKey is sent as a bearer token; empty sends none.
	APIKey string
	// Namespace is that of requests which are not about one saga; empty leaves the
	// choice to the server: default, or the only one that the key knows.
	Namespace string
}

// Validate reports every fault of c at once.
func (c Config) Validate() error {
	if c.URL == "" {
		return nil
	}
	u, err := url.Parse(c.URL)
	switch {
	case strings.Contains(c.URL, "@"): // and is not repeated: the password may be anywhere in it
		return fmt.Errorf("client: the URL holds a user or a password: leave them out and show an API key; write it like %s", defaultURL)
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("client: URL %q: write it like %s", c.URL, defaultURL)
	}
	return nil
}

// Client speaks to one server over REST. It is safe for concurrent use. Its
// methods return a *Problem for everything that the server answers but success;
// nothing is tried again.
type Client struct {
	base string
	http *http.Client
	key  string

	namespace string
}

// New returns a Client. It does not connect.
func New(cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	c := &Client{base: strings.TrimSuffix(cfg.URL, "/"), http: cfg.HTTPClient, key: cfg.APIKey, namespace: cfg.Namespace}
	if c.base == "" {
		c.base = defaultURL
	}
	if c.http == nil {
		c.http = &http.Client{Timeout: maxWait + answerTime, CheckRedirect: stay}
	}
	return c, nil
}

// stay follows no redirect: the API sends none, and one from https to http, or to
// another port, would take the key along.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// request is one call of the API.
type request struct {
	method, path string
	query        url.Values
	key          string // Idempotency-Key
	contentType  string
	body         []byte
}

// call sends a request and reads its answer into out. It returns the status.
func (c *Client) call(ctx context.Context, r request, out any) (int, error) {
	address := c.base + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(r.body))
	if err != nil {
		return 0, fmt.Errorf("%s %s: %w", r.method, address, err)
	}
	c.head(req, r)
	res, err := c.http.Do(req)
	if err != nil {
		return 0, fmt.Errorf("ask the server: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // it was read
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return 0, fmt.Errorf("%s %s: read the answer: %w", r.method, address, err)
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		return res.StatusCode, problemOf(res, data)
	}
	if err := json.Unmarshal(data, out); err != nil {
		return res.StatusCode, fmt.Errorf("%s %s: the answer is not what Unwind answers: %w", r.method, address, err)
	}
	return res.StatusCode, nil
}

func (c *Client) head(req *http.Request, r request) {
	req.Header.Set("Accept", "application/json")
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	if r.key != "" {
		req.Header.Set("Idempotency-Key", r.key)
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
}

// problemOf reads a problem; something between us and the server may answer
// otherwise.
func problemOf(res *http.Response, data []byte) error {
	p, status := &Problem{}, res.StatusCode
	if err := json.Unmarshal(data, p); err == nil && p.Code != "" {
		return p
	}
	p = &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status}
	p.Detail = fmt.Sprintf("the server answered %d: %.200s", status, data)
	if to := res.Header.Get("Location"); to != "" {
		p.Detail = fmt.Sprintf("the server answered %d and points to %.200q: if you trust it, name it as the URL; keys are not sent on", status, to)
	}
	return p
}

// Start is what to start.
type Start struct {
	Namespace  string    // Namespace is the tenant; empty is Config.Namespace for Start, "default" for StartTx.
	Definition string    // Definition is the definition's name. Required.
	Version    string    // Version is the version to pin; empty is the latest.
	Key        string    // Key makes the start idempotent; empty: every call starts a saga. At most 256 bytes.
	Begin      time.Time // Begin is when the first steps begin, at most 365 days ahead; zero, or passed: at once.
	// Input is the saga's input: a json.RawMessage or []byte goes as it is, byte for
	// byte; anything else is encoded as JSON. nil is null.
	Input any
}

// input returns the bytes of the input.
func (s Start) input() ([]byte, error) {
	switch in := s.Input.(type) {
	case json.RawMessage:
		return in, valid(in)
	case []byte:
		return in, valid(in)
	}
	data, err := json.Marshal(s.Input)
	if err != nil {
		return nil, fmt.Errorf("start %s: encode the input: %w", s.Definition, err)
	}
	return data, nil
}

var errNotJSON = errors.New("the input is not JSON")

func valid(data []byte) error {
	if !json.Valid(data) {
		return errNotJSON
	}
	return nil
}

// Start starts a saga and returns it as it is after its first transition. fresh
// is false when Start.Key had started it before.
func (c *Client) Start(ctx context.Context, s Start) (started Saga, fresh bool, err error) {
	key := s.Key
	s.Key = "" // it goes as a header
	body, err := s.encode()
	if err != nil {
		return Saga{}, false, err
	}
	query := c.tenant()
	set(query, "namespace", s.Namespace)
	status, err := c.call(ctx, request{
		method: http.MethodPost, path: "/v1/sagas", query: query, key: key, contentType: "application/json", body: body,
	}, &started)
	return started, status == http.StatusCreated, err
}

// Ready returns nil when the server can start sagas, and a *Problem of code
// NotReady with what is wrong when it cannot.
func (c *Client) Ready(ctx context.Context) error {
	var answer struct{}
	_, err := c.call(ctx, request{method: http.MethodGet, path: "/readyz"}, &answer)
	return err
}

// Get returns a saga.
func (c *Client) Get(ctx context.Context, id string) (Saga, error) {
	return c.get(ctx, id, nil)
}

func (c *Client) get(ctx context.Context, id string, query url.Values) (found Saga, err error) {
	_, err = c.call(ctx, request{method: http.MethodGet, path: "/v1/sagas/" + url.PathEscape(id), query: query}, &found)
	return found, err
}

// Until says what to wait for.
type Until string

// What Wait can wait for.
const (
	End   Until = "end"   // End: nothing more can happen.
	Pivot Until = "pivot" // Pivot: the pivot is done, or the saga turned back or has ended.

	// Standstill: nothing more can happen, or not without a person; see Saga.Stands.
	Standstill Until = "standstill"
)

// Wait returns a saga once it has come where until says, or ctx's error.
func (c *Client) Wait(ctx context.Context, id string, until Until) (Saga, error) {
	for {
		query := url.Values{"wait": {string(until)}, "timeout": {maxWait.String()}}
		begun := time.Now()
		found, err := c.get(ctx, id, query)
		if err != nil {
			return found, err
		}
		if found.reached(until) {
			return found, nil
		}
		if err := pause(ctx, time.Since(begun)); err != nil {
			return found, fmt.Errorf("wait for saga %s: %w", id, err)
		}
	}
}

// pause keeps a server that answers at once, as one that ends does, from being
// asked without end.
func pause(ctx context.Context, took time.Duration) error {
	if took > time.Second {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Second):
		return nil
	}
}

// reached mirrors the server's rule for ?wait=.
func (s Saga) reached(until Until) bool {
	if s.Ended() || until == Pivot && s.Status == "compensating" || until == Standstill && s.Stands() {
		return true
	}
	for _, step := range s.Steps {
		if until == Pivot && step.Kind == "pivot" && step.Phase == "done" {
			return true
		}
	}
	return false
}

// Stands reports whether the saga stands still until a person acts: it needs attention
// and waits for nothing else, or cannot take what comes.
func (s Saga) Stands() bool {
	if s.Ended() || len(s.Attention) == 0 {
		return false
	}
	for _, a := range s.Attention {
		if a.Reason == "transition-failed" {
			return true
		}
	}
	for _, what := range s.WaitingFor {
		if what != "operator" {
			return false
		}
	}
	return true
}

// Filter chooses sagas; its zero value chooses all.
type Filter struct {
	Definition string   // Definition is the definition's name.
	Status     string   // Status is the status to have.
	Key        string   // Key is the business key to have; one that ends with * stands for all that begin so.
	Attributes []string // Attributes are to be had, as name=value; a value that ends with * stands for all texts that begin so. At most 8 with Key, Subject, Assigned and Chain.
	Subject    string   // Subject is whose data they are to hold; one that ends with * stands for all that begin so.
	Parent     string   // Parent chooses the children of this saga.
	Paused     bool     // Paused chooses only those that are paused.
	Waiting    string   // Waiting is one word of Saga.WaitingFor; of hold and breaker a page may have fewer than Limit, or none, and a Next.
	Chain      string   // Chain chooses the runs of the chain that this saga is the first of.
	Attention  bool     // Attention chooses only those that need attention which was not put off; Page.Snoozed counts the others.
	Snoozed    bool     // Snoozed chooses only those that need attention which was put off.
	Assigned   string   // Assigned is who looks after it, user:NAME or group:NAME; one that ends with * stands for all that begin so.
	Cursor     string   // Cursor is the Next of the page before.
	Limit      int      // Limit is the size of the page, 1 to 200; 0 is 50.
}

// List returns a page of sagas, the newest first.
func (c *Client) List(ctx context.Context, f Filter) (page Page, err error) {
	query := c.tenant()
	set(query, "definition", f.Definition)
	set(query, "status", f.Status)
	set(query, "key", f.Key)
	set(query, "subject", f.Subject)
	set(query, "parent", f.Parent)
	set(query, "chain", f.Chain)
	for _, a := range f.Attributes {
		query.Add("attribute", a)
	}
	set(query, "cursor", f.Cursor)
	set(query, "assigned", f.Assigned)
	set(query, "waiting", f.Waiting)
	if f.Paused {
		query.Set("paused", "true")
	}
	if f.Attention {
		query.Set("attention", "true")
	}
	if f.Snoozed {
		query.Set("snoozed", "true")
	}
	if f.Limit > 0 {
		query.Set("limit", strconv.Itoa(f.Limit))
	}
	_, err = c.call(ctx, request{method: http.MethodGet, path: "/v1/sagas", query: query}, &page)
	return page, err
}

// tenant is the query of a request that is not about one saga.
func (c *Client) tenant() url.Values {
	query := url.Values{}
	set(query, "namespace", c.namespace)
	return query
}

func set(query url.Values, key, value string) {
	if value != "" {
		query.Set(key, value)
	}
}

// History returns a page of a saga's events: those after a number, at most limit
// and at most 200; 0 is 200.
func (c *Client) History(ctx context.Context, id string, after int64, limit int) (events Events, err error) {
	query := url.Values{}
	if after > 0 {
		query.Set("after", strconv.FormatInt(after, 10))
	}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	_, err = c.call(ctx, request{method: http.MethodGet, path: "/v1/sagas/" + url.PathEscape(id) + "/history", query: query}, &events)
	return events, err
}

// ApplyDefinition stores a definition, YAML or JSON, and makes it the latest.
// name is repeated in faults. Faults come as a *Problem with all of them.
func (c *Client) ApplyDefinition(ctx context.Context, name string, data []byte) (applied Applied, err error) {
	query := c.tenant()
	set(query, "file", name)
	_, err = c.call(ctx, request{
		method: http.MethodPut, path: "/v1/definitions", query: query, contentType: "application/yaml", body: data,
	}, &applied)
	return applied, err
}

// DisableDefinition lets a definition start no sagas until EnableDefinition, and
// answers starts with Disabled and the reason. Sagas that run go on.
func (c *Client) DisableDefinition(ctx context.Context, name, reason string) error {
	return c.changeDefinition(ctx, name, "disable", map[string]string{"reason": reason})
}

// EnableDefinition ends DisableDefinition.
func (c *Client) EnableDefinition(ctx context.Context, name string) error {
	return c.changeDefinition(ctx, name, "enable", map[string]string{})
}

// PromoteDefinition makes a stored version the latest; with an older one it rolls
// back. Sagas that run stay with theirs.
func (c *Client) PromoteDefinition(ctx context.Context, name, version string) error {
	return c.changeDefinition(ctx, name, "promote", map[string]string{"version": version})
}

func (c *Client) changeDefinition(ctx context.Context, name, verb string, how map[string]string) error {
	body, err := json.Marshal(how)
	if err != nil {
		return fmt.Errorf("%s definition %s: %w", verb, name, err)
	}
	_, err = c.call(ctx, request{
		method: http.MethodPost, path: "/v1/definitions/" + url.PathEscape(name) + "/" + verb, query: c.tenant(), contentType: "application/json", body: body,
	}, &Definition{})
	return err
}

// Definitions returns a page of definitions by name, those after a name.
func (c *Client) Definitions(ctx context.Context, after string) (page Definitions, err error) {
	query := c.tenant()
	set(query, "after", after)
	_, err = c.call(ctx, request{method: http.MethodGet, path: "/v1/definitions", query: query}, &page)
	return page, err
}

// Definition returns a version of a definition; an empty version is the latest.
func (c *Client) Definition(ctx context.Context, name, version string) (found Definition, err error) {
	query := c.tenant()
	set(query, "version", version)
	_, err = c.call(ctx, request{method: http.MethodGet, path: "/v1/definitions/" + url.PathEscape(name), query: query}, &found)
	return found, err
}
