-- +goose Up
-- The outbox holds what is left to send: a row is deleted once the broker has
-- acknowledged it, so the table is near empty and its primary key is the only
-- index it needs (the sweep reads `id > floor`, in id order, with a LIMIT).
CREATE TABLE outbox (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bucket    smallint NOT NULL CHECK (bucket BETWEEN 0 AND 63),
    topic     text     NOT NULL CHECK (topic <> ''),
    partition integer  NOT NULL DEFAULT -1 CHECK (partition >= -1),
    key       text     NOT NULL,
    headers   bytea    NOT NULL DEFAULT '\x00',
    payload   bytea
) WITH (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 20000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 20000,
    autovacuum_vacuum_cost_delay = 0
);
COMMENT ON TABLE outbox IS 'messages committed with their transaction and not yet acknowledged by the broker';
COMMENT ON COLUMN outbox.partition IS '-1: the partitioner chooses by key';

-- One row per live process; updated every half second, so room for HOT updates.
CREATE TABLE nodes (
    node    text PRIMARY KEY,
    until   timestamptz NOT NULL,
    version text    NOT NULL DEFAULT '',
    levels  integer NOT NULL DEFAULT 0
) WITH (
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 200,
    autovacuum_vacuum_cost_delay = 0
);
COMMENT ON TABLE nodes IS 'leases of processes, on the database clock';

-- Who owns which bucket. A takeover raises the epoch; every transaction that
-- relies on ownership compares it.
CREATE TABLE buckets (
    bucket      smallint PRIMARY KEY CHECK (bucket BETWEEN 0 AND 63),
    owner       text,
    epoch       bigint NOT NULL DEFAULT 0,
    read_offset bigint NOT NULL DEFAULT -1
) WITH (
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 200,
    autovacuum_vacuum_cost_delay = 0
);
COMMENT ON TABLE buckets IS 'owner, epoch and finished prefix of the reply partition of each bucket';
INSERT INTO buckets (bucket) SELECT generate_series(0, 63);

-- Messages a consumer has already handled, for consumers without a guard.
CREATE TABLE inbox (
    consumer   text NOT NULL,
    message_id text NOT NULL,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer, message_id)
) WITH (
    autovacuum_vacuum_scale_factor = 0.01,
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX inbox_at ON inbox (at);
COMMENT ON TABLE inbox IS 'message ids claimed by a consumer in the transaction of their effect';

-- +goose Down
DROP TABLE inbox, buckets, nodes, outbox;
