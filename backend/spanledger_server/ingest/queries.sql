-- name: admitted_series
-- Every series that counts against the limits.
SELECT series_id, name, service FROM metric_series WHERE attributes IS DISTINCT FROM $overflow;

-- name: last_commit
-- The number of the last commit that wrote spans or lines, whether or not these are kept.
SELECT coalesce(greatest(
    (SELECT max(commit_no) FROM spans), (SELECT max(commit_no) FROM ledger), (SELECT max(commit_no) FROM rollup_log)
), 0);

-- name: insert_new_spans
-- Spans of one window that are not there yet; the same span has the same start.
INSERT INTO spans BY NAME
SELECT i.* EXCLUDE (trace_hash), $commit_no AS commit_no FROM incoming AS i
WHERE i.start_ns BETWEEN $from_ns AND $to_ns
  AND NOT EXISTS (
    SELECT 1 FROM spans AS s
    WHERE s.start_ns BETWEEN $from_ns AND $to_ns AND s.trace_id = i.trace_id AND s.span_id = i.span_id);

-- name: insert_new_audio
-- Spans of audio of one window that are not there yet, with what they measured; what cannot be is left out.
INSERT INTO audio_spans
SELECT
    trace_id, span_id, parent_span_id, start_ns, end_ns, service, name, status_code, adjusted_count, user_id, session_id, feature, tenant, user_tier,
    said[1], said[2], said[3], said[4], said[5], said[6],
    list_append(list_transform(try_cast(said[7:] AS DOUBLE[]), lambda value, i:
        CASE WHEN value BETWEEN ($least::DOUBLE[])[i] AND ($greatest::DOUBLE[])[i] THEN value END
    ), greatest(0, (end_ns - start_ns) / 1e9))
FROM (
    SELECT i.*, json_extract_string(attributes, $paths) AS said FROM incoming AS i
    WHERE i.start_ns BETWEEN $from_ns AND $to_ns AND NOT EXISTS (
        SELECT 1 FROM audio_spans AS s
        WHERE s.start_ns BETWEEN $from_ns AND $to_ns AND s.trace_id = i.trace_id AND s.span_id = i.span_id)
)
WHERE list_count(said) > 0;

