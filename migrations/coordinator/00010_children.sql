-- +goose NO TRANSACTION
-- +goose Up
-- Whose child a saga is; null for the first of a family.
ALTER TABLE sagas ADD COLUMN IF NOT EXISTS parent uuid, ADD COLUMN IF NOT EXISTS root uuid;
CREATE INDEX CONCURRENTLY IF NOT EXISTS sagas_parent ON sagas (parent, id) WHERE parent IS NOT NULL;

-- +goose Down
DROP INDEX sagas_parent;
ALTER TABLE sagas DROP COLUMN parent, DROP COLUMN root;
