package registry

import (
	"context"
	"strings"

	"github.com/unwindhq/unwind/saga/coordinator"
)

// UnknownError says that a definition, or a version of it, does not exist. It is
// coordinator.ErrNoDefinition.
type UnknownError struct {
	Name    string // Name was asked for.
	Version string // Version was asked for; empty for the latest.
	Closest string // Closest is the known name that may be meant; empty if none is near.
}

// Error names what is unknown and what may be meant.
func (e *UnknownError) Error() string {
	text := "there is no definition " + e.Name
	if e.Version != "" {
		text += " " + e.Version
	}
	if e.Closest != "" {
		text += "; did you mean " + e.Closest + "?"
	}
	return text
}

// Is makes errors.Is(err, coordinator.ErrNoDefinition) true.
func (e *UnknownError) Is(target error) bool { return target == coordinator.ErrNoDefinition }

// unknown makes the error for a name that does not exist.
func (r *Registry) unknown(ctx context.Context, namespace, called string) error {
	known, err := r.List(ctx, namespace, "", MaxList)
	if err != nil {
		return err
	}
	unknown := &UnknownError{Name: called}
	least := max(1, len(called)/3) + 1
	for _, e := range known {
		if d := distance(strings.ToLower(called), strings.ToLower(e.Name)); d < least {
			unknown.Closest, least = e.Name, d
		}
	}
	return unknown
}

// distance counts the letters to insert, delete or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(row[j]+1, diagonal+1, cost)
		}
	}
	return row[len(b)]
}
