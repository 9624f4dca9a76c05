CREATE TABLE IF NOT EXISTS flights.seats (
    flight   text PRIMARY KEY,
    capacity integer NOT NULL,
    free     integer NOT NULL CHECK (free >= 0)
);
INSERT INTO flights.seats VALUES ('LH100', 100000, 100000), ('BA200', 100000, 100000), ('AF300', 100000, 100000), ('FULL1', 0, 0)
ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS flights.bookings (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    saga      uuid NOT NULL,
    step      text NOT NULL,
    flight    text NOT NULL,
    traveller text NOT NULL,
    status    text NOT NULL DEFAULT 'booked' CHECK (status IN ('booked', 'released')),
    at        timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS bookings_saga ON flights.bookings (saga);
