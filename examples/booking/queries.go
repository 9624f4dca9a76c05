package main

const (
	createTickets = `CREATE SCHEMA IF NOT EXISTS booking;
CREATE TABLE IF NOT EXISTS booking.tickets (kind text, trip integer, cents integer, taken integer NOT NULL DEFAULT 1, PRIMARY KEY (kind, trip))`

	// takeTicket counts every time that it is carried out, so that a second time shows.
	takeTicket = `INSERT INTO booking.tickets AS t (kind, trip, cents) VALUES ($1, $2, $3)
ON CONFLICT (kind, trip) DO UPDATE SET taken = t.taken + 1`

	dropTicket = `DELETE FROM booking.tickets WHERE kind = $1 AND trip = $2`

	// broken counts the trips that are neither whole nor nothing, or were taken twice.
	broken = `SELECT count(*) FROM (SELECT trip FROM booking.tickets GROUP BY trip HAVING count(*) <> 3 OR max(taken) > 1
OR sum(cents) FILTER (WHERE kind = 'payment') <> sum(cents) FILTER (WHERE kind <> 'payment')) b`

	whole = `SELECT count(*) FROM booking.tickets WHERE kind = 'payment'`
)
