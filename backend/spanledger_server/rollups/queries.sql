-- name: mark_dirty
-- Ask for buckets to be recomputed.
INSERT INTO dirty_buckets (family, level, bucket, added) SELECT $family, $level, unnest($buckets::BIGINT[]), $added;

-- name: dirty
-- The marked buckets of a family and level.
SELECT DISTINCT bucket FROM dirty_buckets WHERE family = $family AND level = $level AND bucket < $before ORDER BY bucket;

-- name: all_dirty
-- The marked buckets of a level, by family.
SELECT family, list(DISTINCT bucket ORDER BY bucket) FROM dirty_buckets WHERE level = $level AND bucket < $before GROUP BY family;

-- name: take_dirty
-- Tell the marks that a recomputation begins with from those that are set while it runs.
UPDATE dirty_buckets SET taken = true WHERE family = $family AND level = $level AND list_contains($buckets::BIGINT[], bucket);

-- name: consume_dirty
-- Remove the marks that a recomputation began with.
DELETE FROM dirty_buckets WHERE family = $family AND level = $level AND taken AND list_contains($buckets::BIGINT[], bucket);

-- name: log_recomputed
-- Note that these buckets are others now.
INSERT INTO rollup_log (family, level, bucket) SELECT $family, $level, unnest($buckets::BIGINT[]);

