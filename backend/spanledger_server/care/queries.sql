-- name: attach_backup
-- The file that a backup is written to.
ATTACH $file AS backup;

-- name: copy_all
-- All tables, views and macros, as this transaction sees them.
COPY FROM DATABASE spanledger TO backup;

-- name: detach_backup
-- Let go of that file, whole.
DETACH DATABASE IF EXISTS backup;

-- name: tables
-- Every table of this database.
SELECT table_name FROM duckdb_tables()
WHERE database_name = current_database() AND schema_name = 'main' AND NOT internal AND NOT temporary ORDER BY ALL;

-- name: sum_of_table
-- How many rows a table has, and a sum over all of their values that does not depend on their order.
SELECT count(*) AS rows, coalesce(sum(hash(t)::HUGEINT), 0)::VARCHAR AS digest FROM query_table($name) AS t;

-- name: schema_version
-- Which version of the tables the file has.
SELECT max(version) FROM schema_version;

-- name: file_use
-- Bytes of the file that hold rows, and of a block.
SELECT used_blocks * block_size AS used_bytes, block_size
FROM pragma_database_size() WHERE database_name = current_database();

-- name: table_blocks
-- How many blocks of the file hold values of a table; a block may hold several tables' values.
SELECT count(DISTINCT block) FROM (
    SELECT unnest(list_append(additional_block_ids, block_id)) AS block FROM pragma_storage_info($name) WHERE persistent
) WHERE block >= 0;

-- name: add_sizes
-- How large everything is now.
INSERT INTO store_sizes SELECT $at_ns, unnest($subjects::VARCHAR[]), unnest($rows::BIGINT[]), unnest($bytes::BIGINT[]);

-- name: forget_sizes
-- Sizes from before.
DELETE FROM store_sizes WHERE at_ns < $before_ns;

-- name: earlier_sizes
-- How large everything was at the oldest look since a time.
SELECT subject, arg_min(rows, at_ns) AS rows, arg_min(bytes, at_ns) AS bytes, min(at_ns) AS at_ns FROM store_sizes
WHERE at_ns >= $since_ns GROUP BY subject;

-- name: last_look
-- When sizes were noted last.
SELECT max(at_ns) FROM store_sizes;

-- name: exportable
-- The views, and by which column their rows lie in time.
SELECT table_name, list(column_name) FROM duckdb_columns()
WHERE database_name = current_database() AND schema_name = 'public' GROUP BY ALL ORDER BY ALL;

-- name: export_by_at
-- Rows of a view in a window.
SELECT * FROM query_table($view) WHERE at_ns >= $from_ns AND at_ns < $to_ns;

-- name: export_by_start
-- The same, where rows have a start.
SELECT * FROM query_table($view) WHERE start_ns >= $from_ns AND start_ns < $to_ns;

-- name: export_by_created
-- The same, by when they were made.
SELECT * FROM query_table($view) WHERE created_ns >= $from_ns AND created_ns < $to_ns;

-- name: export_by_timestamp
-- The same, by the seeds' name.
SELECT * FROM query_table($view) WHERE timestamp_ns >= $from_ns AND timestamp_ns < $to_ns;

-- name: export_by_metric
-- The same, by when it was measured.
SELECT * FROM query_table($view) WHERE metric_ns >= $from_ns AND metric_ns < $to_ns;

-- name: export_by_bucket
-- The same, of rollups.
SELECT * FROM query_table($view)
WHERE "timestamp" >= make_timestamp($from_ns // 1000) AND "timestamp" < make_timestamp($to_ns // 1000);

-- name: alive
-- Whether the database answers.
SELECT count(*) FROM schema_version;
