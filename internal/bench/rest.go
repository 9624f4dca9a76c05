package bench

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/unwindhq/unwind/client"
)

// newClient returns a client that keeps a connection for each saga in flight.
func newClient(url string, inFlight int) (*client.Client, error) {
	transport := &http.Transport{MaxIdleConns: inFlight, MaxIdleConnsPerHost: inFlight, IdleConnTimeout: time.Minute}
	return client.New(client.Config{URL: url, HTTPClient: &http.Client{Transport: transport, Timeout: time.Minute}})
}

// overREST runs sagas by two requests each: start, and wait for the end.
func overREST(c *client.Client, order plan) sagaFunc {
	return func(ctx context.Context) (compensated bool, err error) {
		started, _, err := c.Start(ctx, client.Start{Definition: order.Definition, Version: order.Version, Input: payload})
		if err != nil {
			return false, err
		}
		ended, err := c.Wait(ctx, started.ID, client.End)
		if err == nil && ended.Status != "completed" && ended.Status != "compensated" {
			err = fmt.Errorf("saga %s: %s", ended.ID, ended.Status)
		}
		return ended.Status == "compensated", err
	}
}
