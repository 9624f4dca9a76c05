package travel

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Ended says how a saga ended.
type Ended struct {
	Saga   string   // Saga is its id.
	Status string   // Status is completed or compensated; anything else is a fault.
	Steps  []string // Steps are the participants that a completed saga used; nil: all of them.
}

// Effect is one row that a saga left with a participant.
type Effect struct {
	Participant string // Participant is whose row it is.
	Saga        string // Saga is whose effect it is.
	Status      string // Status is the word in the table.
	Live        bool   // Live is false once it was undone.
}

// Stock is one seat plan, house or account: what it has given, by its own count
// and by its effects.
type Stock struct {
	Participant string // Participant is whose it is.
	Name        string // Name is the flight, the hotel or the card.
	Given       int64  // Given is its own count.
	Live        int64  // Live is the sum of the live effects.
}

// Audit compares the participants' own tables with how sagas ended, and returns
// a sentence for everything that is not as it must be: a completed saga has one
// live effect with each participant, a compensated one has none; nothing was done
// twice; every stock agrees with its bookings. No sentence is a good audit. The
// stocks are looked at whole, whoever booked.
func Audit(ctx context.Context, databaseURL string, ended []Ended) ([]string, error) {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // it was only read
	ids := make([]string, len(ended))
	for i, e := range ended {
		ids[i] = e.Saga
	}
	rows, _ := conn.Query(ctx, readEffects, ids) // its error is CollectRows'
	effects, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Effect])
	if err != nil {
		return nil, fmt.Errorf("audit: read the effects: %w", err)
	}
	rows, _ = conn.Query(ctx, readStocks) // its error is CollectRows'
	stocks, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Stock])
	if err != nil {
		return nil, fmt.Errorf("audit: read the stocks: %w", err)
	}
	return append(Compare(ended, effects), Balance(stocks)...), nil
}

// Compare is the part of Audit that looks at the effects.
func Compare(ended []Ended, effects []Effect) []string {
	rows := map[[2]string][]Effect{}
	for _, e := range effects {
		at := [2]string{e.Saga, e.Participant}
		rows[at] = append(rows[at], e)
	}
	var faults []string
	for _, e := range ended {
		if e.Status != "completed" && e.Status != "compensated" {
			faults = append(faults, fmt.Sprintf("saga %s is %s: it must be completed or compensated", e.Saga, e.Status))
			continue
		}
		for _, name := range Participants() {
			want := e.Status == "completed" && (e.Steps == nil || slices.Contains(e.Steps, name))
			if fault := compare(rows[[2]string{e.Saga, name}], want); fault != "" {
				faults = append(faults, fmt.Sprintf("saga %s is %s, and %s has %s", e.Saga, e.Status, name, fault))
			}
		}
	}
	return faults
}

// compare says what is wrong with one saga's rows of one participant.
func compare(rows []Effect, want bool) string {
	live := 0
	var words []string
	for _, row := range rows {
		words = append(words, row.Status)
		if row.Live {
			live++
		}
	}
	switch text := strings.Join(words, ", "); {
	case len(rows) > 1:
		return fmt.Sprintf("%d effects (%s) where one may be", len(rows), text)
	case want && len(rows) == 0:
		return "no effect where one must be"
	case want && live == 0:
		return "an effect that was undone (" + text + ")"
	case !want && live > 0:
		return "an effect that still stands (" + text + ")"
	}
	return ""
}

// Balance is the part of Audit that looks at the stocks.
func Balance(stocks []Stock) []string {
	var faults []string
	for _, s := range stocks {
		if s.Given != s.Live {
			faults = append(faults, fmt.Sprintf("%s has given %d of %s, and its live bookings add up to %d", s.Participant, s.Given, s.Name, s.Live))
		}
	}
	return faults
}
