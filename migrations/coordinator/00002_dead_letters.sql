-- +goose Up
-- Records that nobody could handle, byte for byte. topic, partition, "offset" and
-- "timestamp" say where and when the record was written, so that one that is read
-- or imported twice is one row; the timestamp tells a topic from one of the same
-- name that was made anew. A row also says what is left to send of it.
CREATE TABLE dead_letters (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace   text        NOT NULL,
    topic       text        NOT NULL,
    partition   integer     NOT NULL,
    "offset"    bigint      NOT NULL,
    "timestamp" bigint      NOT NULL,
    key         bytea,
    headers     bytea       NOT NULL,
    value       bytea,
    class       text        NOT NULL,
    reason      text        NOT NULL,
    fingerprint text        NOT NULL,
    origin      text        NOT NULL,
    saga        uuid,
    command     text        NOT NULL DEFAULT '',
    at          timestamptz NOT NULL,
    status      text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'redriven', 'discarded')),
    redrives    integer     NOT NULL DEFAULT 0,
    actor       text        NOT NULL DEFAULT '',
    note        text        NOT NULL DEFAULT '',
    changed_at  timestamptz,
    unsent      text        CHECK (unsent IN ('copy', 'record')),
    sent_at     timestamptz,
    trouble     text        NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX dead_letters_place ON dead_letters (topic, partition, "offset", "timestamp");
-- What is left to send is few, and looked for every second.
CREATE INDEX dead_letters_unsent ON dead_letters (id) WHERE unsent IS NOT NULL;
-- Lists and groups of what is open; successors of one saga.
CREATE INDEX dead_letters_open ON dead_letters (namespace, id) WHERE status = 'open';
CREATE INDEX dead_letters_saga ON dead_letters (saga, id) WHERE saga IS NOT NULL;
COMMENT ON COLUMN dead_letters.partition IS '-1: never written to its topic; "offset" is then the id of its outbox row';
COMMENT ON COLUMN dead_letters."timestamp" IS 'milliseconds since 1970; -1: none';
COMMENT ON COLUMN dead_letters.headers IS 'encoded like those of the outbox';
COMMENT ON COLUMN dead_letters.origin IS 'who gave it up: the node, or the dead-letter topic it was imported from';
COMMENT ON COLUMN dead_letters.unsent IS 'copy: to its dead-letter topic; record: to its own topic again';
COMMENT ON COLUMN dead_letters.trouble IS 'why sending failed for good';

-- How far each dead-letter topic was imported: the next offset.
CREATE TABLE dead_letter_imports (
    topic     text    NOT NULL,
    partition integer NOT NULL,
    position  bigint  NOT NULL,
    PRIMARY KEY (topic, partition)
);

-- +goose Down
DROP TABLE dead_letter_imports, dead_letters;
