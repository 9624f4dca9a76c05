package main

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/saga/sagapg"
)

// Transfer is the saga's input, and that of its steps.
type Transfer struct {
	From  string `json:"from"`  // From is the account that pays.
	To    string `json:"to"`    // To is the account that is paid.
	Cents int    `json:"cents"` // Cents is how much.
}

// Receipt is what a step answers.
type Receipt struct {
	Balance int `json:"balance"` // Balance is the account's afterwards.
}

const (
	createAccounts = `CREATE SCHEMA IF NOT EXISTS bank;
CREATE TABLE IF NOT EXISTS bank.accounts (name text PRIMARY KEY, cents integer NOT NULL CHECK (cents >= 0), closed boolean NOT NULL, credits integer NOT NULL DEFAULT 0)`

	openAccounts = `INSERT INTO bank.accounts (name, cents, closed) SELECT name, 10000, name = 'carl' FROM unnest($1::text[]) AS n (name) ON CONFLICT DO NOTHING`

	take = `UPDATE bank.accounts SET cents = cents - $2 WHERE name = $1 AND cents >= $2 RETURNING cents`

	put = `UPDATE bank.accounts SET cents = cents + $2, credits = credits + $3 WHERE name = $1 AND ($3 = 0 OR NOT closed) RETURNING cents`

	readAccounts = `SELECT sum(cents), min(cents), sum(credits) FROM bank.accounts`
)

// steps are the local steps. What each does is committed together with its answer.
func steps() []sagapg.LocalStep {
	return []sagapg.LocalStep{sagapg.Local("debit", debit), sagapg.Local("refund", refund), sagapg.Local("credit", credit)}
}

// debit takes the money, if it is there.
func debit(ctx context.Context, tx pgx.Tx, t Transfer) (r Receipt, err error) {
	err = tx.QueryRow(ctx, take, t.From, t.Cents).Scan(&r.Balance)
	if errors.Is(err, pgx.ErrNoRows) {
		return r, sagapg.Refuse("there is not enough on " + t.From)
	}
	return r, err
}

// refund is the compensation of debit.
func refund(ctx context.Context, tx pgx.Tx, t Transfer) (r Receipt, err error) {
	return r, tx.QueryRow(ctx, put, t.From, t.Cents, 0).Scan(&r.Balance)
}

// credit gives the money to an account that is open.
func credit(ctx context.Context, tx pgx.Tx, t Transfer) (r Receipt, err error) {
	err = tx.QueryRow(ctx, put, t.To, t.Cents, 1).Scan(&r.Balance)
	if errors.Is(err, pgx.ErrNoRows) {
		return r, sagapg.Refuse(t.To + " is closed")
	}
	return r, err
}