-- name: log_recomputed_costs
-- The same of minutes of calls, and what they hold.
INSERT INTO rollup_log (family, level, bucket, commit_no, last_ns)
SELECT 'cost', '1m', bucket, max(commit_no), max(at_ns)
FROM (SELECT unnest($buckets::BIGINT[]) AS bucket)
LEFT JOIN (SELECT at_ns // 60000000000 AS bucket, commit_no, at_ns FROM ledger WHERE at_ns >= $from_ns AND at_ns < $to_ns) USING (bucket)
GROUP BY bucket;

-- name: log_recomputed_spans
-- The same of minutes of spans, and what they hold.
INSERT INTO rollup_log (family, level, bucket, commit_no, last_ns)
SELECT 'span', '1m', bucket, max(commit_no), max(end_ns)
FROM (SELECT unnest($buckets::BIGINT[]) AS bucket)
LEFT JOIN (SELECT end_ns // 60000000000 AS bucket, commit_no, end_ns FROM spans WHERE end_ns >= $from_ns AND end_ns < $to_ns) USING (bucket)
GROUP BY bucket;

-- name: forget_recomputed
-- Keep the last of these notes.
DELETE FROM rollup_log WHERE change < (SELECT max(change) FROM rollup_log) - $most;

-- name: kept_from
-- Before which time something was deleted.
SELECT subject, from_ns FROM kept_from;

-- name: noted
-- The buckets of the rollups that were recomputed, from a change on; without a change those that wait for it; and without a level since
-- when tables are kept of which something was deleted. One statement, because each takes longer to plan than to run.
SELECT change, family, level, [bucket], commit_no, last_ns FROM rollup_log WHERE change >= $since
UNION ALL
SELECT NULL, family, level, list(bucket), added::BIGINT, NULL FROM dirty_buckets GROUP BY family, level, added
UNION ALL
SELECT NULL, subject, NULL, [from_ns], NULL, NULL FROM kept_from;

-- name: cost_from_ledger
-- Whole buckets of the cost family from the ledger itself.
CREATE OR REPLACE TEMP TABLE computed AS
WITH by_code AS (
    SELECT at_ns // $width_ns AS bucket, service, kind, operation, provider, model, feature, tenant, user_tier,
        value_code(duration_ns) AS code, count(*) AS calls, count(duration_ns) AS timed, count(error_type) AS errors,
        count(*) FILTER (state = 'priced') AS priced_calls, count(*) FILTER (state = 'unpriced') AS unpriced_calls,
        count(*) FILTER (state = 'estimated') AS estimated_calls, count(*) FILTER (state = 'free') AS free_calls,
        sum(cost_usd) AS cost_usd, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
        sum(cached_input_tokens) AS cached_input_tokens, sum(cache_write_tokens) AS cache_write_tokens,
        sum(reasoning_tokens) AS reasoning_tokens, sum(audio_seconds) AS audio_seconds, sum(characters) AS characters,
        sum(duration_ns) AS duration_sum_ns, min(duration_ns) AS duration_min_ns, max(duration_ns) AS duration_max_ns
    FROM ledger
    WHERE at_ns >= $from_ns AND at_ns < $to_ns
    GROUP BY ALL)
SELECT bucket, service, kind, operation, provider, model, feature, tenant, user_tier,
    sum(calls)::BIGINT AS calls, sum(errors)::BIGINT AS errors, sum(priced_calls)::BIGINT AS priced_calls,
    sum(unpriced_calls)::BIGINT AS unpriced_calls, sum(estimated_calls)::BIGINT AS estimated_calls, sum(free_calls)::BIGINT AS free_calls,
    sum(cost_usd) AS cost_usd, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
    sum(cached_input_tokens) AS cached_input_tokens, sum(cache_write_tokens) AS cache_write_tokens,
    sum(reasoning_tokens) AS reasoning_tokens, sum(audio_seconds) AS audio_seconds, sum(characters) AS characters,
    sum(duration_sum_ns) AS duration_sum_ns, min(duration_min_ns) AS duration_min_ns, max(duration_max_ns) AS duration_max_ns,
    list(code ORDER BY code) FILTER (code IS NOT NULL) AS duration_index,
    list(timed ORDER BY code) FILTER (code IS NOT NULL) AS duration_count
FROM by_code GROUP BY ALL;

-- name: cost_from_finer
-- Whole buckets of the cost family from the next finer level.
CREATE OR REPLACE TEMP TABLE computed AS
WITH parts AS (
    SELECT * EXCLUDE (bucket, duration_index, duration_count), bucket // $factor AS bucket, NULL::INTEGER AS code FROM finer
    UNION ALL BY NAME
    SELECT bucket // $factor AS bucket, service, kind, operation, provider, model, feature, tenant, user_tier,
        unnest(duration_index) AS code, unnest(duration_count) AS timed FROM finer),
by_code AS (
    SELECT bucket, service, kind, operation, provider, model, feature, tenant, user_tier, code, sum(timed)::BIGINT AS timed,
        sum(COLUMNS(* EXCLUDE (bucket, service, kind, operation, provider, model, feature, tenant, user_tier, code, timed,
                               duration_min_ns, duration_max_ns))),
        min(duration_min_ns) AS duration_min_ns, max(duration_max_ns) AS duration_max_ns
    FROM parts GROUP BY bucket, service, kind, operation, provider, model, feature, tenant, user_tier, code)
SELECT bucket, service, kind, operation, provider, model, feature, tenant, user_tier,
    sum(calls)::BIGINT AS calls, sum(errors)::BIGINT AS errors, sum(priced_calls)::BIGINT AS priced_calls,
    sum(unpriced_calls)::BIGINT AS unpriced_calls, sum(estimated_calls)::BIGINT AS estimated_calls, sum(free_calls)::BIGINT AS free_calls,
    sum(cost_usd) AS cost_usd, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
    sum(cached_input_tokens) AS cached_input_tokens, sum(cache_write_tokens) AS cache_write_tokens,
    sum(reasoning_tokens) AS reasoning_tokens, sum(audio_seconds) AS audio_seconds, sum(characters) AS characters,
    sum(duration_sum_ns) AS duration_sum_ns, min(duration_min_ns) AS duration_min_ns, max(duration_max_ns) AS duration_max_ns,
    list(code ORDER BY code) FILTER (code IS NOT NULL) AS duration_index,
    list(timed ORDER BY code) FILTER (code IS NOT NULL) AS duration_count
FROM by_code GROUP BY ALL;

-- name: span_from_spans
-- Whole buckets of the span family from the spans themselves; a span lies in the bucket in which it ended. A sampled trace
-- goes, by its hash, into one slot of the spread with one sign: what was sampled together adds up, the rest cancels out.
CREATE OR REPLACE TEMP TABLE computed AS
WITH weighed AS NOT MATERIALIZED (
    SELECT end_ns // $width_ns AS bucket, service, name, kind, status_code, route, model, try_cast(http_status // 100 AS UTINYINT) AS http_class,
        enters(parent_span_id, flags, kind) AS entry,
        end_ns - start_ns AS duration_ns, adjusted_count AS weight, hash(trace_id) AS chance
    FROM spans
    WHERE end_ns >= $from_ns AND end_ns < $to_ns),
parts AS (
    SELECT bucket, service, name, kind, status_code, route, model, http_class, entry,
        value_code(duration_ns) AS code, NULL::UTINYINT AS slot, count(*) AS spans, sum(weight) AS weight,
        count(*) - count(weight) AS uncounted, sum(duration_ns) AS duration_sum_ns, min(duration_ns) AS duration_min_ns,
        max(duration_ns) AS duration_max_ns, NULL::DOUBLE AS spread
    FROM weighed GROUP BY ALL
    UNION ALL BY NAME
    SELECT bucket, service, name, kind, status_code, route, model, http_class, entry,
        (chance & 63)::UTINYINT AS slot,
        sum(CASE WHEN chance & 64 = 0 THEN 1 ELSE -1 END * sqrt(weight * (weight - 1))) AS spread
    FROM weighed WHERE weight > 1 GROUP BY ALL)
SELECT bucket, service, name, kind, status_code, route, model, http_class, entry,
    sum(spans)::BIGINT AS spans, sum(weight) AS adjusted_spans, sum(uncounted)::BIGINT AS uncounted_spans,
    sum(duration_sum_ns) AS duration_sum_ns, min(duration_min_ns) AS duration_min_ns, max(duration_max_ns) AS duration_max_ns,
    list(code ORDER BY code) FILTER (code IS NOT NULL) AS duration_index,
    list(spans ORDER BY code) FILTER (code IS NOT NULL) AS duration_count,
    list(coalesce(weight, 0) ORDER BY code) FILTER (code IS NOT NULL) AS duration_weight,
    list(slot ORDER BY slot) FILTER (slot IS NOT NULL) AS spread_slot,
    list(spread::FLOAT ORDER BY slot) FILTER (slot IS NOT NULL) AS spread_sum
FROM parts GROUP BY ALL;

-- name: span_from_finer
-- Whole buckets of the span family from the next finer level.
CREATE OR REPLACE TEMP TABLE computed AS
WITH parts AS (
    SELECT * EXCLUDE (bucket, duration_index, duration_count, duration_weight, spread_slot, spread_sum),
        bucket // $factor AS bucket, NULL::INTEGER AS code, NULL::UTINYINT AS slot
    FROM finer
    UNION ALL BY NAME
    SELECT bucket // $factor AS bucket, service, name, kind, status_code, route, model, http_class, entry,
        unnest(duration_index) AS code, unnest(duration_count) AS timed, unnest(duration_weight) AS weight FROM finer
    UNION ALL BY NAME
    SELECT bucket // $factor AS bucket, service, name, kind, status_code, route, model, http_class, entry,
        unnest(spread_slot) AS slot, unnest(spread_sum) AS spread FROM finer),
added AS (
    SELECT bucket, service, name, kind, status_code, route, model, http_class, entry, code, slot, sum(timed)::BIGINT AS timed,
        sum(weight) AS weight, sum(spread) AS spread, sum(spans) AS spans, sum(adjusted_spans) AS adjusted_spans,
        sum(uncounted_spans) AS uncounted_spans, sum(duration_sum_ns) AS duration_sum_ns,
        min(duration_min_ns) AS duration_min_ns, max(duration_max_ns) AS duration_max_ns
    FROM parts GROUP BY ALL)
SELECT bucket, service, name, kind, status_code, route, model, http_class, entry,
    sum(spans)::BIGINT AS spans, sum(adjusted_spans) AS adjusted_spans, sum(uncounted_spans)::BIGINT AS uncounted_spans,
    sum(duration_sum_ns) AS duration_sum_ns, min(duration_min_ns) AS duration_min_ns, max(duration_max_ns) AS duration_max_ns,
    list(code ORDER BY code) FILTER (code IS NOT NULL) AS duration_index,
    list(timed ORDER BY code) FILTER (code IS NOT NULL) AS duration_count,
    list(weight ORDER BY code) FILTER (code IS NOT NULL) AS duration_weight,
    list(slot ORDER BY slot) FILTER (slot IS NOT NULL) AS spread_slot,
    list(spread::FLOAT ORDER BY slot) FILTER (slot IS NOT NULL) AS spread_sum
FROM added GROUP BY ALL;

-- name: told_from_logs
-- Whole buckets of the told family from the log records of tracking calls.
CREATE OR REPLACE TEMP TABLE computed AS
WITH by_code AS (
    SELECT at_ns // $width_ns AS bucket, event, service, subject, outcome, feature, tenant, user_tier, value_code(duration_ns) AS code, count(*) AS events,
        count(duration_ns) AS timed, sum(saved_cost) AS saved_cost, count(saved_cost) AS saved_cost_told, sum(saved_tokens) AS saved_tokens,
        count(saved_tokens) AS saved_tokens_told, sum(duration_ns) AS duration_sum_ns
    FROM told($from_ns, $to_ns) GROUP BY ALL)
SELECT bucket, event, service, subject, outcome, feature, tenant, user_tier, sum(events)::BIGINT AS events, sum(saved_cost) AS saved_cost,
    sum(saved_cost_told)::BIGINT AS saved_cost_told, sum(saved_tokens) AS saved_tokens, sum(saved_tokens_told)::BIGINT AS saved_tokens_told,
    sum(duration_sum_ns) AS duration_sum_ns, list(code ORDER BY code) FILTER (code IS NOT NULL) AS duration_index,
    list(timed ORDER BY code) FILTER (code IS NOT NULL) AS duration_count
FROM by_code GROUP BY ALL;

-- name: told_from_finer
-- Whole buckets of the told family from the next finer level.
CREATE OR REPLACE TEMP TABLE computed AS
WITH parts AS (
    SELECT * EXCLUDE (bucket, duration_index, duration_count), bucket // $factor AS bucket, NULL::INTEGER AS code FROM finer
    UNION ALL BY NAME
    SELECT bucket // $factor AS bucket, event, service, subject, outcome, feature, tenant, user_tier, unnest(duration_index) AS code,
        unnest(duration_count) AS timed FROM finer),
by_code AS (
    SELECT bucket, event, service, subject, outcome, feature, tenant, user_tier, code, sum(events) AS events, sum(timed)::BIGINT AS timed,
        sum(saved_cost) AS saved_cost, sum(saved_cost_told) AS saved_cost_told, sum(saved_tokens) AS saved_tokens,
        sum(saved_tokens_told) AS saved_tokens_told, sum(duration_sum_ns) AS duration_sum_ns
    FROM parts GROUP BY ALL)
SELECT bucket, event, service, subject, outcome, feature, tenant, user_tier, sum(events)::BIGINT AS events, sum(saved_cost) AS saved_cost,
    sum(saved_cost_told)::BIGINT AS saved_cost_told, sum(saved_tokens) AS saved_tokens, sum(saved_tokens_told)::BIGINT AS saved_tokens_told,
    sum(duration_sum_ns) AS duration_sum_ns, list(code ORDER BY code) FILTER (code IS NOT NULL) AS duration_index,
    list(timed ORDER BY code) FILTER (code IS NOT NULL) AS duration_count
FROM by_code GROUP BY ALL;

-- name: audio_from_spans
-- Whole buckets of the audio family from the spans of audio; a span lies in the bucket in which it began.
CREATE OR REPLACE TEMP TABLE computed AS
WITH audio_chosen AS NOT MATERIALIZED (FROM audio_spans WHERE start_ns >= $from_ns AND start_ns < $to_ns),
-- include: audio_clips
audio_keyed AS NOT MATERIALIZED (
    SELECT
        {
            'bucket': start_ns // $width_ns,
            'quarter': CASE WHEN $width_ns = 3600000000000 THEN start_ns // 900000000000 % 4 ELSE 0 END::UTINYINT,
            'service': service, 'name': name, 'status_code': status_code, 'stage': stage, 'format': format, 'source': source,
            'feature': feature, 'tenant': tenant, 'user_tier': user_tier, 'clip': clip
        } AS key, *
    FROM audio_marked
),
-- include: audio_numbered
audio_placed AS MATERIALIZED (
    SELECT cell, trace_id, weight, uncounted, stage IS NULL AS pipeline, v, features_skipped, quality_skipped
    FROM audio_keyed JOIN audio_cells USING (key)
),
-- include: audio_parts
,
audio_pieces AS NOT MATERIALIZED (FROM audio_parts)
-- include: audio_folded
;

-- name: audio_from_finer
-- Whole buckets of the audio family from the next finer level.
CREATE OR REPLACE TEMP TABLE computed AS
WITH audio_keyed AS NOT MATERIALIZED (
    SELECT
        {
            'bucket': bucket // $factor, 'quarter': 0::UTINYINT, 'service': service, 'name': name, 'status_code': status_code, 'stage': stage,
            'format': format, 'source': source, 'feature': feature, 'tenant': tenant, 'user_tier': user_tier, 'clip': clip
        } AS key, *
    FROM finer
),
-- include: audio_numbered
audio_rolled AS NOT MATERIALIZED (
    SELECT k.* EXCLUDE (bucket, quarter, service, name, status_code, stage, format, source, feature, tenant, user_tier, clip, key), cell FROM audio_keyed AS k JOIN audio_cells USING (key)
),
-- include: audio_unfolded
,
audio_pieces AS NOT MATERIALIZED (FROM audio_unfolded)
-- include: audio_folded
;

-- name: metric_from_points
-- Whole buckets of the metric family from the points: gauges as they are, everything that accumulates as increments since the point before.
CREATE OR REPLACE TEMP TABLE computed AS
WITH points AS (
    SELECT p.*, s.kind,
        s.kind = 'summary' OR coalesce(s.temporality = 'cumulative' AND (s.kind <> 'sum' OR s.monotonic), false) AS accumulates
    FROM metric_points AS p JOIN metric_series AS s USING (series_id)
    WHERE p.at_ns >= $from_ns AND p.at_ns < $to_ns AND (isfinite(p.value) OR p.count IS NOT NULL)),
recent AS (
    SELECT p.* FROM metric_points AS p
    WHERE p.at_ns >= $from_ns - $lookback_ns AND p.at_ns < $from_ns AND (isfinite(p.value) OR p.count IS NOT NULL)
      AND p.series_id IN (SELECT series_id FROM points WHERE accumulates)),
long_ago AS (
    SELECT arg_max(p, p.at_ns) AS p FROM metric_points AS p
    WHERE p.at_ns < $from_ns - $lookback_ns AND (isfinite(p.value) OR p.count IS NOT NULL)
      AND p.series_id IN (
        SELECT series_id FROM points WHERE accumulates AND start_ns < $from_ns - $lookback_ns
          AND series_id NOT IN (SELECT series_id FROM recent))
    GROUP BY p.series_id),
context AS (
    SELECT * EXCLUDE (kind, accumulates) FROM points WHERE accumulates
    UNION ALL BY NAME SELECT * FROM recent
    UNION ALL BY NAME SELECT unnest(p) FROM long_ago),
steps AS (
    SELECT c AS now, lag(c) OVER (PARTITION BY c.series_id ORDER BY c.at_ns) AS before FROM context AS c),
told AS (
    SELECT now, before, s.kind,
        before IS NULL OR now.start_ns > before.start_ns OR now.count < before.count
          OR (s.kind = 'sum' AND now.value < before.value) AS afresh,
        before IS NULL AND (now.start_ns IS NULL OR now.start_ns <= 0 OR now.at_ns - now.start_ns > $first_point_ns) AS unknown
    FROM steps JOIN metric_series AS s ON s.series_id = now.series_id
    WHERE now.at_ns >= $from_ns),
increments AS (
    SELECT now.series_id AS series_id, now.at_ns AS at_ns, kind,
        CASE WHEN unknown THEN NULL WHEN afresh THEN now.value ELSE now.value - before.value END AS value,
        CASE WHEN unknown THEN NULL WHEN afresh THEN now.count ELSE now.count - before.count END AS count,
        NULL::DOUBLE AS min, NULL::DOUBLE AS max,
        CASE WHEN unknown THEN NULL ELSE point_codes(now.scale, now.zero_count, now.bounds, now.bucket_index, now.bucket_count) END AS plus,
        CASE WHEN afresh THEN NULL
             ELSE point_codes(before.scale, before.zero_count, before.bounds, before.bucket_index, before.bucket_count) END AS minus
    FROM told
    UNION ALL BY NAME
    SELECT series_id, at_ns, kind, CASE WHEN isfinite(value) THEN value END AS value, count, min, max,
        CASE WHEN kind = 'sum' THEN NULL
             WHEN kind = 'gauge' THEN [{'code': value_code(value), 'n': 1::BIGINT}]
             ELSE point_codes(scale, zero_count, bounds, bucket_index, bucket_count) END AS plus
    FROM points WHERE NOT accumulates),
wanted AS (
    SELECT *, at_ns // $width_ns AS bucket FROM increments),
codes AS (
    SELECT bucket, series_id, unnest(plus) AS part, 1 AS sign FROM wanted
    UNION ALL
    SELECT bucket, series_id, unnest(minus) AS part, -1 AS sign FROM wanted),
parts AS (
    SELECT bucket, series_id, NULL::INTEGER AS code, NULL::BIGINT AS n, count(*) AS points, sum(value) AS sum,
        min(CASE WHEN kind IN ('gauge', 'sum') THEN value ELSE min END) AS min,
        max(CASE WHEN kind IN ('gauge', 'sum') THEN value ELSE max END) AS max,
        arg_max(value, at_ns) AS last, sum(CASE kind WHEN 'gauge' THEN 1 WHEN 'sum' THEN NULL ELSE count END)::BIGINT AS count
    FROM wanted GROUP BY bucket, series_id
    UNION ALL BY NAME
    SELECT bucket, series_id, part.code AS code, sum(sign * part.n)::BIGINT AS n FROM codes GROUP BY ALL)
SELECT bucket, series_id, sum(points)::BIGINT AS points, sum(sum) AS sum, min(min) AS min, max(max) AS max, max(last) AS last,
    sum(count)::BIGINT AS count,
    list(code ORDER BY code) FILTER (n > 0) AS value_index, list(n ORDER BY code) FILTER (n > 0) AS value_count
FROM parts GROUP BY bucket, series_id;

-- name: metric_from_finer
-- Whole buckets of the metric family from the next finer level.
CREATE OR REPLACE TEMP TABLE computed AS
WITH parts AS (
    SELECT bucket // $factor AS bucket, series_id, NULL::INTEGER AS code, sum(points) AS points, sum(sum) AS sum, min(min) AS min,
        max(max) AS max, arg_max(last, bucket) AS last, sum(count) AS count
    FROM finer GROUP BY ALL
    UNION ALL BY NAME
    SELECT bucket, series_id, code, sum(n) AS n
    FROM (SELECT bucket // $factor AS bucket, series_id, unnest(value_index) AS code, unnest(value_count) AS n FROM finer) GROUP BY ALL)
SELECT bucket, series_id, sum(points)::BIGINT AS points, sum(sum) AS sum, min(min) AS min, max(max) AS max, max(last) AS last,
    sum(count)::BIGINT AS count,
    list(code ORDER BY code) FILTER (code IS NOT NULL) AS value_index,
    list(n::BIGINT ORDER BY code) FILTER (code IS NOT NULL) AS value_count
FROM parts GROUP BY bucket, series_id;

-- name: minutes_after
-- Minutes with the next point of each accumulating series of these buckets: their increments begin at points that may be new.
SELECT DISTINCT next_ns // $width_ns FROM (
    SELECT min(p.at_ns) AS next_ns FROM metric_points AS p
    WHERE p.at_ns >= $to_ns AND p.at_ns < $to_ns + $lookback_ns
      AND p.series_id IN (
        SELECT h.series_id FROM metric_points AS h JOIN metric_series AS s USING (series_id)
        WHERE h.at_ns >= $from_ns AND h.at_ns < $to_ns AND (s.temporality = 'cumulative' OR s.kind = 'summary'))
    GROUP BY p.series_id);

-- name: slice_cost_1m
-- The rows of some finer buckets.
CREATE OR REPLACE TEMP TABLE finer AS SELECT * FROM cost_1m WHERE bucket >= $from AND bucket < $to;

-- name: slice_cost_1h
-- The rows of some finer buckets.
CREATE OR REPLACE TEMP TABLE finer AS SELECT * FROM cost_1h WHERE bucket >= $from AND bucket < $to;

-- name: clear_cost_1m
-- Make room for recomputed buckets.
DELETE FROM cost_1m WHERE bucket >= $from AND bucket < $to;

-- name: fill_cost_1m
-- Put recomputed buckets in place.
INSERT INTO cost_1m BY NAME SELECT * FROM computed;

-- name: clear_cost_1h
-- Make room for recomputed buckets.
DELETE FROM cost_1h WHERE bucket >= $from AND bucket < $to;

-- name: fill_cost_1h
-- Put recomputed buckets in place.
INSERT INTO cost_1h BY NAME SELECT * FROM computed;

-- name: clear_cost_1d
-- Make room for recomputed buckets.
DELETE FROM cost_1d WHERE bucket >= $from AND bucket < $to;

-- name: fill_cost_1d
-- Put recomputed buckets in place.
INSERT INTO cost_1d BY NAME SELECT * FROM computed;

-- name: slice_span_1m
-- The rows of some finer buckets.
CREATE OR REPLACE TEMP TABLE finer AS SELECT * FROM span_1m WHERE bucket >= $from AND bucket < $to;

-- name: slice_span_1h
-- The rows of some finer buckets.
CREATE OR REPLACE TEMP TABLE finer AS SELECT * FROM span_1h WHERE bucket >= $from AND bucket < $to;

-- name: clear_span_1m
-- Make room for recomputed buckets.
DELETE FROM span_1m WHERE bucket >= $from AND bucket < $to;

-- name: fill_span_1m
-- Put recomputed buckets in place.
INSERT INTO span_1m BY NAME SELECT * FROM computed;

-- name: clear_span_1h
-- Make room for recomputed buckets.
DELETE FROM span_1h WHERE bucket >= $from AND bucket < $to;

-- name: fill_span_1h
-- Put recomputed buckets in place.
INSERT INTO span_1h BY NAME SELECT * FROM computed;

-- name: clear_span_1d
-- Make room for recomputed buckets.
DELETE FROM span_1d WHERE bucket >= $from AND bucket < $to;

-- name: fill_span_1d
-- Put recomputed buckets in place.
INSERT INTO span_1d BY NAME SELECT * FROM computed;

-- name: slice_metric_1m
-- The rows of some finer buckets.
CREATE OR REPLACE TEMP TABLE finer AS SELECT * FROM metric_1m WHERE bucket >= $from AND bucket < $to;

-- name: slice_metric_1h
-- The rows of some finer buckets.
CREATE OR REPLACE TEMP TABLE finer AS SELECT * FROM metric_1h WHERE bucket >= $from AND bucket < $to;

-- name: clear_metric_1m
-- Make room for recomputed buckets.
DELETE FROM metric_1m WHERE bucket >= $from AND bucket < $to;

-- name: fill_metric_1m
-- Put recomputed buckets in place.
INSERT INTO metric_1m BY NAME SELECT * FROM computed;

-- name: clear_metric_1h
-- Make room for recomputed buckets.
DELETE FROM metric_1h WHERE bucket >= $from AND bucket < $to;

-- name: fill_metric_1h
-- Put recomputed buckets in place.
INSERT INTO metric_1h BY NAME SELECT * FROM computed;

-- name: clear_metric_1d
-- Make room for recomputed buckets.
DELETE FROM metric_1d WHERE bucket >= $from AND bucket < $to;

-- name: fill_metric_1d
-- Put recomputed buckets in place.
INSERT INTO metric_1d BY NAME SELECT * FROM computed;

-- name: slice_told_1m
-- The rows of some finer buckets.
CREATE OR REPLACE TEMP TABLE finer AS SELECT * FROM told_1m WHERE bucket >= $from AND bucket < $to;

-- name: slice_told_1h
-- The rows of some finer buckets.
CREATE OR REPLACE TEMP TABLE finer AS SELECT * FROM told_1h WHERE bucket >= $from AND bucket < $to;

-- name: clear_told_1m
-- Make room for recomputed buckets.
DELETE FROM told_1m WHERE bucket >= $from AND bucket < $to;

-- name: fill_told_1m
-- Put recomputed buckets in place.
INSERT INTO told_1m BY NAME SELECT * FROM computed;

-- name: clear_told_1h
-- Make room for recomputed buckets.
DELETE FROM told_1h WHERE bucket >= $from AND bucket < $to;

-- name: fill_told_1h
-- Put recomputed buckets in place.
INSERT INTO told_1h BY NAME SELECT * FROM computed;

-- name: clear_told_1d
-- Make room for recomputed buckets.
DELETE FROM told_1d WHERE bucket >= $from AND bucket < $to;

-- name: fill_told_1d
-- Put recomputed buckets in place.
INSERT INTO told_1d BY NAME SELECT * FROM computed;

-- name: slice_audio_1h
-- The rows of some finer buckets.
CREATE OR REPLACE TEMP TABLE finer AS SELECT * FROM audio_1h WHERE bucket >= $from AND bucket < $to;

-- name: clear_audio_1h
-- Make room for recomputed buckets.
DELETE FROM audio_1h WHERE bucket >= $from AND bucket < $to;

-- name: fill_audio_1h
-- Put recomputed buckets in place.
INSERT INTO audio_1h BY NAME SELECT * FROM computed;

-- name: clear_audio_1d
-- Make room for recomputed buckets.
DELETE FROM audio_1d WHERE bucket >= $from AND bucket < $to;

-- name: fill_audio_1d
-- Put recomputed buckets in place.
INSERT INTO audio_1d BY NAME SELECT * FROM computed;

-- name: number_users
-- Give numbers to the users of some days who have none: whoever calls most the smallest, so that they lie together.
INSERT INTO user_numbers
SELECT (SELECT coalesce(max(user_number), 0) FROM user_numbers) + row_number() OVER (ORDER BY calls DESC, user_id), user_id
FROM (
    SELECT user_id, count(*) AS calls FROM ledger
    WHERE at_ns >= $from_ns AND at_ns < $to_ns AND user_id IS NOT NULL GROUP BY user_id
)
ANTI JOIN user_numbers USING (user_id);

-- name: clear_user_1d
-- Make room for recomputed days.
DELETE FROM user_1d WHERE bucket >= $from_day AND bucket < $to_day;

-- name: fill_user_1d
-- The ledger of some days by user, quarter of an hour, and what rollups of costs know of a line.
INSERT INTO user_1d
WITH lines AS (
    SELECT
        (at_ns // 86400000000000)::INTEGER AS bucket, user_id, (at_ns % 86400000000000 // 900000000000)::UTINYINT AS quarter,
        service, kind, operation, provider, model, feature, tenant, user_tier, count(*) AS calls,
        count(*) FILTER (state = 'priced') AS priced_calls, count(*) FILTER (state = 'unpriced') AS unpriced_calls,
        count(*) FILTER (state = 'estimated') AS estimated_calls, count(*) FILTER (state = 'free') AS free_calls,
        sum(cost_usd) AS cost_usd, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
        sum(cached_input_tokens) AS cached_input_tokens
    FROM ledger WHERE at_ns >= $from_ns AND at_ns < $to_ns GROUP BY ALL
)
SELECT bucket, coalesce(user_number, 0) AS user_number, lines.* EXCLUDE (bucket, user_id)
FROM lines LEFT JOIN user_numbers USING (user_id) ORDER BY bucket, user_number, quarter;

-- name: forget_users
-- Numbers of users of whom nothing is kept.
DELETE FROM user_numbers WHERE user_number NOT IN (SELECT user_number FROM user_1d);

-- name: clear_user_1y
-- Make room for a year's sums; nobody asks for older ones than the year before.
DELETE FROM user_1y WHERE bucket = $year OR bucket < $year - 1;

-- name: fill_user_1y
-- The sums of a year's days by user.
INSERT INTO user_1y
SELECT
    $year, user_number, sum(calls), sum(priced_calls), sum(unpriced_calls), sum(estimated_calls), sum(free_calls), sum(cost_usd),
    sum(input_tokens), sum(output_tokens), sum(cached_input_tokens), count(input_tokens), count(output_tokens),
    count(cached_input_tokens)
FROM user_1d WHERE bucket >= $from_day AND bucket < $to_day GROUP BY user_number ORDER BY user_number;
