-- name: parse
-- The statements of a text as a tree.
SELECT json_serialize_sql($statement);

-- name: private_names
-- Every relation that is not public: the tables, and the views that DuckDB brings along.
SELECT lower(table_name) FROM duckdb_tables() WHERE schema_name <> 'public'
UNION SELECT lower(view_name) FROM duckdb_views() WHERE schema_name <> 'public';

-- name: public_views
-- The public views, and what they are.
SELECT view_name, comment FROM duckdb_views()
WHERE database_name = current_database() AND schema_name = 'public' AND NOT internal ORDER BY view_name;

-- name: public_columns
-- Their columns in order, and what those are.
SELECT table_name, column_name, data_type, comment FROM duckdb_columns()
WHERE database_name = current_database() AND schema_name = 'public' AND NOT internal
ORDER BY table_name, column_index;

-- name: kept_bytes
-- Memory of the instance that holds what is stored, and goes when somebody needs it.
SELECT coalesce(sum(memory_usage_bytes), 0)::BIGINT FROM duckdb_memory()
WHERE tag IN ('BASE_TABLE', 'METADATA', 'ART_INDEX', 'IN_MEMORY_TABLE', 'OBJECT_CACHE', 'EXTERNAL_FILE_CACHE', 'TRANSACTION');

-- name: saved_page
-- All saved queries by name.
SELECT name, sql, params, description, created_ns, updated_ns, updated_by FROM saved_queries ORDER BY name;

-- name: saved_one
-- One of them.
SELECT name, sql, params, description, created_ns, updated_ns, updated_by FROM saved_queries WHERE name = $name;

-- name: add_saved
-- A new one.
INSERT INTO saved_queries VALUES ($name, $statement, $params, $description, $now_ns, $now_ns, $actor);

-- name: change_saved
-- Another text for the same name.
UPDATE saved_queries SET sql = $statement, params = $params, description = $description, updated_ns = $now_ns, updated_by = $actor
WHERE name = $name;

-- name: remove_saved
-- It is gone.
DELETE FROM saved_queries WHERE name = $name;
