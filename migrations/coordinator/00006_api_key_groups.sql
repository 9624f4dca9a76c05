-- +goose Up
-- The groups that a key's holder belongs to: an approval names those that may
-- decide it, as group:NAME.
ALTER TABLE api_keys ADD COLUMN groups text[] NOT NULL DEFAULT '{}';

-- +goose Down
ALTER TABLE api_keys DROP COLUMN groups;
