-- +goose Up
-- The definitions that start no sagas for now. Those that run are not touched.
CREATE TABLE disabled_definitions (
    namespace text        NOT NULL,
    name      text        NOT NULL,
    reason    text        NOT NULL,
    actor     text        NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (namespace, name)
);

-- +goose Down
DROP TABLE disabled_definitions;
