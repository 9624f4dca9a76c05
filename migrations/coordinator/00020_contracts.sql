-- +goose Up
-- What participants offer. Every version stays: it is the audit, too.
CREATE TABLE contracts (
    namespace   text        NOT NULL,
    participant text        NOT NULL,
    number      integer     NOT NULL,
    canonical   text        NOT NULL,
    actor       text        NOT NULL,
    reason      text        NOT NULL DEFAULT '',
    forced      boolean     NOT NULL DEFAULT false,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (namespace, participant, number)
);
COMMENT ON COLUMN contracts.canonical IS 'the contract as JSON';
COMMENT ON COLUMN contracts.forced IS 'it broke users, and an admin has said that it may; the reason says why';

-- +goose Down
DROP TABLE contracts;
