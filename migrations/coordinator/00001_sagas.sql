-- +goose Up
-- What this database is: its incarnation (raised when it was restored from an
-- older copy) and the keys of the reply tokens.
CREATE TABLE settings (
    name  text PRIMARY KEY,
    value bytea NOT NULL
);
INSERT INTO settings (name, value) VALUES ('incarnation', '1'),
    ('token.k1', decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));

-- Every version of every definition. canonical is what was written, with the
-- defaults of its day resolved; a running saga is pinned to its version.
CREATE TABLE definitions (
    namespace text        NOT NULL,
    name      text        NOT NULL,
    number    integer     NOT NULL CHECK (number > 0),
    hash      text        NOT NULL,
    canonical bytea       NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (namespace, name, number),
    UNIQUE (namespace, name, hash)
);

-- One row for each saga. A step updates it in place: no indexed column changes
-- between start and end, and the fill factor leaves room, so updates are HOT.
CREATE TABLE sagas (
    id         uuid PRIMARY KEY,
    namespace  text        NOT NULL,
    definition text        NOT NULL,
    version    text        NOT NULL,
    level      smallint    NOT NULL,
    status     smallint    NOT NULL,
    attention  text[]      NOT NULL DEFAULT '{}',
    bucket     smallint    NOT NULL,
    generation smallint    NOT NULL DEFAULT 1,
    seq        bigint      NOT NULL,
    started_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    wake_at    timestamptz,
    state      bytea       NOT NULL
) WITH (
    fillfactor = 60,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_cost_delay = 0
);
-- A takeover scans the active sagas of a bucket for their wakes.
CREATE INDEX sagas_active ON sagas (bucket) WHERE status < 3;
-- What needs attention is few, and looked for often.
CREATE INDEX sagas_attention ON sagas (id) WHERE attention <> '{}';
COMMENT ON COLUMN sagas.status IS '1 running, 2 compensating, 3 completed, 4 compensated, 5 abandoned';
COMMENT ON COLUMN sagas.wake_at IS 'the next due time; not indexed: it lives in the memory of the owner of the bucket';

-- The history: append only, one row for each event that changed a saga.
CREATE TABLE saga_events (
    saga         uuid        NOT NULL,
    seq          bigint      NOT NULL,
    at           timestamptz NOT NULL,
    kind         text        NOT NULL,
    step         text        NOT NULL DEFAULT '',
    direction    smallint    NOT NULL DEFAULT 0,
    attempt      integer     NOT NULL DEFAULT 0,
    epoch        integer     NOT NULL DEFAULT 0,
    outcome      smallint    NOT NULL DEFAULT 0,
    actor        text        NOT NULL DEFAULT '',
    reason       text        NOT NULL DEFAULT '',
    request_id   text        NOT NULL DEFAULT '',
    content_type text        NOT NULL DEFAULT '',
    codec        text        NOT NULL DEFAULT '',
    key_id       text        NOT NULL DEFAULT '',
    payload      bytea,
    detail       text        NOT NULL DEFAULT '',
    sent         text        NOT NULL DEFAULT '',
    PRIMARY KEY (saga, seq)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.1);
COMMENT ON COLUMN saga_events.actor IS 'kind:name';
COMMENT ON COLUMN saga_events.sent IS 'the commands that the event sent, one a line: step/direction participant/command attempt hash';

-- Idempotency keys of starts, kept as long as the saga.
CREATE TABLE start_keys (
    namespace text  NOT NULL,
    key       text  NOT NULL,
    hash      bytea NOT NULL,
    saga      uuid  NOT NULL,
    PRIMARY KEY (namespace, key)
);

-- What the owner of a bucket must look at though nobody told its memory: a held
-- command of a verb that another node ran.
CREATE TABLE far_wakes (
    bucket smallint    NOT NULL,
    at     timestamptz NOT NULL,
    saga   uuid        NOT NULL,
    PRIMARY KEY (bucket, at, saga)
);

-- Messages that a saga cannot take now, in order: behind a transition that
-- failed, or for a version that this node lacks.
CREATE TABLE saga_mail (
    bucket smallint NOT NULL,
    saga   uuid     NOT NULL,
    id     bigint   GENERATED ALWAYS AS IDENTITY,
    record bytea    NOT NULL,
    PRIMARY KEY (bucket, saga, id)
);

-- What local steps have answered, written in the transaction of their effect: a
-- step that is run again answers the same. An undo that came first leaves undone.
CREATE TABLE local_steps (
    saga    uuid     NOT NULL,
    step    text     NOT NULL,
    undone  boolean  NOT NULL DEFAULT false,
    outcome smallint NOT NULL DEFAULT 0,
    reason  text     NOT NULL DEFAULT '',
    payload bytea,
    PRIMARY KEY (saga, step)
);

-- +goose Down
DROP TABLE local_steps, saga_mail, far_wakes, start_keys, saga_events, sagas, definitions, settings;