-- name: index_traces
-- Where to look for the spans and the ledger lines of these traces.
INSERT INTO trace_index
SELECT trace_hash, (min(at_ns) // 60000000000)::INTEGER, (max(at_ns) // 60000000000)::INTEGER, of_lines
FROM incoming_traces GROUP BY trace_hash, of_lines;

-- name: trace_index_sorted
-- From which minute on the index of traces is not sorted.
SELECT coalesce(max(to_minute), 0) FROM trace_index_sorted;

-- name: trace_index_minutes
-- How many rows of the index have their last minute when.
SELECT last_minute, count(*) FROM trace_index WHERE last_minute >= $from_minute AND last_minute < $to_minute GROUP BY ALL ORDER BY ALL;

-- name: sort_trace_index
-- Some rows of the index by hash, one for each trace's spans and one for its lines; but lines that lie where spans of theirs do, and those of
-- traces that keep no span.
CREATE OR REPLACE TEMP TABLE sorted_traces AS
WITH run AS (
    SELECT hash, min(first_minute) AS first_minute, max(last_minute) AS last_minute, of_lines IS TRUE AS of_lines
    FROM trace_index WHERE last_minute >= $from_minute AND last_minute < $to_minute GROUP BY hash, of_lines IS TRUE
),
of_spans AS (FROM trace_index WHERE last_minute >= $spans_from_minute AND of_lines IS NOT TRUE)
FROM run AS r
WHERE NOT of_lines OR (
    hash IN (SELECT hash FROM of_spans)
    AND NOT EXISTS (
        FROM of_spans AS s WHERE s.hash = r.hash AND r.first_minute >= s.first_minute AND r.last_minute <= s.last_minute
    )
)
ORDER BY hash;

-- name: give_up_lines
-- Note up to when lines of traces without spans are no longer in the index: all calls would be many more than the traces that are kept.
INSERT INTO lines_indexed
SELECT (max(last_minute)::BIGINT + 1) * 60000000000 - 1, true
FROM trace_index WHERE last_minute >= $from_minute AND last_minute < $to_minute AND of_lines HAVING count(*) > 0;

-- name: clear_trace_index
-- Take the rows out that are sorted.
DELETE FROM trace_index WHERE last_minute >= $from_minute AND last_minute < $to_minute;

-- name: fill_trace_index
-- Put them back, sorted.
INSERT INTO trace_index FROM sorted_traces;

-- name: trace_index_sorted_to
-- Note up to which minute the index is sorted.
INSERT INTO trace_index_sorted VALUES ($to_minute);

-- name: insert_new_logs
-- Log records of one window that are not there yet.
INSERT INTO logs BY NAME
SELECT i.* FROM incoming AS i
WHERE i.at_ns BETWEEN $from_ns AND $to_ns
  AND NOT EXISTS (SELECT 1 FROM logs AS l WHERE l.at_ns BETWEEN $from_ns AND $to_ns AND l.record_id = i.record_id);

-- name: insert_new_dialogues
-- Dialogues of one window that are not there yet.
INSERT INTO dialogues BY NAME
SELECT i.record_id, i.at_ns, i.service, i.session_id, i.attributes ->> '$."spanledger.dialogue.book_id"' AS book_id, i.user_id,
    i.attributes ->> '$."gen_ai.request.model"' AS model, i.attributes ->> '$."spanledger.dialogue.type"' AS type,
    i.attributes ->> '$."spanledger.feature"' AS feature, i.attributes ->> '$."spanledger.tenant"' AS tenant,
    i.attributes ->> '$."spanledger.user_tier"' AS user_tier,
    try_cast(i.attributes ->> '$."spanledger.dialogue.message_count"' AS BIGINT) AS message_count,
    try_cast(i.attributes ->> '$."spanledger.dialogue.duration_s"' AS DOUBLE) AS duration_s,
    try_cast(i.attributes ->> '$."spanledger.dialogue.rating"' AS DOUBLE) AS rating,
    i.attributes ->> '$."spanledger.dialogue.feedback"' AS feedback
FROM incoming AS i
WHERE i.at_ns BETWEEN $from_ns AND $to_ns
  AND NOT EXISTS (SELECT 1 FROM dialogues AS d WHERE d.at_ns BETWEEN $from_ns AND $to_ns AND d.record_id = i.record_id);

-- name: insert_new_points
-- Metric points of one window that are not there yet.
INSERT INTO metric_points BY NAME
SELECT i.* FROM incoming AS i
WHERE i.at_ns BETWEEN $from_ns AND $to_ns
  AND NOT EXISTS (
    SELECT 1 FROM metric_points AS p
    WHERE p.at_ns BETWEEN $from_ns AND $to_ns AND p.series_id = i.series_id AND p.at_ns = i.at_ns);

-- name: insert_series
-- Series that were not known to this process.
INSERT OR IGNORE INTO metric_series BY NAME SELECT * FROM incoming_series;

-- name: insert_resources
-- Resources that were not known to this process.
INSERT OR IGNORE INTO resources SELECT unnest($ids::UBIGINT[]), unnest($attributes::VARCHAR[]);

-- name: insert_loss
-- What was refused.
INSERT INTO loss SELECT $at_ns, unnest($services::VARCHAR[]), unnest($signals::VARCHAR[]), unnest($reasons::VARCHAR[]), unnest($records::BIGINT[]);

-- name: standing_lines
-- Ledger lines of the traces that arrive, near the times of the lines that arrive.
SELECT l.trace_id::BLOB, l.span_id, l.source, l.at_ns, l.response_id FROM ledger AS l
WHERE l.at_ns BETWEEN $from_ns AND $to_ns AND l.trace_id IN (SELECT trace_id FROM incoming_lines);

-- name: known_links
-- What is known of lines that gave way in the traces that arrive.
SELECT k.trace_id::BLOB, k.span_id, k.response_id, k.at_ns FROM ledger_links AS k
WHERE k.at_ns BETWEEN $from_ns AND $to_ns AND k.trace_id IN (SELECT trace_id FROM incoming_lines);

-- name: any_links
-- Whether any line ever gave way to one with another span.
SELECT count(*) > 0 FROM ledger_links;

-- name: insert_lines
-- Lines that stand for their call.
INSERT INTO ledger BY NAME SELECT *, $commit_no AS commit_no FROM incoming_lines;

-- name: insert_decided_lines
-- Those lines that were decided to stand for their call.
INSERT INTO ledger BY NAME SELECT *, $commit_no AS commit_no FROM decided_lines;

-- name: beaten_lines
-- What gives way, added up.
SELECT l.provider, l.model, l.state, count(*), sum(l.cost_usd)
FROM ledger AS l JOIN beaten AS b ON l.at_ns = b.at_ns AND l.trace_id = b.trace_id AND l.span_id = b.span_id GROUP BY ALL;

-- name: delete_beaten_lines
-- Lines that give way to another line of the same call.
DELETE FROM ledger AS l USING beaten AS b WHERE l.at_ns = b.at_ns AND l.trace_id = b.trace_id AND l.span_id = b.span_id;

-- name: insert_links
-- Remember lines that gave way.
INSERT INTO ledger_links BY NAME SELECT * FROM beaten_links;

-- name: oldest
-- The time of the oldest row of everything that expires.
SELECT subject, oldest_ns FROM (
    SELECT 'spans' AS subject, min(end_ns) AS oldest_ns FROM spans
    UNION ALL SELECT 'logs', min(at_ns) FROM logs
    UNION ALL SELECT 'metric_points', min(at_ns) FROM metric_points
    UNION ALL SELECT 'trace_index', min(last_minute)::BIGINT * 60000000000 FROM trace_index
    UNION ALL SELECT 'cost_1m', min(bucket) * 60000000000 FROM cost_1m
    UNION ALL SELECT 'span_1m', min(bucket) * 60000000000 FROM span_1m
    UNION ALL SELECT 'metric_1m', min(bucket) * 60000000000 FROM metric_1m
    UNION ALL SELECT 'cost_1h', min(bucket) * 3600000000000 FROM cost_1h
    UNION ALL SELECT 'span_1h', min(bucket) * 3600000000000 FROM span_1h
    UNION ALL SELECT 'metric_1h', min(bucket) * 3600000000000 FROM metric_1h
    UNION ALL SELECT 'cost_1d', min(bucket) * 86400000000000 FROM cost_1d
    UNION ALL SELECT 'span_1d', min(bucket) * 86400000000000 FROM span_1d
    UNION ALL SELECT 'metric_1d', min(bucket) * 86400000000000 FROM metric_1d
    UNION ALL SELECT 'told_1m', min(bucket) * 60000000000 FROM told_1m
    UNION ALL SELECT 'told_1h', min(bucket) * 3600000000000 FROM told_1h
    UNION ALL SELECT 'told_1d', min(bucket) * 86400000000000 FROM told_1d
    UNION ALL SELECT 'audio_spans', min(start_ns) FROM audio_spans
    UNION ALL SELECT 'audio_1h', min(bucket) * 3600000000000 FROM audio_1h
    UNION ALL SELECT 'audio_1d', min(bucket) * 86400000000000 FROM audio_1d
    UNION ALL SELECT 'user_1d', min(bucket)::BIGINT * 86400000000000 FROM user_1d
    UNION ALL SELECT 'dialogues', min(at_ns) FROM dialogues
    UNION ALL SELECT 'ledger', min(at_ns) FROM ledger
    UNION ALL SELECT 'ledger_links', min(at_ns) FROM ledger_links
    UNION ALL SELECT 'ledger_corrections', min(at_ns) FROM ledger_corrections
    UNION ALL SELECT 'loss', min(at_ns) FROM loss)
WHERE $subject IS NULL OR subject = $subject;

-- name: waiting_marks
-- Whether a rollup that is made of what would be deleted still waits to be recomputed.
SELECT count(*) > 0 FROM dirty_buckets WHERE family = $family AND level = $level AND bucket < $before;

-- name: keep_from
-- Note that nothing before this time is kept; never goes back.
INSERT INTO kept_from VALUES ($subject, $from_ns) ON CONFLICT (subject) DO UPDATE SET from_ns = greatest(from_ns, excluded.from_ns);

-- name: delete_spans
-- Spans that ended before.
DELETE FROM spans WHERE end_ns < $before_ns;

-- name: delete_audio_spans
-- Spans of audio that began before.
DELETE FROM audio_spans WHERE start_ns < $before_ns;

-- name: delete_logs
-- Log records from before.
DELETE FROM logs WHERE at_ns < $before_ns;

-- name: delete_metric_points
-- Metric points from before.
DELETE FROM metric_points WHERE at_ns < $before_ns;

-- name: delete_trace_index
-- Where to look for traces that are gone.
DELETE FROM trace_index WHERE last_minute < $before_ns // 60000000000;

-- name: delete_ledger
-- Ledger lines from before.
DELETE FROM ledger WHERE at_ns < $before_ns;

-- name: delete_ledger_links
-- Links between ledger lines from before.
DELETE FROM ledger_links WHERE at_ns < $before_ns;

-- name: delete_ledger_corrections
-- Corrections of ledger lines from before.
DELETE FROM ledger_corrections WHERE at_ns < $before_ns;

-- name: delete_loss
-- Counts of refusals from before.
DELETE FROM loss WHERE at_ns < $before_ns;

-- name: delete_orphaned_series
-- Series that nothing refers to any more.
DELETE FROM metric_series WHERE series_id NOT IN (
    SELECT series_id FROM metric_points UNION SELECT series_id FROM metric_1m UNION SELECT series_id FROM metric_1h
    UNION SELECT series_id FROM metric_1d);

-- name: delete_orphaned_resources
-- Resources that nothing refers to any more.
DELETE FROM resources WHERE resource_id NOT IN (
    SELECT resource_id FROM spans WHERE resource_id IS NOT NULL
    UNION SELECT resource_id FROM logs WHERE resource_id IS NOT NULL
    UNION SELECT resource_id FROM metric_series WHERE resource_id IS NOT NULL);

-- name: used_bytes
-- Bytes of the file that hold rows; the rest of the file is free for new ones.
SELECT used_blocks * block_size FROM pragma_database_size() WHERE database_name = current_database();

-- name: delete_cost_1m
-- Buckets from before.
DELETE FROM cost_1m WHERE bucket < $before_ns // 60000000000;

-- name: delete_cost_1h
-- Buckets from before.
DELETE FROM cost_1h WHERE bucket < $before_ns // 3600000000000;

-- name: delete_cost_1d
-- Buckets from before.
DELETE FROM cost_1d WHERE bucket < $before_ns // 86400000000000;

-- name: delete_span_1m
-- Buckets from before.
DELETE FROM span_1m WHERE bucket < $before_ns // 60000000000;

-- name: delete_span_1h
-- Buckets from before.
DELETE FROM span_1h WHERE bucket < $before_ns // 3600000000000;

-- name: delete_span_1d
-- Buckets from before.
DELETE FROM span_1d WHERE bucket < $before_ns // 86400000000000;

-- name: delete_metric_1m
-- Buckets from before.
DELETE FROM metric_1m WHERE bucket < $before_ns // 60000000000;

-- name: delete_metric_1h
-- Buckets from before.
DELETE FROM metric_1h WHERE bucket < $before_ns // 3600000000000;

-- name: delete_metric_1d
-- Buckets from before.
DELETE FROM metric_1d WHERE bucket < $before_ns // 86400000000000;

-- name: delete_told_1m
-- Buckets from before.
DELETE FROM told_1m WHERE bucket < $before_ns // 60000000000;

-- name: delete_audio_1h
-- Hours from before.
DELETE FROM audio_1h WHERE bucket < $before_ns // 3600000000000;

-- name: delete_audio_1d
-- Days from before.
DELETE FROM audio_1d WHERE bucket < $before_ns // 86400000000000;

-- name: delete_told_1h
-- Buckets from before.
DELETE FROM told_1h WHERE bucket < $before_ns // 3600000000000;

-- name: delete_told_1d
-- Buckets from before.
DELETE FROM told_1d WHERE bucket < $before_ns // 86400000000000;

-- name: delete_user_1d
-- Days from before.
DELETE FROM user_1d WHERE bucket < $before_ns // 86400000000000;

-- name: delete_dialogues
-- Dialogues that ended before.
DELETE FROM dialogues WHERE at_ns < $before_ns;
