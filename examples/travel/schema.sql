-- The tables of one participant; {schema} is its name. Bookings have no unique
-- key on the saga on purpose: were anything done twice, the audit would see it.

CREATE TABLE IF NOT EXISTS {schema}.switch (
    command  text PRIMARY KEY,
    mode     text NOT NULL CHECK (mode IN ('slow', 'silent', 'lost', 'fail', 'reject')),
    delay_ms integer NOT NULL DEFAULT 0
);
COMMENT ON TABLE {schema}.switch IS 'makes a command, or all with *, misbehave';

-- While a command is switched to silent or lost, its answers vanish: they leave
-- the outbox in the transaction that wrote them. In its packed headers 14 is
-- unwind-command, 1 a value that is written out, and then come its length and bytes.
CREATE OR REPLACE FUNCTION {schema}.swallow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM {schema}.outbox o USING {schema}.switch s
    WHERE o.id = NEW.id AND s.mode IN ('silent', 'lost')
      AND (s.command = '*' OR position(
            '\x0e01'::bytea || set_byte('\x00', 0, length(s.command)) || convert_to(s.command, 'UTF8')
            IN NEW.headers) > 0);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER swallow AFTER INSERT ON {schema}.outbox FOR EACH ROW EXECUTE FUNCTION {schema}.swallow();
