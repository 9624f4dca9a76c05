CREATE TABLE IF NOT EXISTS payments.accounts (
    card  text PRIMARY KEY,
    limit_cents bigint NOT NULL,
    cents bigint NOT NULL CHECK (cents >= 0)
);
INSERT INTO payments.accounts VALUES ('gold', 1000000000000, 1000000000000), ('silver', 1000000000000, 1000000000000), ('empty', 0, 0)
ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS payments.charges (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    saga   uuid NOT NULL,
    step   text NOT NULL,
    card   text NOT NULL,
    cents  bigint NOT NULL,
    text   text NOT NULL,
    status text NOT NULL DEFAULT 'charged' CHECK (status IN ('charged', 'refunded')),
    at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS charges_saga ON payments.charges (saga);
