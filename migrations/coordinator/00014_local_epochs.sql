-- +goose Up
-- Of which epoch a local step's answer is: a refusal is given up for a command of a
-- higher one, which an operator has given another input.
ALTER TABLE local_steps ADD COLUMN epoch integer NOT NULL DEFAULT 1;

-- +goose Down
ALTER TABLE local_steps DROP COLUMN epoch;
