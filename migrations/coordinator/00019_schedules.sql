-- +goose Up
-- What the clock starts. Any process decides about a time that is due, in one short
-- transaction on the schedule's row; what is decided is a row of schedule_fires, and
-- whoever claims it starts the saga with a key made of name and time.
CREATE TABLE schedules (
    namespace  text        NOT NULL,
    name       text        NOT NULL,
    spec       text        NOT NULL,
    paused     text,
    next_at    timestamptz NOT NULL,
    queued_at  timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_by text        NOT NULL,
    PRIMARY KEY (namespace, name)
);
CREATE INDEX schedules_due ON schedules (next_at) WHERE paused IS NULL;
CREATE INDEX schedules_queued ON schedules (queued_at) WHERE queued_at IS NOT NULL;
COMMENT ON COLUMN schedules.spec IS 'the schedule as JSON with every default';
COMMENT ON COLUMN schedules.paused IS 'why it starts nothing for now; null: it does';
COMMENT ON COLUMN schedules.next_at IS 'the next time that was not decided about';
COMMENT ON COLUMN schedules.queued_at IS 'the time that waits for the end of a saga of before';

CREATE TABLE schedule_fires (
    namespace  text        NOT NULL,
    name       text        NOT NULL,
    at         timestamptz NOT NULL,
    outcome    text        NOT NULL,
    saga       uuid,
    detail     text        NOT NULL DEFAULT '',
    actor      text        NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    claimed_at timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (namespace, name, at),
    FOREIGN KEY (namespace, name) REFERENCES schedules ON DELETE CASCADE
);
CREATE INDEX schedule_fires_due ON schedule_fires (at) WHERE outcome = 'due';
COMMENT ON COLUMN schedule_fires.outcome IS 'due, queued, started, skipped, missed or refused';
COMMENT ON COLUMN schedule_fires.claimed_at IS 'when a process last began to start the saga';

CREATE TABLE schedule_changes (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace text        NOT NULL,
    name      text        NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    change    text        NOT NULL,
    actor     text        NOT NULL,
    detail    text        NOT NULL
);
CREATE INDEX schedule_changes_name ON schedule_changes (namespace, name, id);
COMMENT ON TABLE schedule_changes IS 'who changed a schedule; kept when the schedule is deleted, the last 100 of a name';

-- +goose Down
DROP TABLE schedule_changes, schedule_fires, schedules;
