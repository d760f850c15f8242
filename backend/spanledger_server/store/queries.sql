-- name: make_schema_version
-- The history of the tables, one row a migration.
CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, name VARCHAR NOT NULL, digest VARCHAR NOT NULL);

-- name: applied_versions
-- What this file has seen.
SELECT version FROM schema_version;

-- name: record_version
-- Note that a migration was applied.
INSERT INTO schema_version VALUES ($version, $name, $digest);

-- name: make_views_made
-- From which text the views of this file were made.
CREATE TABLE IF NOT EXISTS views_made (digest VARCHAR NOT NULL);

-- name: views_digest
SELECT any_value(digest) FROM views_made;

-- name: forget_views
DELETE FROM views_made;

-- name: record_views
INSERT INTO views_made VALUES ($digest);

-- name: rows_by_table
-- About how many rows each table has; deleted ones may still be among them.
SELECT table_name, estimated_size FROM duckdb_tables()
WHERE database_name = current_database() AND schema_name = 'main' ORDER BY ALL;
