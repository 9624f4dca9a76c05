-- +goose Up
-- The queues of concurrency keys: of the rows of a key the one with the lowest n is
-- granted, the others wait. A row is deleted when its saga ends. Rows of a key are
-- written only under the advisory lock of that key, so that n is in the order of the
-- commits.
CREATE TABLE saga_locks (
    namespace text        NOT NULL,
    key       text        NOT NULL,
    n         bigint      GENERATED ALWAYS AS IDENTITY,
    saga      uuid        NOT NULL,
    bucket    smallint    NOT NULL,
    granted   timestamptz,
    PRIMARY KEY (namespace, key, n)
);
CREATE INDEX saga_locks_saga ON saga_locks (saga);
COMMENT ON COLUMN saga_locks.granted IS 'since when the saga has the key; null: it waits';

-- +goose Down
DROP TABLE saga_locks;
