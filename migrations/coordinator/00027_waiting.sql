-- +goose Up
-- What a saga waits for, as bits; 0 until its next event for one that was there before.
ALTER TABLE sagas ADD COLUMN waiting smallint NOT NULL DEFAULT 0;
COMMENT ON COLUMN sagas.waiting IS '1 approval, 2 breaker, 4 child, 8 lock, 16 operator, 32 reply, 64 signal, 128 timer';

-- +goose Down
ALTER TABLE sagas DROP COLUMN waiting;
