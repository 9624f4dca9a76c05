-- +goose Up
-- What a batch's verb says beside its step and its reason; and the second person that
-- a large one waits for.
ALTER TABLE batches
    ADD COLUMN parameters     text        NOT NULL DEFAULT '{}',
    ADD COLUMN needs_approval boolean     NOT NULL DEFAULT false,
    ADD COLUMN approved_by    text        NOT NULL DEFAULT '',
    ADD COLUMN approved_at    timestamptz;
COMMENT ON COLUMN batches.parameters IS 'JSON: signal, outcome, groups, payload';

-- +goose Down
ALTER TABLE batches DROP COLUMN parameters, DROP COLUMN needs_approval, DROP COLUMN approved_by, DROP COLUMN approved_at;
