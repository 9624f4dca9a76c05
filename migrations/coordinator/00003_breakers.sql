-- +goose Up
-- What the breakers of each process are like, for people and REST: nothing is
-- decided by it. A process writes its own rows about once a second, those that
-- changed, and deletes them at its end; rows of nodes that are gone count for
-- nothing and are deleted by the others.
CREATE TABLE breakers (
    node        text        NOT NULL,
    participant text        NOT NULL,
    direction   text        NOT NULL CHECK (direction IN ('do', 'undo')),
    state       text        NOT NULL CHECK (state IN ('closed', 'half-open', 'open')),
    since       timestamptz NOT NULL,
    held        integer     NOT NULL,
    oldest_held timestamptz,
    rate        integer     NOT NULL,
    in_flight   integer     NOT NULL,
    requests    integer     NOT NULL,
    failures    integer     NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (node, participant, direction)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
COMMENT ON COLUMN breakers.oldest_held IS 'since when the first held saga waits; null: none';
COMMENT ON COLUMN breakers.rate IS 'the limit of the ramp under way, in commands a second; 0: none';
COMMENT ON COLUMN breakers.at IS 'when the row was written';

-- +goose Down
DROP TABLE breakers;
