-- +goose Up
-- The topics whose events a version waits for, so that every process sees without
-- reading all definitions which topics it has to read. No version before this waits
-- for any.
ALTER TABLE definitions ADD COLUMN topics text[] NOT NULL DEFAULT '{}';

-- +goose Down
ALTER TABLE definitions DROP COLUMN topics;
