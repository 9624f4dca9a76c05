-- +goose Up
-- One row per command family (saga, step[index]#visit), written in the business
-- transaction. done and rejected turn into undone; a tombstone stands where the
-- undo came before the do. Rows are updated in place once, hence the fillfactor.
CREATE TABLE guard (
    saga         uuid    NOT NULL,
    step         text    NOT NULL CHECK (step <> ''),
    state        text    NOT NULL CHECK (state IN ('done', 'rejected', 'undone', 'tombstone')),
    incarnation  bigint  NOT NULL,
    epoch        integer NOT NULL,
    outcome      text    NOT NULL DEFAULT '',
    content_type text    NOT NULL DEFAULT '',
    payload      bytea,
    reason       text    NOT NULL DEFAULT '',
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (saga, step)
) WITH (
    fillfactor = 85,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.02,
    autovacuum_vacuum_cost_delay = 0
);
COMMENT ON TABLE guard IS 'what this participant has answered to each command family; the source of re-sent replies';
COMMENT ON COLUMN guard.step IS 'step[index]#visit, as in the command id';

-- +goose Down
DROP TABLE guard;
