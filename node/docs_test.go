package node_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/node"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/saga/sagapg"
	"github.com/unwindhq/unwind/sagatest"
)

// What docs/code.md shows, word for word, so that it compiles.

type (
	Trip    struct{ Cents int64 }
	Flight  struct{ Ref string }
	Hotel   struct{ Ref string }
	Receipt struct{ Number string }
	Booking struct {
		Flight Flight
		Hotel  Hotel
	}
)

func bookTrip(c *code.Context, in Trip) (Booking, error) {
	hotel := code.Start[Hotel](c, saga.Step{Name: "hotel", Participant: "hotels", Command: "book", Compensation: "cancel"}, in)
	flight, err := code.Do[Flight](c, saga.Step{Name: "flight", Participant: "airline", Command: "reserve", Compensation: "release"}, in)
	if err != nil {
		return Booking{}, err
	}
	room, err := hotel.Get(c)
	if err != nil {
		return Booking{}, err
	}
	if in.Cents > 100_000 {
		if _, err := code.Approve(c, "approve", saga.Approval{By: []string{"group:desk"}, Due: 4 * time.Hour}); err != nil {
			return Booking{}, err
		}
	}
	if _, err := code.Do[Receipt](c, saga.Step{Name: "pay", Participant: "payments", Command: "charge", Kind: saga.Pivot}, in.Cents); err != nil {
		return Booking{}, err
	}
	return Booking{flight, room}, nil
}

var trip, err = code.Func(saga.Definition{Name: "bookTrip", Version: "r1"}, bookTrip)

type (
	Journey struct{ Trips []Trip }
	Invoice struct{ Number string }
)

func bookJourney(c *code.Context, in Journey) ([]Booking, error) {
	var trips []code.Future[Booking]
	for _, leg := range in.Trips {
		trips = append(trips, code.StartChild[Booking](c, "trip", saga.Child{Definition: "reserveTrip"}, leg))
	}
	var booked []Booking
	for _, trip := range trips {
		got, err := trip.Get(c)
		if err != nil {
			return nil, err // the others are turned back
		}
		booked = append(booked, got)
	}
	invoice := saga.Step{Name: "invoice", Kind: saga.Pivot, Child: &saga.Child{Definition: "writeInvoice", Version: "r3"}}
	_, err := code.Do[Invoice](c, invoice, booked)
	return booked, err
}

type Progress struct{ Booked, Of int }

func bookAll(c *code.Context, in []Trip) ([]Booking, error) {
	var booked []Booking
	code.Query(c, "progress", func() Progress { return Progress{Booked: len(booked), Of: len(in)} })
	for _, trip := range in {
		got, err := code.Child[Booking](c, "trip", saga.Child{Definition: "reserveTrip"}, trip)
		if err != nil {
			return nil, err
		}
		booked = append(booked, got)
	}
	return booked, nil
}

type Loan struct{ State string }

func lend(c *code.Context, in Loan) (Loan, error) {
	defer func() {
		if c.Err() != nil {
			c.SetAttribute("stopped", in.State) // with what is known here
		}
	}()
	in.State = "waits for the book"
	_, err := code.Await[any](c, "returned", 30*24*time.Hour)
	return in, err // code.ErrCanceled, if it was cancelled
}

type Delivery struct{ Stops []string }

func plan(ctx context.Context, stops []string) (string, error) {
	return strings.Join(stops, ", "), ctx.Err()
}

func deliver(c *code.Context, in Delivery) (string, error) {
	route, err := plan(c, in.Stops) // func plan(ctx context.Context, stops []string) (string, error)
	if err != nil {
		return "", err
	}
	return code.Do[string](c, saga.Step{Name: "drive", Participant: "vans", Command: "drive", Compensation: "turnAround"}, route)
}

type Item struct{ Name string }

type Cart struct {
	Items []Item
	Paid  bool
}

func fillCart(c *code.Context, in Cart) (Cart, error) {
	code.Update(c, "add", func(item Item) error {
		if in.Paid {
			return errors.New("the cart is paid already")
		}
		return nil
	}, func(item Item) (int, error) {
		in.Items = append(in.Items, item)
		return len(in.Items), nil
	})
	code.Update(c, "checkOut", nil, func(by string) (int, error) { in.Paid = true; return len(in.Items), nil })
	c.Until(func() bool { return in.Paid })
	_, err := code.Do[Receipt](c, saga.Step{Name: "charge", Participant: "payments", Command: "charge", Kind: saga.Pivot}, in.Items)
	return in, err
}

