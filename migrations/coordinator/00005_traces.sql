-- +goose Up
-- Traces that have come to their end and are to be exported: a note is written in
-- the transaction that ends the trace, and deleted once a collector has taken the
-- spans. Empty while tracing is off. window_seq is the number of the trace's first
-- event, 0 for the saga's first trace.
CREATE TABLE trace_queue (
    saga       uuid        NOT NULL,
    window_seq bigint      NOT NULL,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    next       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (saga, window_seq)
);
CREATE INDEX trace_queue_next ON trace_queue (next);
CREATE INDEX trace_queue_at ON trace_queue (at);
COMMENT ON COLUMN trace_queue.next IS 'not to be taken before this: somebody is at it, or has failed';

-- +goose Down
DROP TABLE trace_queue;
