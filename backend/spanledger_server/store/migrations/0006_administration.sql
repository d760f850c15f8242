-- What a token is limited to, which token it takes the place of, and how large each table was.

ALTER TABLE tokens ADD COLUMN services VARCHAR[];  -- null: all
ALTER TABLE tokens ADD COLUMN tenants VARCHAR[];   -- null: all
ALTER TABLE tokens ADD COLUMN replaces VARCHAR;    -- token_id

-- subject: a table, or 'file' for what the file holds altogether.
CREATE TABLE store_sizes (at_ns BIGINT NOT NULL, subject VARCHAR NOT NULL, rows BIGINT NOT NULL, bytes BIGINT NOT NULL);