func embedded(ctx context.Context, url string) error {
	cfg := node.Config{
		DatabaseURL: url, Migrate: true, Code: []*saga.Code{trip},
		Locals: []sagapg.LocalStep{sagapg.Local("reserve", reserve), sagapg.Plain("mail", mail)},
	}
	err := node.With(ctx, cfg, func(ctx context.Context, c *client.Client) error {
		started, _, err := c.Start(ctx, client.Start{Definition: "bookTrip", Key: "trip-7", Input: Trip{Cents: 500}})
		if err != nil {
			return err
		}
		_, err = c.Wait(ctx, started.ID, client.End)
		return err
	})
	return err
}

func reserve(_ context.Context, _ pgx.Tx, in Trip) (Trip, error) { return in, nil }

func mail(_ context.Context, in Trip) (Trip, error) { return in, nil }

// declared says beforehand what the function asks for.
func declared() error {
	hotel := saga.Step{Name: "hotel", Participant: "hotels", Command: "book", Compensation: "cancel"}
	pay := saga.Step{Name: "pay", Participant: "payments", Command: "charge", Kind: saga.Pivot}

	trip, err := code.Func(saga.Definition{Name: "bookTrip", Version: "r1", Steps: []saga.Step{hotel, pay}}, bookTrip)

	_ = trip
	return err
}

// mount is what a program does with its replay command.
func mount(ctx context.Context) {
	if len(os.Args) > 1 && os.Args[1] == "replay" {
		os.Exit(node.ReplayMain(ctx, os.Args[2:], os.Stdout, os.Stderr, trip))
	}
}

// recorded is a test of a program's own.
func recorded(t *testing.T) {
	sagatest.Replayed(t, os.DirFS("testdata"), "*.ndjson", trip)
}

type Subscription struct {
	Customer string
	Plan     string
	Months   int
}

var subscriptions, err2 = code.Func(saga.Definition{
	Name: "subscribe", Version: "r1", Title: "A subscription", Retention: saga.Long,
	Schema:     json.RawMessage(`{"type":"object","required":["Customer"]}`),
	Key:        code.From(func(in Subscription) string { return in.Customer + "/" + in.Plan }),
	Heading:    code.From(func(in Subscription) string { return in.Plan + " of " + in.Customer }),
	Subject:    code.From(func(in Subscription) string { return in.Customer }),
	Attributes: []saga.Attribute{{Name: "plan", Value: code.From(func(in Subscription) string { return in.Plan })}},
}, func(c *code.Context, in Subscription) (Subscription, error) {
	c.SetAttribute("months", in.Months)
	return subscribe(c, in)
})

func subscribe(c *code.Context, in Subscription) (Subscription, error) {
	charge := saga.Step{Name: "charge", Participant: "payments", Command: "charge", Kind: saga.Pivot}
	if _, err := code.Do[Receipt](c, charge, in.Plan); err != nil {
		return in, err
	}
	_, err := code.Await[any](c, "stop", 30*24*time.Hour)
	if !errors.Is(err, code.ErrTimeout) {
		return in, err
	}
	in.Months++
	return in, code.ContinueAsNew(c, in)
}

//nolint:gocritic,staticcheck // what stands in the two ways is the reader's
func change(c *code.Context) {
	if c.Version("payFirst", 0, 1) == 1 {
		// the new way: sagas that come here from now on
	} else {
		// the old way: sagas that were past it already
	}
}

// TestTheDocumentCompiles holds docs/code.md to this file.
func TestTheDocumentCompiles(t *testing.T) {
	t.Parallel()
	require.NoError(t, err)
	require.NotNil(t, trip)
	_, err := code.Func(saga.Definition{Name: "bookJourney", Version: "r1"}, bookJourney)
	require.NoError(t, err)
	require.NoError(t, declared())
	for _, shown := range []any{change, mount, recorded, embedded, bookAll, fillCart, lend, deliver} {
		require.NotNil(t, shown)
	}
	require.NoError(t, err2)
	require.NotNil(t, subscriptions)
	text, err := os.ReadFile("../docs/code.md")
	require.NoError(t, err)
	own, err := os.ReadFile("docs_test.go")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		require.Contains(t, bare(string(own)), bare(block[1]), "docs/code.md shows what this file does not compile")
	}
}

// bare is a text without its indentation.
func bare(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}
