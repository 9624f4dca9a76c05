CREATE TABLE IF NOT EXISTS hotels.rooms (
    hotel    text PRIMARY KEY,
    capacity integer NOT NULL,
    free     integer NOT NULL CHECK (free >= 0)
);
INSERT INTO hotels.rooms VALUES ('Astoria', 100000, 100000), ('Bristol', 100000, 100000), ('Carlton', 100000, 100000), ('Full', 0, 0)
ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS hotels.bookings (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    saga   uuid NOT NULL,
    step   text NOT NULL,
    hotel  text NOT NULL,
    guest  text NOT NULL,
    nights integer NOT NULL,
    status text NOT NULL DEFAULT 'booked' CHECK (status IN ('booked', 'released')),
    at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS bookings_saga ON hotels.bookings (saga);
