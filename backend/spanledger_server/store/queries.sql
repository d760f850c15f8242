-- name: make_schema_version
-- The history of the tables, one row a migration.
CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, name VARCHAR NOT NULL, digest VARCHAR NOT NULL);

-- name: applied_versions
-- What this file has seen.
SELECT version FROM schema_version;

-- name: record_version
-- Note that a migration was applied.
INSERT INTO schema_version VALUES ($version, $name, $digest);
