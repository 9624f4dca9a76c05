-- +goose Up
-- For how long a saga is kept once it has ended, as a class: written once, with the
-- saga. Nothing is deleted by it yet.
ALTER TABLE sagas ADD COLUMN retention smallint NOT NULL DEFAULT 0;
COMMENT ON COLUMN sagas.retention IS '0 standard, 1 short, 2 long';
COMMENT ON TABLE saga_attributes IS 'what sagas are found by: the business key has the empty name, the subject the name @subject';

-- +goose Down
ALTER TABLE sagas DROP COLUMN retention;
