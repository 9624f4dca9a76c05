-- +goose Up
-- What operators have held and released: the last row of a group says how it stands,
-- those before are its history. Every process looks about twice a second.
CREATE TABLE holds (
    kind       text        NOT NULL CHECK (kind IN ('participant', 'definition', 'namespace')),
    namespace  text        NOT NULL DEFAULT '',
    name       text        NOT NULL,
    id         bigint      GENERATED ALWAYS AS IDENTITY,
    held       boolean     NOT NULL,
    rate       integer     NOT NULL DEFAULT 0 CHECK (rate >= 0),
    reason     text        NOT NULL DEFAULT '',
    actor      text        NOT NULL DEFAULT '',
    request_id text        NOT NULL DEFAULT '',
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (kind, namespace, name, id)
);
COMMENT ON COLUMN holds.namespace IS 'empty for a participant, which all namespaces share';
COMMENT ON COLUMN holds.rate IS 'of a release: commands a second, in all processes together; 0: as after a breaker';

-- +goose Down
DROP TABLE holds;
