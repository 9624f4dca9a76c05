-- +goose Up
-- The steps that wait for an event of a topic: what such an event has, so that
-- whoever reads one finds its sagas without looking at all that wait. A saga
-- without such steps has no row here.
CREATE TABLE event_waits (
    saga       uuid NOT NULL,
    step       text NOT NULL,
    namespace  text NOT NULL,
    definition text NOT NULL,
    version    text NOT NULL,
    key        text NOT NULL,
    PRIMARY KEY (saga, step)
);
CREATE INDEX event_waits_key ON event_waits (namespace, definition, version, step, key);

-- +goose Down
DROP TABLE event_waits;
