package code_test

import (
	"context"
	"fmt"
	"time"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/sagatest"
)

// plan stands for a package that knows nothing of sagas: it takes a context, and looks
// from time to time whether it is over.
func plan(ctx context.Context, stops []string) (string, error) {
	route := "depot"
	for _, stop := range stops {
		select {
		case <-ctx.Done():
			return route, context.Cause(ctx)
		default:
			route += ", " + stop
		}
	}
	return route, nil
}

// A function's Context is a context.Context for other packages. It is over where the saga
// turns back.
func ExampleContext() {
	deliver, err := code.Func(saga.Definition{Name: "deliver", Version: "r1"}, func(c *code.Context, stops []string) (string, error) {
		route, err := plan(c, stops)
		if err != nil {
			return "", err
		}
		c.SetAttribute("planned", route)
		if _, err := code.Await[any](c, "delivered", 24*time.Hour); err != nil {
			_, why := plan(c, stops)
			c.SetAttribute("back", why.Error())
			return "", err
		}
		return route, nil
	})
	if err != nil {
		panic(err)
	}
	played := sagatest.Play(quiet{}, deliver, sagatest.Scene{
		Input:  []string{"A", "B"},
		Cues:   []sagatest.Cue{{At: time.Hour, Do: sagatest.Cancel("no van")}},
		Expect: sagatest.Expect{Status: saga.Compensated, Cause: "no van"},
	})
	for _, a := range played.State.Extras().Attributes {
		fmt.Printf("%s: %s\n", a.Name, a.Value)
	}
	// Output:
	// planned: "depot, A, B"
	// back: "the saga turns back"
}

// quiet is a test that fails loudly. In a test of yours it is t.
type quiet struct{}

func (quiet) Helper()                           {}
func (quiet) Logf(string, ...any)               {}
func (quiet) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
