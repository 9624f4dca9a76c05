-- +goose Up
-- The business keys of running sagas: one saga of a definition for each. A row is
-- deleted when its saga ends.
CREATE TABLE business_keys (
    namespace  text NOT NULL,
    definition text NOT NULL,
    key        text NOT NULL,
    saga       uuid NOT NULL,
    PRIMARY KEY (namespace, definition, key)
);

-- What sagas can be found by, also when they have ended. The business key is the
-- attribute with the empty name. A value is a text or a number; true and false are
-- texts. Written once, with the saga; nothing for sagas without.
CREATE TABLE saga_attributes (
    saga      uuid NOT NULL,
    namespace text NOT NULL,
    name      text NOT NULL,
    text      text,
    number    numeric,
    PRIMARY KEY (saga, name)
);
CREATE INDEX saga_attributes_text ON saga_attributes (namespace, name, text text_pattern_ops, saga) WHERE text IS NOT NULL;
CREATE INDEX saga_attributes_number ON saga_attributes (namespace, name, number, saga) WHERE number IS NOT NULL;

-- +goose Down
DROP TABLE saga_attributes, business_keys;
