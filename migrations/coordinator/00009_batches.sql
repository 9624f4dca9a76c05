-- +goose Up
-- A verb on many sagas: which ones was decided when it was made; one process at a
-- time works through them, and another goes on where it has died.
CREATE TABLE batches (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace  text        NOT NULL,
    verb       text        NOT NULL,
    step       text        NOT NULL DEFAULT '',
    reason     text        NOT NULL,
    actor      text        NOT NULL,
    filter     text        NOT NULL,
    rate       integer     NOT NULL CHECK (rate > 0),
    state      text        NOT NULL DEFAULT 'frozen',
    total      integer     NOT NULL DEFAULT 0,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_by text        NOT NULL,
    worked_at  timestamptz NOT NULL DEFAULT '-infinity'
);
CREATE INDEX batches_running ON batches (id) WHERE state = 'running';
COMMENT ON COLUMN batches.state IS 'frozen, running, paused, stopped or done';
COMMENT ON COLUMN batches.worked_at IS 'when a process last said that it is at it';

CREATE TABLE batch_sagas (
    batch   bigint NOT NULL REFERENCES batches ON DELETE CASCADE,
    saga    uuid   NOT NULL,
    outcome text   NOT NULL DEFAULT '',
    detail  text   NOT NULL DEFAULT '',
    PRIMARY KEY (batch, saga)
);
CREATE INDEX batch_sagas_open ON batch_sagas (batch, saga) WHERE outcome = '';
COMMENT ON COLUMN batch_sagas.outcome IS 'empty: not yet; done, unchanged or refused';

-- +goose Down
DROP TABLE batch_sagas, batches;
