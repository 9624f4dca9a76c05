-- +goose Up
-- What a namespace may start and keep: its last row counts, those before are its
-- history. Every process looks about twice a second.
CREATE TABLE quotas (
    namespace  text        NOT NULL,
    id         bigint      GENERATED ALWAYS AS IDENTITY,
    starts     integer     NOT NULL DEFAULT 0 CHECK (starts >= 0),
    burst      integer     NOT NULL DEFAULT 0 CHECK (burst >= 0),
    open       bigint      NOT NULL DEFAULT 0 CHECK (open >= 0),
    bytes      bigint      NOT NULL DEFAULT 0 CHECK (bytes >= 0),
    reason     text        NOT NULL DEFAULT '',
    actor      text        NOT NULL DEFAULT '',
    request_id text        NOT NULL DEFAULT '',
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (namespace, id)
);
COMMENT ON COLUMN quotas.starts IS 'sagas that may be started in a second; 0: any number, as in the others';

-- What the histories of a namespace's sagas hold, in parts that are to be summed up:
-- processes add to different ones, about once a second.
CREATE TABLE quota_use (
    namespace text     NOT NULL,
    part      smallint NOT NULL,
    bytes     bigint   NOT NULL,
    PRIMARY KEY (namespace, part)
) WITH (fillfactor = 50);
INSERT INTO quota_use (namespace, part, bytes)
SELECT s.namespace, 0, sum(coalesce(octet_length(e.payload), 0) + octet_length(e.reason) + 256)
FROM saga_events e JOIN sagas s ON s.id = e.saga GROUP BY 1;

-- +goose Down
DROP TABLE quota_use, quotas;
