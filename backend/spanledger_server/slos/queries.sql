-- name: last_change
-- The last bucket that was recomputed.
SELECT max(change) FROM rollup_log;

-- name: marks
-- The buckets that were recomputed from a change on; without a change those that wait for it; and without a level since when the rows of
-- each table are kept. One statement, because each takes longer to plan than to run.
SELECT change, family, level, bucket FROM rollup_log WHERE change >= $since
UNION ALL
SELECT NULL, family, level, bucket FROM dirty_buckets
UNION ALL
SELECT NULL, subject, NULL, from_ns FROM kept_from;

-- name: few_raw
-- What spans of a few minutes come to, for minutes that wait to be recomputed; by whether they are no longer than the edge.
-- include: few_spans
, end_ns - start_ns <= $edge_ns AS inside -- if: edge_ns
FROM spans
WHERE end_ns >= $first * 60000000000 AND end_ns < $beyond * 60000000000
    AND list_contains($buckets::BIGINT[], end_ns // 60000000000) -- if: buckets
    AND service = $service -- if: service
GROUP BY ALL;

-- name: few_1m
-- The rollups' rows of a few minutes as they are, with their histograms or without, which is quick to plan.
-- include: few_cells
FROM span_1m
-- include: few_of

-- name: few_1h
-- As few_1m, of hours.
-- include: few_cells
FROM span_1h
-- include: few_of

-- name: few_1d
-- As few_1m, of days.
-- include: few_cells
FROM span_1d
-- include: few_of

-- name: many_1m
-- What the spans of one indicator come to in each of many minutes.
WITH cells AS (
    FROM span_1m
    JOIN (SELECT unnest($buckets::BIGINT[]) AS bucket) USING (bucket) -- if: buckets
    WHERE bucket >= $first AND bucket < $beyond
)
-- include: span_counts

-- name: many_1h
-- As many_1m, of hours.
WITH cells AS (
    FROM span_1h
    JOIN (SELECT unnest($buckets::BIGINT[]) AS bucket) USING (bucket) -- if: buckets
    WHERE bucket >= $first AND bucket < $beyond
)
-- include: span_counts

-- name: many_1d
-- As many_1m, of days.
WITH cells AS (
    FROM span_1d
    JOIN (SELECT unnest($buckets::BIGINT[]) AS bucket) USING (bucket) -- if: buckets
    WHERE bucket >= $first AND bucket < $beyond
)
-- include: span_counts

-- name: span_cells
-- What the spans of one indicator come to by segment and by all that the rollups tell spans apart by.
-- include: span_cells
SELECT segment, service, name, kind, status_code, route, model, entry,
    coalesce(sum(adjusted_spans), 0)::DOUBLE AS weighed, sum(spans)::DOUBLE AS spans, sum(uncounted_spans)::DOUBLE AS uncounted
FROM cells GROUP BY ALL;

-- name: span_cells_within
-- The same, and how much of it lies on the right side of a threshold, as it is weighed and as it was sent. A histogram is looked into only
-- where the threshold lies within it.
-- include: span_cells
SELECT segment, service, name, kind, status_code, route, model, entry,
    coalesce(sum(adjusted_spans), 0)::DOUBLE AS weighed, sum(spans)::DOUBLE AS spans, sum(uncounted_spans)::DOUBLE AS uncounted,
    coalesce(sum(within), 0)::DOUBLE AS within, coalesce(sum(sent), 0)::DOUBLE AS sent_within
FROM (
    SELECT *,
        -- include: span_sides
    FROM (
        -- include: span_before
    )
)
GROUP BY ALL;

-- name: span_events
-- Spans of several indicators by segment and slice: how many good ones they stand for, how many in all, how many of them say what they
-- stand for, how many do not, and how many good ones there are when each stands for itself. From the rollups, and from the spans
-- themselves for minutes that wait to be recomputed.
WITH piece AS MATERIALIZED (
    SELECT segment, level, unnest(range(first, beyond)) AS bucket
    FROM (
        SELECT
            unnest($segment::INTEGER[]) AS segment, unnest($level::VARCHAR[]) AS level,
            unnest($first::BIGINT[]) AS first, unnest($beyond::BIGINT[]) AS beyond
    )
),
rolled AS NOT MATERIALIZED (
    SELECT segment, bucket * 60000000000 AS at_ns, service, name, kind, status_code, route, model, entry,
        spans, adjusted_spans, uncounted_spans, duration_index, duration_weight, duration_count
    FROM span_1m JOIN (FROM piece WHERE level = '1m') USING (bucket)
    WHERE $services IS NULL OR list_contains($services::VARCHAR[], service)
    UNION ALL
    SELECT segment, bucket * 3600000000000 AS at_ns, service, name, kind, status_code, route, model, entry,
        spans, adjusted_spans, uncounted_spans, duration_index, duration_weight, duration_count
    FROM span_1h JOIN (FROM piece WHERE level = '1h') USING (bucket)
    WHERE $services IS NULL OR list_contains($services::VARCHAR[], service)
    UNION ALL
    SELECT segment, bucket * 86400000000000 AS at_ns, service, name, kind, status_code, route, model, entry,
        spans, adjusted_spans, uncounted_spans, duration_index, duration_weight, duration_count
    FROM span_1d JOIN (FROM piece WHERE level = '1d') USING (bucket)
    WHERE $services IS NULL OR list_contains($services::VARCHAR[], service)
),
unrolled AS MATERIALIZED (
    SELECT segment, bucket * 60000000000 AS at_ns, service, name, kind, status_code, route, model, entry, code,
        count(*) AS spans, sum(weight) AS adjusted_spans, count(*) - count(weight) AS uncounted_spans
    FROM (
        SELECT end_ns // 60000000000 AS bucket, service, name, kind, status_code, route, model,
            parent_span_id IS NULL OR coalesce(flags & 512, 0) > 0 OR (kind IN (2, 5) AND coalesce(flags & 256, 0) = 0) AS entry,
            CASE WHEN $coded THEN value_code(end_ns - start_ns) END AS code, adjusted_count AS weight
        FROM spans
        WHERE end_ns >= $least_ns AND end_ns < $most_ns
            AND ($services IS NULL OR list_contains($services::VARCHAR[], service))
    ) JOIN (FROM piece WHERE level = 'raw') USING (bucket)
    GROUP BY ALL
),
whole AS MATERIALIZED (
    SELECT segment, CASE WHEN $slice_ns > 0 THEN at_ns // $slice_ns END AS slice, service, name, kind, status_code, route, model, entry,
        sum(spans) AS spans, sum(adjusted_spans) AS adjusted_spans, sum(uncounted_spans) AS uncounted_spans
    FROM (
        SELECT * EXCLUDE (duration_index, duration_weight, duration_count) FROM rolled
        UNION ALL BY NAME
        SELECT * EXCLUDE (code) FROM unrolled
    )
    GROUP BY ALL
),
coded AS MATERIALIZED (
    SELECT segment, CASE WHEN $slice_ns > 0 THEN at_ns // $slice_ns END AS slice, service, name, kind, status_code, route, model, entry,
        code, sum(weight) AS weight, sum(number) AS number
    FROM (
        SELECT segment, at_ns, service, name, kind, status_code, route, model, entry,
            unnest(duration_index) AS code, unnest(duration_weight) AS weight, unnest(duration_count) AS number
        FROM rolled WHERE $coded
        UNION ALL
        SELECT segment, at_ns, service, name, kind, status_code, route, model, entry, code, adjusted_spans, spans
        FROM unrolled WHERE $coded
    )
    GROUP BY ALL
),
sorts AS MATERIALIZED (
    SELECT *, [
            service, name, ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'][kind + 1],
            CASE WHEN status_code = 2 THEN 'error' ELSE 'ok' END, route, model, entry::VARCHAR
        ] AS found,
        CASE $group WHEN 'model' THEN model WHEN 'route' THEN route WHEN 'name' THEN name WHEN 'service' THEN service END AS category
    FROM (SELECT DISTINCT service, name, kind, status_code, route, model, entry FROM whole)
),
asked AS (
    SELECT
        unnest($slo::INTEGER[]) AS slo, unnest($threshold::INTEGER[]) AS threshold, unnest($below::BOOLEAN[]) AS below,
        unnest($where_wanted::VARCHAR[][][]) AS where_wanted, unnest($where_unwanted::VARCHAR[][][]) AS where_unwanted,
        unnest($where_least::DOUBLE[][]) AS where_least, unnest($where_most::DOUBLE[][]) AS where_most,
        unnest($good_wanted::VARCHAR[][][]) AS good_wanted, unnest($good_unwanted::VARCHAR[][][]) AS good_unwanted,
        unnest($good_least::DOUBLE[][]) AS good_least, unnest($good_most::DOUBLE[][]) AS good_most
),
matching AS MATERIALIZED (
    SELECT slo, threshold, below, category, service, name, kind, status_code, route, model, entry,
        meets_all(found, good_wanted, good_unwanted, good_least, good_most) AS good
    FROM sorts CROSS JOIN asked
    WHERE meets_all(found, where_wanted, where_unwanted, where_least, where_most)
),
parts AS (
    SELECT slo, segment, slice, category,
        CASE WHEN good AND threshold IS NULL THEN coalesce(adjusted_spans, 0) ELSE 0 END AS good,
        coalesce(adjusted_spans, 0) AS total, spans - uncounted_spans AS seen, uncounted_spans AS uncounted,
        CASE WHEN good AND threshold IS NULL THEN spans ELSE 0 END AS plain_good
    FROM whole AS w JOIN matching AS m
        ON w.service IS NOT DISTINCT FROM m.service AND w.name = m.name AND w.kind = m.kind AND w.status_code = m.status_code
        AND w.route IS NOT DISTINCT FROM m.route AND w.model IS NOT DISTINCT FROM m.model AND w.entry IS NOT DISTINCT FROM m.entry
    UNION ALL
    SELECT slo, segment, slice, category, coalesce(weight, 0), 0, 0, 0, number
    FROM coded AS w JOIN matching AS m
        ON w.service IS NOT DISTINCT FROM m.service AND w.name = m.name AND w.kind = m.kind AND w.status_code = m.status_code
        AND w.route IS NOT DISTINCT FROM m.route AND w.model IS NOT DISTINCT FROM m.model AND w.entry IS NOT DISTINCT FROM m.entry
    WHERE good AND threshold IS NOT NULL AND CASE WHEN below THEN code <= threshold ELSE code >= threshold END
)
SELECT slo, segment, slice, category, sum(good)::DOUBLE AS good, sum(total)::DOUBLE AS total, sum(seen)::DOUBLE AS seen,
    sum(uncounted)::DOUBLE AS uncounted, sum(plain_good)::DOUBLE AS plain_good
FROM parts GROUP BY ALL;

-- name: span_rows
-- As span_events, from the spans themselves, for conditions on attributes that the rollups do not keep.
WITH piece AS (
    SELECT
        unnest($segment::INTEGER[]) AS segment, unnest($from_ns::BIGINT[]) AS from_ns, unnest($to_ns::BIGINT[]) AS to_ns
),
known AS (
    SELECT segment, end_ns AS at_ns, adjusted_count AS weight, end_ns - start_ns AS duration_ns,
        CASE $group
            WHEN 'model' THEN model WHEN 'route' THEN route WHEN 'name' THEN name WHEN 'service' THEN service WHEN 'tenant' THEN tenant
            WHEN 'feature' THEN feature WHEN 'user_tier' THEN user_tier WHEN 'provider' THEN provider
        END AS category,
        list_concat([
            service, name, ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'][kind + 1],
            CASE WHEN status_code = 2 THEN 'error' ELSE 'ok' END, route, model,
            (parent_span_id IS NULL OR coalesce(flags & 512, 0) > 0
                OR (kind IN (2, 5) AND coalesce(flags & 256, 0) = 0))::VARCHAR,
            provider, operation, user_id, session_id, feature, tenant, user_tier, http_status::VARCHAR, error_type
        ], json_extract_string(attributes, $paths::VARCHAR[])) AS found
    FROM spans JOIN piece ON end_ns >= from_ns AND end_ns < to_ns
    WHERE end_ns >= $least_ns AND end_ns < $most_ns AND ($service IS NULL OR service = $service)
)
SELECT
    segment, CASE WHEN $slice_ns > 0 THEN at_ns // $slice_ns END AS slice,
    category, coalesce(sum(weight) FILTER (
        meets_all(found, $good_wanted, $good_unwanted, $good_least, $good_most)
        AND ($code IS NULL OR CASE WHEN $below THEN value_code(duration_ns) <= $code ELSE value_code(duration_ns) >= $code END)
    ), 0)::DOUBLE AS good,
    coalesce(sum(weight), 0)::DOUBLE AS total,
    count(weight)::DOUBLE AS seen, (count(*) - count(weight))::DOUBLE AS uncounted,
    count(*) FILTER (
        meets_all(found, $good_wanted, $good_unwanted, $good_least, $good_most)
        AND ($code IS NULL OR CASE WHEN $below THEN value_code(duration_ns) <= $code ELSE value_code(duration_ns) >= $code END)
    )::DOUBLE AS plain_good
FROM known
WHERE meets_all(found, $where_wanted, $where_unwanted, $where_least, $where_most)
GROUP BY ALL;

-- name: ledger_rows
-- As span_events, of ledger lines; a line without the value that is compared is none of the events. Lines are counted first by what is
-- asked about, so that conditions are judged for each kind of line and not for each line.
WITH piece AS (
    SELECT
        unnest($segment::INTEGER[]) AS segment, unnest($from_ns::BIGINT[]) AS from_ns, unnest($to_ns::BIGINT[]) AS to_ns
),
lines AS (
    SELECT segment, slice, category, service, kind, operation, provider, model, feature, tenant, user_tier, status, user_id, session_id, state, error_type, request_model, service_tier, found, count(*) AS lines, count(*) FILTER (within) AS within
    FROM (
        SELECT segment, CASE WHEN $slice_ns > 0 THEN at_ns // $slice_ns END AS slice,
            CASE $group
                WHEN 'model' THEN model WHEN 'feature' THEN feature WHEN 'tenant' THEN tenant WHEN 'service' THEN service
                WHEN 'provider' THEN provider WHEN 'operation' THEN operation WHEN 'user_tier' THEN user_tier
            END AS category,
            CASE WHEN list_contains($asked::VARCHAR[], 'service') THEN service END AS service,
            CASE WHEN list_contains($asked::VARCHAR[], 'kind') THEN kind END AS kind,
            CASE WHEN list_contains($asked::VARCHAR[], 'operation') THEN operation END AS operation,
            CASE WHEN list_contains($asked::VARCHAR[], 'provider') THEN provider END AS provider,
            CASE WHEN list_contains($asked::VARCHAR[], 'model') THEN model END AS model,
            CASE WHEN list_contains($asked::VARCHAR[], 'feature') THEN feature END AS feature,
            CASE WHEN list_contains($asked::VARCHAR[], 'tenant') THEN tenant END AS tenant,
            CASE WHEN list_contains($asked::VARCHAR[], 'user_tier') THEN user_tier END AS user_tier,
            CASE WHEN list_contains($asked::VARCHAR[], 'status') THEN CASE WHEN error_type IS NULL THEN 'ok' ELSE 'error' END END AS status,
            CASE WHEN list_contains($asked::VARCHAR[], 'user_id') THEN user_id END AS user_id,
            CASE WHEN list_contains($asked::VARCHAR[], 'session_id') THEN session_id END AS session_id,
            CASE WHEN list_contains($asked::VARCHAR[], 'state') THEN state END AS state,
            CASE WHEN list_contains($asked::VARCHAR[], 'error_type') THEN error_type END AS error_type,
            CASE WHEN list_contains($asked::VARCHAR[], 'request_model') THEN request_model END AS request_model,
            CASE WHEN list_contains($asked::VARCHAR[], 'service_tier') THEN service_tier END AS service_tier,
            CASE WHEN len($paths::VARCHAR[]) > 0 THEN json_extract_string(attributes, $paths::VARCHAR[]) ELSE []::VARCHAR[] END AS found,
            CASE WHEN $threshold IS NULL THEN true WHEN $below THEN value <= $threshold ELSE value >= $threshold END AS within
        FROM (
            SELECT *, CASE $field
                WHEN 'duration_ms' THEN duration_ns / 1e6 WHEN 'time_to_first_chunk_ms' THEN time_to_first_chunk_ns / 1e6
                WHEN 'tokens_per_second' THEN output_tokens * 1e9 / nullif(duration_ns, 0) WHEN 'cost_usd' THEN cost_usd::DOUBLE
                WHEN 'input_tokens' THEN input_tokens::DOUBLE WHEN 'output_tokens' THEN output_tokens::DOUBLE
            END AS value
            FROM ledger JOIN piece ON at_ns >= from_ns AND at_ns < to_ns
            WHERE at_ns >= $least_ns AND at_ns < $most_ns AND ($service IS NULL OR service = $service)
        )
        WHERE $field IS NULL OR value IS NOT NULL
    )
    GROUP BY ALL
),
known AS (
    SELECT segment, slice, category, lines, within, list_concat([
            service, kind, operation, provider, model, feature, tenant, user_tier, status, user_id, session_id, state, error_type, request_model, service_tier
        ], found) AS found
    FROM lines
)
SELECT segment, slice, category,
    coalesce(sum(within) FILTER (meets_all(found, $good_wanted, $good_unwanted, $good_least, $good_most)), 0)::DOUBLE AS good,
    sum(lines)::DOUBLE AS total, sum(lines)::DOUBLE AS seen, 0::DOUBLE AS uncounted, 0::DOUBLE AS plain_good
FROM known
WHERE meets_all(found, $where_wanted, $where_unwanted, $where_least, $where_most)
GROUP BY ALL;

-- name: ledger_events
-- As ledger_rows, for several indicators at once: lines are counted by sort, and looked at one by one only for thresholds.
WITH piece AS (
    SELECT
        unnest($segment::INTEGER[]) AS segment, unnest($from_ns::BIGINT[]) AS from_ns, unnest($to_ns::BIGINT[]) AS to_ns
),
lines AS MATERIALIZED (
    SELECT segment, CASE WHEN $slice_ns > 0 THEN at_ns // $slice_ns END AS slice,
        CASE WHEN list_contains($asked::VARCHAR[], 'service') THEN coalesce(service, '') ELSE '' END AS service,
        CASE WHEN list_contains($asked::VARCHAR[], 'kind') THEN coalesce(kind, '') ELSE '' END AS kind,
        CASE WHEN list_contains($asked::VARCHAR[], 'operation') THEN coalesce(operation, '') ELSE '' END AS operation,
        CASE WHEN list_contains($asked::VARCHAR[], 'provider') THEN coalesce(provider, '') ELSE '' END AS provider,
        CASE WHEN list_contains($asked::VARCHAR[], 'model') THEN coalesce(model, '') ELSE '' END AS model,
        CASE WHEN list_contains($asked::VARCHAR[], 'feature') THEN coalesce(feature, '') ELSE '' END AS feature,
        CASE WHEN list_contains($asked::VARCHAR[], 'tenant') THEN coalesce(tenant, '') ELSE '' END AS tenant,
        CASE WHEN list_contains($asked::VARCHAR[], 'user_tier') THEN coalesce(user_tier, '') ELSE '' END AS user_tier,
        CASE WHEN list_contains($asked::VARCHAR[], 'status') THEN coalesce(CASE WHEN error_type IS NULL THEN 'ok' ELSE 'error' END, '') ELSE '' END AS status,
        CASE WHEN list_contains($asked::VARCHAR[], 'user_id') THEN coalesce(user_id, '') ELSE '' END AS user_id,
        CASE WHEN list_contains($asked::VARCHAR[], 'session_id') THEN coalesce(session_id, '') ELSE '' END AS session_id,
        CASE WHEN list_contains($asked::VARCHAR[], 'state') THEN coalesce(state, '') ELSE '' END AS state,
        CASE WHEN list_contains($asked::VARCHAR[], 'error_type') THEN coalesce(error_type, '') ELSE '' END AS error_type,
        CASE WHEN list_contains($asked::VARCHAR[], 'request_model') THEN coalesce(request_model, '') ELSE '' END AS request_model,
        CASE WHEN list_contains($asked::VARCHAR[], 'service_tier') THEN coalesce(service_tier, '') ELSE '' END AS service_tier,
        duration_ns / 1e6 AS duration_ms, time_to_first_chunk_ns / 1e6 AS first_chunk_ms, output_tokens * 1e9 / nullif(duration_ns, 0) AS a_second,
        cost_usd::DOUBLE AS cost_usd, input_tokens::DOUBLE AS input_tokens, output_tokens::DOUBLE AS output_tokens
    FROM ledger JOIN piece ON at_ns >= from_ns AND at_ns < to_ns
    WHERE at_ns >= $least_ns AND at_ns < $most_ns AND ($services IS NULL OR list_contains($services::VARCHAR[], service))
),
sorts AS MATERIALIZED (
    SELECT *, row_number() OVER () AS sort
    FROM (SELECT DISTINCT service, kind, operation, provider, model, feature, tenant, user_tier, status, user_id, session_id, state, error_type, request_model,
        service_tier FROM lines)
),
numbered AS MATERIALIZED (
    SELECT sort, segment, slice, duration_ms, first_chunk_ms, a_second, cost_usd, input_tokens, output_tokens
    FROM lines JOIN sorts USING (service, kind, operation, provider, model, feature, tenant, user_tier, status, user_id, session_id, state, error_type, request_model,
        service_tier)
),
asked AS (
    SELECT
        unnest($slo::INTEGER[]) AS slo, unnest($field::VARCHAR[]) AS field, unnest($threshold::DOUBLE[]) AS threshold,
        unnest($below::BOOLEAN[]) AS below, unnest($service::VARCHAR[]) AS of_service,
        unnest($where_wanted::VARCHAR[][][]) AS where_wanted, unnest($where_unwanted::VARCHAR[][][]) AS where_unwanted,
        unnest($where_least::DOUBLE[][]) AS where_least, unnest($where_most::DOUBLE[][]) AS where_most,
        unnest($good_wanted::VARCHAR[][][]) AS good_wanted, unnest($good_unwanted::VARCHAR[][][]) AS good_unwanted,
        unnest($good_least::DOUBLE[][]) AS good_least, unnest($good_most::DOUBLE[][]) AS good_most
),
matching AS MATERIALIZED (
    SELECT slo, field, threshold, below, sort, meets_all(found, good_wanted, good_unwanted, good_least, good_most) AS good
    FROM (
        SELECT sort, service AS its_service, [
                service, kind, operation, provider, model, feature, tenant, user_tier, status, user_id, session_id, state, error_type, request_model,
        service_tier
            ] AS found
        FROM sorts
    ) JOIN asked ON of_service IS NULL OR of_service = its_service
    WHERE meets_all(found, where_wanted, where_unwanted, where_least, where_most)
),
parts AS (
    SELECT slo, segment, slice, CASE WHEN good THEN lines ELSE 0 END AS good, lines
    FROM (SELECT sort, segment, slice, count(*) AS lines FROM numbered GROUP BY ALL) JOIN matching USING (sort)
    WHERE field IS NULL
    UNION ALL
    SELECT slo, segment, slice, count(*) FILTER (good AND CASE WHEN below THEN value <= threshold ELSE value >= threshold END), count(*)
    FROM (
        SELECT slo, segment, slice, good, below, threshold, CASE field
            WHEN 'duration_ms' THEN duration_ms WHEN 'time_to_first_chunk_ms' THEN first_chunk_ms WHEN 'tokens_per_second' THEN a_second
            WHEN 'cost_usd' THEN cost_usd WHEN 'input_tokens' THEN input_tokens WHEN 'output_tokens' THEN output_tokens
        END AS value
        FROM numbered JOIN matching USING (sort) WHERE field IS NOT NULL
    )
    WHERE value IS NOT NULL
    GROUP BY ALL
)
SELECT slo, segment, slice, NULL AS category, sum(good)::DOUBLE AS good, sum(lines)::DOUBLE AS total, sum(lines)::DOUBLE AS seen,
    0::DOUBLE AS uncounted, 0::DOUBLE AS plain_good
FROM parts GROUP BY ALL;

-- name: metric_events
-- As span_events, of a metric: increments of counters, observations of histograms, or values of gauges.
WITH piece AS MATERIALIZED (
    SELECT segment, level, unnest(range(first, beyond)) AS bucket
    FROM (
        SELECT
            unnest($segment::INTEGER[]) AS segment, unnest($level::VARCHAR[]) AS level,
            unnest($first::BIGINT[]) AS first, unnest($beyond::BIGINT[]) AS beyond
    )
),
series AS (
    SELECT series_id, name, kind, service, list_concat([service], json_extract_string(attributes, $paths::VARCHAR[])) AS found
    FROM metric_series WHERE name IN ($metric, $good_metric) AND ($service IS NULL OR service = $service)
),
chosen AS (
    SELECT series_id, kind, service, name = $metric AS counts,
        name = coalesce($good_metric, $metric) AND meets_all(found, $good_wanted, $good_unwanted, $good_least, $good_most) AS good
    FROM series WHERE meets_all(found, $where_wanted, $where_unwanted, $where_least, $where_most)
),
cells AS (
    SELECT segment, bucket * 60000000000 AS at_ns, chosen.*, m.sum, m.count, value_index, value_count
    FROM metric_1m AS m JOIN chosen USING (series_id) JOIN (FROM piece WHERE level = '1m') USING (bucket)
    UNION ALL
    SELECT segment, bucket * 3600000000000, chosen.*, m.sum, m.count, value_index, value_count
    FROM metric_1h AS m JOIN chosen USING (series_id) JOIN (FROM piece WHERE level = '1h') USING (bucket)
    UNION ALL
    SELECT segment, bucket * 86400000000000, chosen.*, m.sum, m.count, value_index, value_count
    FROM metric_1d AS m JOIN chosen USING (series_id) JOIN (FROM piece WHERE level = '1d') USING (bucket)
),
told AS (
    SELECT *, coalesce(CASE WHEN kind = 'sum' THEN sum ELSE count END, 0)::DOUBLE AS events FROM cells
)
SELECT
    segment, CASE WHEN $slice_ns > 0 THEN at_ns // $slice_ns END AS slice,
    CASE $group WHEN 'service' THEN service END AS category,
    coalesce(sum(CASE
        WHEN NOT good THEN 0
        WHEN $code IS NULL THEN events
        ELSE weight_within(value_index, value_count::DOUBLE[], $code, $below)
    END), 0)::DOUBLE AS good,
    coalesce(sum(events) FILTER (counts), 0)::DOUBLE AS total,
    coalesce(sum(events) FILTER (counts), 0)::DOUBLE AS seen, 0::DOUBLE AS uncounted, 0::DOUBLE AS plain_good
FROM told
GROUP BY ALL;

-- name: heard_alone
-- In which minutes of a stretch a service reported on its own, by metrics.
SELECT DISTINCT bucket FROM metric_1m JOIN metric_series AS s USING (series_id)
WHERE bucket >= $first AND bucket < $beyond AND ($service IS NULL OR s.service = $service);

-- name: heard_beside
-- In which minutes of a stretch spans or ledger lines came from a service.
SELECT bucket FROM span_1m WHERE bucket >= $first AND bucket < $beyond AND ($service IS NULL OR service = $service)
UNION
SELECT bucket FROM cost_1m WHERE bucket >= $first AND bucket < $beyond AND ($service IS NULL OR service = $service);

-- name: sent_metrics
-- The name of every metric that was sent.
SELECT DISTINCT name FROM metric_series;

-- name: all_slos
-- Every objective that is not deleted, by name.
SELECT slo_id, name, generation, definition, document, created_ns, updated_ns, updated_by FROM slos WHERE deleted_ns IS NULL ORDER BY name;

-- name: one_slo
-- The objective with this id or name.
SELECT slo_id, name, generation, definition, document, created_ns, updated_ns, updated_by
FROM slos WHERE deleted_ns IS NULL AND (slo_id = $key OR name = $key);

-- name: add_slos
-- New objectives.
INSERT INTO slos (slo_id, name, generation, definition, document, created_ns, updated_ns, updated_by)
SELECT
    unnest($slo_id::VARCHAR[]), unnest($name::VARCHAR[]), 1, unnest($definition::VARCHAR[]), unnest($document::VARCHAR[]), $now_ns,
    $now_ns, $actor;

-- name: change_slo
-- Another definition for an objective: another generation.
UPDATE slos SET name = $name, generation = generation + 1, definition = $definition, document = $document, updated_ns = $now_ns,
    updated_by = $actor
WHERE slo_id = $slo_id AND deleted_ns IS NULL;

-- name: keep_generation
-- What an objective was until now.
INSERT INTO slo_generations
SELECT slo_id, generation, name, definition, updated_ns, $now_ns, updated_by FROM slos WHERE slo_id = $slo_id AND deleted_ns IS NULL;

-- name: generations
-- What an objective was, oldest first.
SELECT generation, name, definition, from_ns, to_ns, changed_by FROM slo_generations WHERE slo_id = $slo_id ORDER BY generation;

-- name: delete_slo
-- An objective that nobody wants any more; its history stays.
UPDATE slos SET deleted_ns = $now_ns, updated_by = $actor WHERE slo_id = $slo_id AND deleted_ns IS NULL;

-- name: clear_standing
-- Make room for where objectives stand now. After a restart those that wait to be read stay as they were, if they are the same.
DELETE FROM slo_standing WHERE NOT EXISTS (
    SELECT 1 FROM slos
    WHERE slos.slo_id = slo_standing.slo_id AND deleted_ns IS NULL AND updated_ns <= at_ns AND list_contains($waiting::VARCHAR[], slos.slo_id)
);

-- name: write_standing
-- Where objectives stand.
INSERT INTO slo_standing (slo_id, at_ns, state, reason, good, total, remaining_ratio, burn_rate, coverage, from_ns, to_ns)
SELECT
    unnest($slo_id::VARCHAR[]), unnest($at_ns::BIGINT[]), unnest($state::VARCHAR[]), unnest($reason::VARCHAR[]), unnest($good::DOUBLE[]),
    unnest($total::DOUBLE[]), unnest($remaining_ratio::DOUBLE[]), unnest($burn_rate::DOUBLE[]), unnest($coverage::DOUBLE[]),
    unnest($from_ns::BIGINT[]), unnest($to_ns::BIGINT[]);

-- name: adjustments
-- What does not count of an objective, or of all of them, oldest first.
SELECT adjustment_id, slo_id, given, created_ns, updated_ns, updated_by
FROM slo_adjustments WHERE deleted_ns IS NULL AND ($slo_id IS NULL OR slo_id = $slo_id) ORDER BY created_ns, adjustment_id;

-- name: add_adjustment
-- A new adjustment, or what stands in place of one.
INSERT INTO slo_adjustments (adjustment_id, slo_id, given, created_ns, updated_ns, updated_by)
VALUES ($adjustment_id, $slo_id, $given, $created_ns, $now_ns, $actor);

-- name: delete_adjustment
-- An adjustment that holds no more; the row stays.
UPDATE slo_adjustments SET deleted_ns = $now_ns WHERE adjustment_id = $adjustment_id AND deleted_ns IS NULL;
