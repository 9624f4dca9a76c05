-- +goose Up
-- Who may use the REST interface. hash is the SHA-256 of 256 random bits; the key
-- itself is nowhere. roles is {"namespace": "viewer" | "operator" | "admin"}, "*"
-- standing for all namespaces. A row stays after its key has ended: the history of
-- sagas names keys.
CREATE TABLE api_keys (
    id           text PRIMARY KEY,
    name         text        NOT NULL,
    hash         bytea       NOT NULL CHECK (octet_length(hash) = 32),
    roles        jsonb       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by   text        NOT NULL DEFAULT session_user,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);
COMMENT ON COLUMN api_keys.last_used_at IS 'to the minute';

-- +goose Down
DROP TABLE api_keys;
