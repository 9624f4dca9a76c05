package node

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/client"
)

// With runs a Node for as long as work works: a program that does something and ends,
// a test. It returns the first error of either; work's context ends with the Node.
func With(ctx context.Context, cfg Config, work func(ctx context.Context, c *client.Client) error) error {
	n, err := New(cfg)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g.Go(func() error {
		defer stop()
		return n.Run(ctx)
	})
	g.Go(func() error {
		defer stop()
		select {
		case <-n.Ready():
		case <-ctx.Done():
			return nil // it was asked for, or Run says why
		}
		c, err := n.Client()
		if err != nil {
			return err
		}
		return work(ctx, c)
	})
	return g.Wait()
}
