package travel

// flights: seats go by their primary key, bookings by bookings_saga.
const (
	takeSeat   = `UPDATE flights.seats SET free = free - 1 WHERE flight = $1 AND free > 0`
	freeSeat   = `UPDATE flights.seats SET free = free + 1 WHERE flight = $1`
	bookSeat   = `INSERT INTO flights.bookings (saga, step, flight, traveller) VALUES ($1, $2, $3, $4) RETURNING id`
	cancelSeat = `UPDATE flights.bookings SET status = 'released' WHERE saga = $1 AND step = $2 AND status = 'booked'`
)

// hotels: rooms go by their primary key, bookings by bookings_saga.
const (
	takeRoom   = `UPDATE hotels.rooms SET free = free - 1 WHERE hotel = $1 AND free > 0`
	freeRoom   = `UPDATE hotels.rooms SET free = free + 1 WHERE hotel = $1`
	bookRoom   = `INSERT INTO hotels.bookings (saga, step, hotel, guest, nights) VALUES ($1, $2, $3, $4, $5) RETURNING id`
	cancelRoom = `UPDATE hotels.bookings SET status = 'released' WHERE saga = $1 AND step = $2 AND status = 'booked'`
)

// payments: accounts go by their primary key, charges by charges_saga.
const (
	takeMoney    = `UPDATE payments.accounts SET cents = cents - $2 WHERE card = $1 AND cents >= $2`
	giveMoney    = `UPDATE payments.accounts SET cents = cents + $2 WHERE card = $1`
	bookCharge   = `INSERT INTO payments.charges (saga, step, card, cents, text) VALUES ($1, $2, $3, $4, $5) RETURNING id`
	cancelCharge = `UPDATE payments.charges SET status = 'refunded' WHERE saga = $1 AND step = $2 AND status = 'charged'`
)

// The switch has a few rows; {schema} is the participant's.
const (
	readSwitch  = `SELECT mode, delay_ms FROM {schema}.switch WHERE command IN ($1, '*') ORDER BY command = '*' LIMIT 1`
	setSwitch   = `INSERT INTO {schema}.switch (command, mode, delay_ms) VALUES ($1, $2, $3) ON CONFLICT (command) DO UPDATE SET mode = excluded.mode, delay_ms = excluded.delay_ms`
	clearSwitch = `DELETE FROM {schema}.switch WHERE command = $1 OR $1 = '*'`
)

// lockSchema makes programs that create the same tables wait for each other.
const lockSchema = `SELECT pg_advisory_xact_lock(hashtext('travel.' || $1))`

// What an audit reads: every effect of the sagas asked for (by the indexes on
// saga), and every stock whose count is not that of its effects (whole tables,
// one statement each, so that it sees one moment).
const (
	readEffects = `
SELECT 'flights', saga::text, status, status = 'booked' FROM flights.bookings WHERE saga = ANY ($1::text[]::uuid[])
UNION ALL
SELECT 'hotels', saga::text, status, status = 'booked' FROM hotels.bookings WHERE saga = ANY ($1::text[]::uuid[])
UNION ALL
SELECT 'payments', saga::text, status, status = 'charged' FROM payments.charges WHERE saga = ANY ($1::text[]::uuid[])`

	readStocks = `
SELECT 'flights', flight, capacity - free, (SELECT count(*) FROM flights.bookings b WHERE b.flight = s.flight AND status = 'booked') FROM flights.seats s
UNION ALL
SELECT 'hotels', hotel, capacity - free, (SELECT count(*) FROM hotels.bookings b WHERE b.hotel = r.hotel AND status = 'booked') FROM hotels.rooms r
UNION ALL
SELECT 'payments', card, limit_cents - cents, (SELECT coalesce(sum(c.cents), 0)::bigint FROM payments.charges c WHERE c.card = a.card AND status = 'charged') FROM payments.accounts a`
)
