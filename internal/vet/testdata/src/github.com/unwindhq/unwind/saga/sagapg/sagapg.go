// Package sagapg stands in for the real one.
package sagapg

import "context"

type LocalStep struct{}

func Local[In, Out any](name string, fn func(ctx context.Context, in In) (Out, error)) LocalStep {
	return LocalStep{}
}
