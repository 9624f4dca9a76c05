package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/saga/sagapg"
)

// Order is the saga's input.
type Order struct {
	Documents int `json:"documents"` // Documents is how many there are.
}

// Listing is what there is to read.
type Listing struct {
	Documents []string `json:"documents"` // Documents are their names.
}

// Counts are what was read.
type Counts struct {
	Counts []int `json:"counts"` // Counts are the words of each document.
}

// Total is the end of it.
type Total struct {
	Words int `json:"words"` // Words are those of all documents.
}

const (
	createCounts = `CREATE SCHEMA IF NOT EXISTS library;
CREATE TABLE IF NOT EXISTS library.counts (id bigint GENERATED ALWAYS AS IDENTITY, documents integer NOT NULL, words integer NOT NULL)`

	storeCount = `INSERT INTO library.counts (documents, words) VALUES ($1, $2)`
)

func steps() []sagapg.LocalStep {
	return []sagapg.LocalStep{sagapg.Plain("list", list), sagapg.Plain("read", read), sagapg.Local("store", store)}
}

// list looks at the shelf.
func list(_ context.Context, o Order) (Listing, error) {
	names := make([]string, o.Documents)
	for i := range names {
		names[i] = fmt.Sprintf("page %d of the book", i+1)
	}
	return Listing{names}, nil
}

// read counts the words of one document, whose text is its name.
func read(_ context.Context, document string) (int, error) {
	return len(strings.Fields(document)), nil
}

// store keeps the sum, once.
func store(ctx context.Context, tx pgx.Tx, c Counts) (Total, error) {
	total := 0
	for _, n := range c.Counts {
		total += n
	}
	_, err := tx.Exec(ctx, storeCount, len(c.Counts), total)
	return Total{total}, err
}
