-- What several statements ask alike; a line `-- include: NAME` in a queries.sql, or in views.sql, stands for it.

-- name: cost_conditions
-- Filters of rollups of costs, after a WHERE that has a condition already.
AND ($service IS NULL OR list_contains($service::VARCHAR[], coalesce(service, ''))) -- if: service
AND ($not_service IS NULL OR NOT list_contains($not_service::VARCHAR[], coalesce(service, ''))) -- if: not_service
AND ($kind IS NULL OR list_contains($kind::VARCHAR[], kind)) -- if: kind
AND ($not_kind IS NULL OR NOT list_contains($not_kind::VARCHAR[], kind)) -- if: not_kind
AND ($model IS NULL OR list_contains($model::VARCHAR[], coalesce(model, ''))) -- if: model
AND ($not_model IS NULL OR NOT list_contains($not_model::VARCHAR[], coalesce(model, ''))) -- if: not_model
AND ($provider IS NULL OR list_contains($provider::VARCHAR[], coalesce(provider, ''))) -- if: provider
AND ($not_provider IS NULL OR NOT list_contains($not_provider::VARCHAR[], coalesce(provider, ''))) -- if: not_provider
AND ($operation IS NULL OR list_contains($operation::VARCHAR[], coalesce(operation, ''))) -- if: operation
AND ($not_operation IS NULL OR NOT list_contains($not_operation::VARCHAR[], coalesce(operation, ''))) -- if: not_operation
AND ($feature IS NULL OR list_contains($feature::VARCHAR[], coalesce(feature, ''))) -- if: feature
AND ($not_feature IS NULL OR NOT list_contains($not_feature::VARCHAR[], coalesce(feature, ''))) -- if: not_feature
AND ($tenant IS NULL OR list_contains($tenant::VARCHAR[], coalesce(tenant, ''))) -- if: tenant
AND ($not_tenant IS NULL OR NOT list_contains($not_tenant::VARCHAR[], coalesce(tenant, ''))) -- if: not_tenant
AND ($user_tier IS NULL OR list_contains($user_tier::VARCHAR[], coalesce(user_tier, ''))) -- if: user_tier
AND ($not_user_tier IS NULL OR NOT list_contains($not_user_tier::VARCHAR[], coalesce(user_tier, ''))) -- if: not_user_tier

-- name: ledger_conditions
-- The same of lines of the ledger, which tell more.
AND ($status IS NULL OR list_contains($status::VARCHAR[], CASE WHEN error_type IS NULL THEN 'ok' ELSE 'error' END)) -- if: status
AND ($not_status IS NULL OR NOT list_contains($not_status::VARCHAR[], CASE WHEN error_type IS NULL THEN 'ok' ELSE 'error' END)) -- if: not_status
AND ($user_id IS NULL OR list_contains($user_id::VARCHAR[], coalesce(user_id, ''))) -- if: user_id
AND ($not_user_id IS NULL OR NOT list_contains($not_user_id::VARCHAR[], coalesce(user_id, ''))) -- if: not_user_id
AND ($session_id IS NULL OR list_contains($session_id::VARCHAR[], coalesce(session_id, ''))) -- if: session_id
AND ($not_session_id IS NULL OR NOT list_contains($not_session_id::VARCHAR[], coalesce(session_id, ''))) -- if: not_session_id
AND ($state IS NULL OR list_contains($state::VARCHAR[], state)) -- if: state
AND ($not_state IS NULL OR NOT list_contains($not_state::VARCHAR[], state)) -- if: not_state
AND ($trace_id IS NULL OR list_contains($trace_id::UUID[], trace_id)) -- if: trace_id
AND ($not_trace_id IS NULL OR NOT list_contains($not_trace_id::UUID[], trace_id)) -- if: not_trace_id
AND ($least_duration IS NULL OR duration_ns >= $least_duration) -- if: least_duration
AND ($most_duration IS NULL OR duration_ns <= $most_duration) -- if: most_duration
AND ($least_cost IS NULL OR cost_usd >= $least_cost) -- if: least_cost
AND ($most_cost IS NULL OR cost_usd <= $most_cost) -- if: most_cost
-- include: cost_conditions

-- name: log_conditions
-- Filters of log records, after a WHERE that has a condition already. A word without spaces is looked for in each column, which
-- takes half of what it takes to look for it in all that a record says.
AND ($severity IS NULL OR severity >= $severity)
AND ($service IS NULL OR list_contains($service::VARCHAR[], coalesce(service, '')))
AND ($not_service IS NULL OR NOT list_contains($not_service::VARCHAR[], coalesce(service, '')))
AND ($name IS NULL OR list_contains($name::VARCHAR[], coalesce(event_name, '')))
AND ($not_name IS NULL OR NOT list_contains($not_name::VARCHAR[], coalesce(event_name, '')))
AND ($user_id IS NULL OR list_contains($user_id::VARCHAR[], coalesce(user_id, '')))
AND ($not_user_id IS NULL OR NOT list_contains($not_user_id::VARCHAR[], coalesce(user_id, '')))
AND ($session_id IS NULL OR list_contains($session_id::VARCHAR[], coalesce(session_id, '')))
AND ($not_session_id IS NULL OR NOT list_contains($not_session_id::VARCHAR[], coalesce(session_id, '')))
AND ($trace_id IS NULL OR list_contains($trace_id::UUID[], trace_id))
AND ($not_trace_id IS NULL OR trace_id IS NULL OR NOT list_contains($not_trace_id::UUID[], trace_id))
AND ($word IS NULL OR contains(lower(body), $word::VARCHAR) OR contains(lower(attributes), $word::VARCHAR)
    OR contains(lower(event_name), $word::VARCHAR) OR contains(lower(service), $word::VARCHAR)
    OR contains(lower(user_id), $word::VARCHAR) OR contains(lower(session_id), $word::VARCHAR)
    OR contains(lower(severity_text), $word::VARCHAR))
AND ($words IS NULL OR len(list_filter(
    $words::VARCHAR[],
    lambda word: contains(
        lower(concat_ws(' ', body, event_name, service, user_id, session_id, severity_text, attributes)), word
    )
)) = len($words::VARCHAR[]))

-- name: call_sources
-- Calls by part of a window and category, before a SELECT: `rolled` from rollups, `lines` from the ledger.
WITH cells AS NOT MATERIALIZED (
    SELECT part_of(bucket * 60000000000, $p) AS part, * FROM cost_1m WHERE of_minutes(bucket, $s)
    UNION ALL BY NAME SELECT part_of(bucket * 3600000000000, $p) AS part, * FROM cost_1h WHERE of_hours(bucket, $s) -- if: hours
    UNION ALL BY NAME SELECT part_of(bucket * 86400000000000, $p) AS part, * FROM cost_1d WHERE of_days(bucket, $s) -- if: days
),
rolled AS NOT MATERIALIZED (
    SELECT
        CASE $dimension
            WHEN 'model' THEN model WHEN 'provider' THEN provider WHEN 'service' THEN service WHEN 'operation' THEN operation
            WHEN 'feature' THEN feature WHEN 'tenant' THEN tenant WHEN 'user_tier' THEN user_tier
        END AS category, *
    FROM cells
    WHERE true
        -- include: cost_conditions
)
-- if: rows
,
lines AS NOT MATERIALIZED (
    SELECT
        part_of(at_ns, $p) AS part,
        CASE $dimension
            WHEN 'model' THEN model WHEN 'provider' THEN provider WHEN 'service' THEN service WHEN 'operation' THEN operation
            WHEN 'feature' THEN feature WHEN 'tenant' THEN tenant WHEN 'user_tier' THEN user_tier WHEN 'user' THEN user_id
        END AS category,
        duration_ns, error_type, state, cost_usd, input_tokens, output_tokens, cached_input_tokens
    FROM ledger
    WHERE at_ns >= $rows_from_ns AND at_ns < $rows_to_ns
        AND ($whole OR of_rows(at_ns, commit_no, $s))
        -- include: ledger_conditions
)
-- end

-- name: rule_call_sums
-- What rules read of calls but for how long each took.
sum(calls) AS calls, sum(errors) AS errors, sum(priced_calls) AS priced_calls, sum(unpriced_calls) AS unpriced_calls,
sum(estimated_calls) AS estimated_calls, sum(free_calls) AS free_calls, sum(cost_usd) AS cost_usd, sum(input_tokens) AS input_tokens,
sum(output_tokens) AS output_tokens, sum(cached_input_tokens) AS cached_input_tokens, sum(duration_sum_ns) AS duration_sum_ns,
min(duration_min_ns) AS duration_min_ns, max(duration_max_ns) AS duration_max_ns

-- name: rule_call_cells
-- Rollups of calls from `first` up to `beyond`, added up by the labels that are marked, before a FROM; `apart` keeps so many neighbours apart
-- from the next.
SELECT
    bucket // $apart AS bucket, -- if: apart
    -- if: labels
    [
        coalesce(service, ''), -- if: by_service
        coalesce(kind, ''), -- if: by_kind
        coalesce(operation, ''), -- if: by_operation
        coalesce(provider, ''), -- if: by_provider
        coalesce(model, ''), -- if: by_model
        coalesce(feature, ''), -- if: by_feature
        coalesce(tenant, ''), -- if: by_tenant
        coalesce(user_tier, ''), -- if: by_user_tier
    ]::VARCHAR[] AS key, count(*) OVER () AS groups,
    -- end
    flatten(list(duration_index)) AS codes, flatten(list(duration_count)) AS counts, -- if: spread
    -- include: rule_call_sums

-- name: rule_call_of
-- Which of them; `wanted` lets through rows with some combinations of labels.
WHERE bucket >= $first AND bucket < $beyond
-- if: wanted
    AND list_contains($wanted::VARCHAR[][], [
        coalesce(service, ''), -- if: only_service
        coalesce(kind, ''), -- if: only_kind
        coalesce(operation, ''), -- if: only_operation
        coalesce(provider, ''), -- if: only_provider
        coalesce(model, ''), -- if: only_model
        coalesce(feature, ''), -- if: only_feature
        coalesce(tenant, ''), -- if: only_tenant
        coalesce(user_tier, ''), -- if: only_user_tier
    ])
-- end
HAVING count(*) > 0 -- if: whole
GROUP BY ALL LIMIT $most -- if: labels apart

-- name: rule_told_cells
-- The same of what programs told.
SELECT
    CASE WHEN $apart > 0 THEN bucket // $apart END AS bucket, list_select(labels, $by::INTEGER[]) AS key, outcome, sum(events)::BIGINT AS events,
    sum(saved_cost) AS saved_cost, sum(saved_cost_told)::BIGINT AS saved_cost_told, sum(saved_tokens) AS saved_tokens,
    sum(saved_tokens_told)::BIGINT AS saved_tokens_told, coalesce(sum(duration_sum_ns), 0)::DOUBLE AS duration_sum_ns,
    flatten(list(duration_index)) AS codes, flatten(list(duration_count)) AS weights, count(*) OVER () AS groups
FROM (
    SELECT *, [coalesce(service, ''), coalesce(subject, ''), coalesce(feature, ''), coalesce(tenant, ''), coalesce(user_tier, '')] AS labels
    FROM cells WHERE bucket >= $first AND bucket < $beyond AND event = $event
)
WHERE $wanted IS NULL OR list_contains($wanted::VARCHAR[][], list_select(labels, $only::INTEGER[]))
GROUP BY ALL LIMIT $most;

-- name: rule_span_cells
-- The same of spans.
SELECT
    CASE WHEN $apart > 0 THEN bucket // $apart END AS bucket, list_select(labels, $by::INTEGER[]) AS key, status_code = 2 AS failed, http_class,
    sum(spans)::BIGINT AS spans, sum(uncounted_spans)::BIGINT AS uncounted, coalesce(sum(adjusted_spans), 0)::DOUBLE AS weight,
    coalesce(sum(duration_sum_ns), 0)::DOUBLE AS duration_sum_ns, flatten(list(CASE WHEN $spread THEN duration_index END)) AS codes,
    flatten(list(CASE WHEN $spread THEN list_transform(duration_weight, lambda w: coalesce(w, 0)) END)) AS weights,
    flatten(list(CASE WHEN $spread THEN list_transform(duration_count, lambda n: n * uncounted_spans / spans) END)) AS loose,
    flatten(list(CASE WHEN $spread THEN duration_count END)) AS kept, NULL::UTINYINT[] AS slots, NULL::FLOAT[] AS sums, count(*) OVER () AS groups
FROM (
    SELECT *, [
            coalesce(service, ''), name, ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'][kind + 1],
            CASE WHEN status_code = 2 THEN 'error' ELSE 'ok' END, coalesce(route, CASE WHEN $served THEN name ELSE '' END),
            coalesce(model, ''), coalesce(entry::VARCHAR, '')
        ] AS labels
    FROM cells WHERE bucket >= $first AND bucket < $beyond AND (NOT $served OR (entry AND kind = 2))
)
WHERE $wanted IS NULL OR list_contains($wanted::VARCHAR[][], list_select(labels, $only::INTEGER[]))
GROUP BY ALL LIMIT $most;

-- name: rule_sent_cells
-- The same of metrics that were sent, whose labels are the service and the values of `paths`.
, chosen AS MATERIALIZED (
    SELECT series_id, kind, kind = 'sum' AND (coalesce(monotonic, false) OR temporality = 'delta') AS increments,
        list_transform(
            list_concat([name, service], json_extract_string(attributes, $paths::VARCHAR[])), lambda v: coalesce(v, '')
        ) AS labels
    FROM metric_series WHERE list_contains($names::VARCHAR[], name)
)
SELECT
    CASE WHEN $apart > 0 THEN bucket // $apart END AS bucket, list_select(labels, $by::INTEGER[]) AS key, any_value(kind) AS kind,
    bool_or(increments) AS increments, sum(points)::BIGINT AS points, sum(sum) AS sum, min(min) AS min, max(max) AS max,
    arg_max(last, (bucket, series_id)) AS last, sum(count)::BIGINT AS count, flatten(list(value_index)) AS codes,
    flatten(list(value_count)) AS counts, count(*) OVER () AS groups
FROM cells JOIN chosen USING (series_id)
WHERE bucket >= $first AND bucket < $beyond
    AND ($wanted IS NULL OR list_contains($wanted::VARCHAR[][], list_select(labels, $only::INTEGER[])))
GROUP BY CASE WHEN $apart > 0 THEN bucket // $apart END, list_select(labels, $by::INTEGER[]) LIMIT $most;

-- name: rule_gauge_cells
-- The mean of each gauge of the system.
SELECT CASE WHEN $apart > 0 THEN bucket // $apart END AS bucket, name, coalesce(service, '') AS service, attributes, sum(sum) / sum(points) AS mean
FROM cells JOIN (SELECT series_id, name, service, attributes FROM metric_series WHERE list_contains($names::VARCHAR[], name)) AS chosen
    USING (series_id)
WHERE bucket >= $first AND bucket < $beyond AND sum IS NOT NULL
GROUP BY CASE WHEN $apart > 0 THEN bucket // $apart END, series_id, name, service, attributes;

-- name: span_cells
-- The rollups' rows of some buckets, with the number of the stretch that each belongs to; of minutes that wait to be recomputed the spans
-- themselves, counted. For $segment, $level, $first, $beyond as slos/counting.py cuts them.
WITH piece AS MATERIALIZED (
    SELECT segment, level, unnest(range(first, beyond)) AS bucket
    FROM (
        SELECT
            unnest($segment::INTEGER[]) AS segment, unnest($level::VARCHAR[]) AS level,
            unnest($first::BIGINT[]) AS first, unnest($beyond::BIGINT[]) AS beyond
    )
),
cells AS (
    SELECT segment, service, name, kind, status_code, route, model, entry, spans, adjusted_spans, uncounted_spans
        , duration_min_ns, duration_max_ns, duration_index, duration_weight, duration_count -- if: within
    FROM span_1m JOIN (FROM piece WHERE level = '1m') USING (bucket)
    WHERE true
        AND service = $service -- if: service
        AND entry = $entry -- if: entry
    -- if: hours
    UNION ALL
    SELECT segment, service, name, kind, status_code, route, model, entry, spans, adjusted_spans, uncounted_spans
        , duration_min_ns, duration_max_ns, duration_index, duration_weight, duration_count -- if: within
    FROM span_1h JOIN (FROM piece WHERE level = '1h') USING (bucket)
    WHERE true
        AND service = $service -- if: service
        AND entry = $entry -- if: entry
    -- end
    -- if: days
    UNION ALL
    SELECT segment, service, name, kind, status_code, route, model, entry, spans, adjusted_spans, uncounted_spans
        , duration_min_ns, duration_max_ns, duration_index, duration_weight, duration_count -- if: within
    FROM span_1d JOIN (FROM piece WHERE level = '1d') USING (bucket)
    WHERE true
        AND service = $service -- if: service
        AND entry = $entry -- if: entry
    -- end
    -- if: rows
    UNION ALL
    SELECT segment, service, name, kind, status_code, route, model, entry, count(*), sum(weight), count(*) - count(weight)
        , min(duration_ns), max(duration_ns), [code], [sum(weight)], [count(*)] -- if: within
    FROM (
        SELECT end_ns // 60000000000 AS bucket, service, name, kind, status_code, route, model,
            parent_span_id IS NULL OR coalesce(flags & 512, 0) > 0 OR (kind IN (2, 5) AND coalesce(flags & 256, 0) = 0) AS entry,
            value_code(end_ns - start_ns) AS code, end_ns - start_ns AS duration_ns, -- if: within
            adjusted_count AS weight
        FROM spans
        WHERE end_ns >= $least_ns AND end_ns < $most_ns
            AND service = $service -- if: service
    ) JOIN (FROM piece WHERE level = 'raw') USING (bucket)
    WHERE true
        AND entry = $entry -- if: entry
    GROUP BY segment, service, name, kind, status_code, route, model, entry
        , code -- if: within
    -- end
)

-- name: few_cells
-- Rows of a rollup of spans as they are.
SELECT bucket, service, name, kind, status_code, route, model, entry, adjusted_spans AS weighed, spans, uncounted_spans AS uncounted
    , duration_min_ns, duration_max_ns, duration_index, duration_weight, duration_count -- if: within

-- name: few_spans
-- The same of spans themselves; further columns tell them apart as well.
SELECT end_ns // 60000000000 AS bucket, service, name, kind, status_code, route, model,
    parent_span_id IS NULL OR coalesce(flags & 512, 0) > 0 OR (kind IN (2, 5) AND coalesce(flags & 256, 0) = 0) AS entry,
    sum(adjusted_count) AS weighed, count(*) AS spans, count(*) - count(adjusted_count) AS uncounted

-- name: few_of
-- Of which of them; without `buckets` of all from `first` up to `beyond`.
WHERE bucket >= $first AND bucket < $beyond
    AND list_contains($buckets::BIGINT[], bucket) -- if: buckets
    AND service = $service -- if: service

-- name: span_before
-- Of `cells`, rollups of spans, how many codes of the histogram lie before the threshold, where that lies within it.
SELECT *, CASE WHEN duration_min_ns <= $edge_ns AND duration_max_ns > $edge_ns THEN len(list_filter(duration_index, lambda code: code < $bound)) END AS before
FROM cells

-- name: span_sides
-- How many spans of such a row lie on the right side of the threshold, as they are weighed and as they were sent.
CASE WHEN before IS NULL THEN CASE WHEN (duration_max_ns <= $edge_ns) = $below THEN adjusted_spans END
    ELSE list_sum(duration_weight[:before]) -- if: below
    ELSE list_sum(duration_weight[before + 1:]) -- if: above
END AS within,
CASE WHEN before IS NULL THEN CASE WHEN (duration_max_ns <= $edge_ns) = $below THEN spans END
    ELSE list_sum(duration_count[:before]) -- if: below
    ELSE list_sum(duration_count[before + 1:]) -- if: above
END AS sent,

-- name: span_counts
-- Of `cells`, rollups of spans, the counts of each bucket: good ones as they are weighed, all, those that say what they stand for, those that
-- do not, and good ones as they were sent. A histogram is looked into only where the threshold lies within it.
SELECT
    bucket, coalesce(sum(within) FILTER (good), 0)::DOUBLE, coalesce(sum(adjusted_spans), 0)::DOUBLE, sum(spans - uncounted_spans)::DOUBLE,
    sum(uncounted_spans)::DOUBLE, coalesce(sum(sent) FILTER (good), 0)::DOUBLE
FROM (
    SELECT
        bucket, adjusted_spans, spans, uncounted_spans,
        adjusted_spans AS within, spans AS sent, -- if: whole
        -- if: edge_ns
        -- include: span_sides
        -- end
        true
            AND list_contains($good_service::VARCHAR[], coalesce(service, '')) -- if: good_service
            AND NOT list_contains($good_not_service::VARCHAR[], coalesce(service, '')) -- if: good_not_service
            AND list_contains($good_name::VARCHAR[], coalesce(name, '')) -- if: good_name
            AND NOT list_contains($good_not_name::VARCHAR[], coalesce(name, '')) -- if: good_not_name
            AND list_contains($good_kind::VARCHAR[], coalesce(['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'][kind + 1], '')) -- if: good_kind
            AND NOT list_contains($good_not_kind::VARCHAR[], coalesce(['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'][kind + 1], '')) -- if: good_not_kind
            AND list_contains($good_status::VARCHAR[], CASE WHEN status_code = 2 THEN 'error' ELSE 'ok' END) -- if: good_status
            AND NOT list_contains($good_not_status::VARCHAR[], CASE WHEN status_code = 2 THEN 'error' ELSE 'ok' END) -- if: good_not_status
            AND list_contains($good_route::VARCHAR[], coalesce(route, '')) -- if: good_route
            AND NOT list_contains($good_not_route::VARCHAR[], coalesce(route, '')) -- if: good_not_route
            AND list_contains($good_model::VARCHAR[], coalesce(model, '')) -- if: good_model
            AND NOT list_contains($good_not_model::VARCHAR[], coalesce(model, '')) -- if: good_not_model
            AND list_contains($good_entry::VARCHAR[], coalesce(entry::VARCHAR, '')) -- if: good_entry
            AND NOT list_contains($good_not_entry::VARCHAR[], coalesce(entry::VARCHAR, '')) -- if: good_not_entry
        AS good
    FROM
        cells -- if: whole
        -- if: edge_ns
        (
            -- include: span_before
        )
        -- end
    WHERE true
        AND list_contains($where_service::VARCHAR[], coalesce(service, '')) -- if: where_service
        AND NOT list_contains($where_not_service::VARCHAR[], coalesce(service, '')) -- if: where_not_service
        AND list_contains($where_name::VARCHAR[], coalesce(name, '')) -- if: where_name
        AND NOT list_contains($where_not_name::VARCHAR[], coalesce(name, '')) -- if: where_not_name
        AND list_contains($where_kind::VARCHAR[], coalesce(['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'][kind + 1], '')) -- if: where_kind
        AND NOT list_contains($where_not_kind::VARCHAR[], coalesce(['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'][kind + 1], '')) -- if: where_not_kind
        AND list_contains($where_status::VARCHAR[], CASE WHEN status_code = 2 THEN 'error' ELSE 'ok' END) -- if: where_status
        AND NOT list_contains($where_not_status::VARCHAR[], CASE WHEN status_code = 2 THEN 'error' ELSE 'ok' END) -- if: where_not_status
        AND list_contains($where_route::VARCHAR[], coalesce(route, '')) -- if: where_route
        AND NOT list_contains($where_not_route::VARCHAR[], coalesce(route, '')) -- if: where_not_route
        AND list_contains($where_model::VARCHAR[], coalesce(model, '')) -- if: where_model
        AND NOT list_contains($where_not_model::VARCHAR[], coalesce(model, '')) -- if: where_not_model
        AND list_contains($where_entry::VARCHAR[], coalesce(entry::VARCHAR, '')) -- if: where_entry
        AND NOT list_contains($where_not_entry::VARCHAR[], coalesce(entry::VARCHAR, '')) -- if: where_not_entry
)
GROUP BY bucket;

-- name: user_conditions
-- Filters of users in days by user, as statistics/spenders.py makes them.
AND user_number >= $least_number AND user_number <= $most_number
AND ($numbers IS NULL OR list_contains($numbers::INTEGER[], user_number))
AND ($not_numbers IS NULL OR NOT list_contains($not_numbers::INTEGER[], user_number));

-- name: dialogue_conditions
-- Filters of dialogues.
AND fits(service, $service, $not_service) -- if: service not_service
AND fits(book_id, $book, $not_book) -- if: book not_book
AND fits(user_id, $user, $not_user) -- if: user not_user
AND fits(model, $model, $not_model) -- if: model not_model
AND fits(type, $type, $not_type) -- if: type not_type
AND fits(session_id, $session_id, $not_session_id) -- if: session_id not_session_id
AND fits(feature, $feature, $not_feature) -- if: feature not_feature
AND fits(tenant, $tenant, $not_tenant) -- if: tenant not_tenant
AND fits(user_tier, $user_tier, $not_user_tier) -- if: user_tier not_user_tier
;

-- name: ranked_cells
-- Cells by part and category, those of the categories beyond the costliest `most` as one.
costliest AS MATERIALIZED (
    SELECT category, sum(cost_usd) AS cost_usd, sum(calls) AS calls, count(*) OVER () AS categories
    FROM cells GROUP BY category ORDER BY cost_usd DESC NULLS LAST, calls DESC, category LIMIT $most
),
ranked AS MATERIALIZED (
    SELECT
        category, categories,
        row_number() OVER (ORDER BY cost_usd DESC NULLS LAST, calls DESC, category) AS rank
    FROM costliest
)
SELECT
    part, rank, any_value(ranked.category) AS category, any_value(categories) AS categories, sum(cost_usd) AS cost_usd,
    sum(calls)::BIGINT AS calls, sum(priced_calls)::BIGINT AS priced_calls, sum(unpriced_calls)::BIGINT AS unpriced_calls,
    sum(estimated_calls)::BIGINT AS estimated_calls, sum(free_calls)::BIGINT AS free_calls, sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens, sum(cached_input_tokens) AS cached_input_tokens
FROM cells LEFT JOIN ranked ON cells.category IS NOT DISTINCT FROM ranked.category
GROUP BY part, rank;

-- name: unranked_cells
-- Cells by part and category, of too many no more than shows it.
SELECT
    part, category, sum(cost_usd) AS cost_usd, sum(calls)::BIGINT AS calls, sum(priced_calls)::BIGINT AS priced_calls,
    sum(unpriced_calls)::BIGINT AS unpriced_calls, sum(estimated_calls)::BIGINT AS estimated_calls,
    sum(free_calls)::BIGINT AS free_calls, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
    sum(cached_input_tokens) AS cached_input_tokens
FROM cells GROUP BY part, category LIMIT $most_rows + 1

-- name: audio_conditions
-- What may be asked about spans of audio that their rollups know, too.
AND fits(service, $service, $not_service) -- if: service not_service
AND fits(name, $name, $not_name) -- if: name not_name
AND fits(['unset', 'ok', 'error'][status_code + 1], $status, $not_status) -- if: status not_status
AND fits(stage, $stage, $not_stage) -- if: stage not_stage
AND fits(format, $format, $not_format) -- if: format not_format
AND fits(source, $source, $not_source) -- if: source not_source
AND fits(feature, $feature, $not_feature) -- if: feature not_feature
AND fits(tenant, $tenant, $not_tenant) -- if: tenant not_tenant
AND fits(user_tier, $user_tier, $not_user_tier) -- if: user_tier not_user_tier

-- name: audio_chosen
-- The spans of a window that meet the conditions, have the measure `having`, and are not told of by rollups: its ragged ends, and hours that wait
-- to be recomputed. `problems`, where they are asked for, says which of those a span has, null where it cannot be told.
audio_rows AS NOT MATERIALIZED (
    FROM audio_spans WHERE start_ns >= $from_ns AND start_ns < $head_ns
    UNION ALL
    FROM audio_spans WHERE start_ns >= $tail_ns AND start_ns < $to_ns
    UNION ALL
    FROM audio_spans WHERE start_ns >= $stale_from_ns AND start_ns < $stale_to_ns AND list_contains($stale_hours::BIGINT[], start_ns // 3600000000000)
),
audio_chosen AS NOT MATERIALIZED (
    FROM (
        SELECT *
            -- if: judged
            , list_transform(list_select(v, $judged_by::INTEGER[]), lambda value, i:
                CASE WHEN ($problem_above::BOOLEAN[])[i] THEN value > ($problem_limits::DOUBLE[])[i] ELSE value < ($problem_limits::DOUBLE[])[i] END
            ) AS problems
            -- end
        FROM audio_rows
    )
    WHERE true
        AND v[$having] IS NOT NULL -- if: having
        -- include: audio_conditions
        AND fits(user_id, $user_id, $not_user_id) -- if: user_id not_user_id
        AND fits(session_id, $session_id, $not_session_id) -- if: session_id not_session_id
        AND list_contains($trace_id::UUID[], trace_id) -- if: trace_id
        AND NOT list_contains($not_trace_id::UUID[], trace_id) -- if: not_trace_id
        -- if: of_calls
        AND trace_id IN (
            SELECT trace_id FROM ledger
            WHERE at_ns >= $from_ns - 3600000000000 AND fits(model, $model, NULL) AND fits(provider, $provider, NULL)
                AND fits(operation, $operation, NULL))
        -- end
        -- if: not_of_calls
        AND trace_id NOT IN (
            SELECT trace_id FROM ledger
            WHERE at_ns >= $from_ns - 3600000000000 AND NOT (
                fits(model, NULL, $not_model) AND fits(provider, NULL, $not_provider) AND fits(operation, NULL, $not_operation)))
        -- end
        AND coalesce(list_bool_or(list_select(problems, $problem::INTEGER[])), false) -- if: problem
        AND NOT coalesce(list_bool_or(list_select(problems, $not_problem::INTEGER[])), false) -- if: not_problem
),

-- name: audio_clips
-- Of audio_chosen, spans of audio: which counts as an audio (clip 2), which only within its service (1), and which is a part of one (0). A pipeline
-- does, and of stages the first below each parent, unless a pipeline of their trace began in the same hour or in the hour before.
audio_known AS NOT MATERIALIZED (
    SELECT trace_id, span_id, parent_span_id, coalesce(service, '') AS service, stage, start_ns, start_ns // 3600000000000 AS hour
    FROM audio_spans
    WHERE start_ns >= $from_ns // 3600000000000 * 3600000000000 - 3600000000000
        AND start_ns < ($to_ns + 3599999999999) // 3600000000000 * 3600000000000 AND trace_id IN (SELECT trace_id FROM audio_chosen WHERE stage IS NOT NULL)
),
audio_piped AS MATERIALIZED (
    SELECT DISTINCT trace_id, service, unnest([hour, hour + 1]) AS hour FROM audio_known WHERE stage IS NULL
),
audio_firsts AS (
    SELECT trace_id, span_id, CASE
        WHEN alone AND coalesce(lag(hour) OVER (PARTITION BY alone, trace_id, parent_span_id ORDER BY start_ns, span_id) < hour - 1, true) THEN 2
        WHEN coalesce(lag(hour) OVER (PARTITION BY trace_id, service, parent_span_id ORDER BY start_ns, span_id) < hour - 1, true) THEN 1
        ELSE 0 END AS clip
    FROM (
        SELECT *, (trace_id, hour) NOT IN (SELECT (trace_id, hour) FROM audio_piped) AS alone
        FROM audio_known ANTI JOIN audio_piped USING (trace_id, service, hour) WHERE stage IS NOT NULL
    )
),
audio_marked AS NOT MATERIALIZED (
    SELECT
        c.* EXCLUDE (adjusted_count), coalesce(adjusted_count, 1) AS weight, adjusted_count IS NULL AS uncounted,
        CASE WHEN stage IS NULL THEN 2 ELSE coalesce(f.clip, 0) END::UTINYINT AS clip
    FROM audio_chosen AS c LEFT JOIN audio_firsts AS f USING (trace_id, span_id)
),

-- name: audio_parts
-- Of audio_placed (its keys, and what `EXCLUDE` names) everything that is counted, in pieces that add up: spans, values by code, and (`told`) the
-- sketch of the variance and reasons why there is no value. Metric 0 stands for spans.
audio_subjects AS NOT MATERIALIZED (
    SELECT
        * EXCLUDE (features_skipped, quality_skipped),
        pipeline OR list_count(list_select(v, $references::INTEGER[])) > 0
        OR (quality_skipped IS NOT NULL AND NOT starts_with(quality_skipped, 'word_error_rate=')) AS compared,
        features_skipped IS NOT NULL OR list_count(list_select(v, $features::INTEGER[])) > 0 AS heard,
        v[$words] IS NOT NULL OR coalesce(contains(quality_skipped, 'word_error_rate='), false) AS worded
    FROM audio_placed
),
audio_values AS NOT MATERIALIZED (
    SELECT * EXCLUDE (v, pipeline, features_skipped, quality_skipped)
    FROM (
        SELECT *, unnest(list_select(v, $wanted::INTEGER[])) AS value, unnest($wanted::INTEGER[]) AS metric
        FROM audio_placed
    )
    WHERE value IS NOT NULL
),
audio_parts AS NOT MATERIALIZED (
    SELECT
        * EXCLUDE (trace_id, weight, uncounted, pipeline, v, compared, heard, worded), 0 AS metric,
        count(*) AS spans, sum(weight) AS weight, count(*) FILTER (uncounted) AS uncounted,
        count(*) FILTER (compared) AS compared, coalesce(sum(weight) FILTER (compared), 0) AS compared_weight,
        count(*) FILTER (heard) AS heard, coalesce(sum(weight) FILTER (heard), 0) AS heard_weight, count(*) FILTER (worded) AS worded
    FROM audio_subjects GROUP BY ALL
    UNION ALL BY NAME
    SELECT
        * EXCLUDE (trace_id, weight, uncounted, value), value_code(value) AS code,
        len(list_filter(($edges::DOUBLE[][])[metric], lambda edge: edge <= value)) AS bin, count(*) AS spans, sum(weight) AS weight,
        sum(weight * value) AS total, sum(value) AS kept,
        count(*) FILTER (CASE WHEN ($above::BOOLEAN[])[metric] THEN value > ($limits::DOUBLE[])[metric] ELSE value < ($limits::DOUBLE[])[metric] END) AS beyond,
        coalesce(sum(weight) FILTER (CASE WHEN ($above::BOOLEAN[])[metric] THEN value > ($limits::DOUBLE[])[metric] ELSE value < ($limits::DOUBLE[])[metric] END), 0)
            AS beyond_weight,
        sum(weight) AS heavy, min(value) AS least, max(value) AS most
    FROM audio_values GROUP BY ALL
    -- if: told
    UNION ALL BY NAME
    SELECT
        * EXCLUDE (trace_id, weight, uncounted, pipeline, v, features_skipped, quality_skipped), 0 AS metric, (hash(trace_id) & 63)::UTINYINT AS slot,
        sum(CASE WHEN hash(trace_id) & 64 = 0 THEN 1 ELSE -1 END * sqrt(weight * (weight - 1))) AS spread
    FROM audio_placed WHERE weight > 1 GROUP BY ALL
    UNION ALL BY NAME
    SELECT
        * EXCLUDE (trace_id, weight, uncounted, pipeline, v, features_skipped, quality_skipped), $length AS metric, (hash(trace_id) & 63)::UTINYINT AS slot,
        sum(CASE WHEN hash(trace_id) & 64 = 0 THEN 1 ELSE -1 END * sqrt(weight * (weight - 1)) * v[$length]) AS spread
    FROM audio_placed WHERE weight > 1 AND v[$length] IS NOT NULL GROUP BY ALL
    UNION ALL BY NAME
    SELECT
        * EXCLUDE (trace_id, weight, uncounted, piece, family), 0 AS metric,
        CASE WHEN contains(piece, '=') THEN split_part(piece, '=', 1) ELSE family END AS what,
        CASE WHEN contains(piece, '=') THEN split_part(piece, '=', 2) ELSE piece END AS reason, count(*) AS skipped, sum(weight) AS skipped_weight
    FROM (
        SELECT * EXCLUDE (pipeline, v, features_skipped, quality_skipped), 'features' AS family, unnest(string_split(features_skipped[:500], ',')) AS piece FROM audio_placed
        UNION ALL BY NAME
        SELECT * EXCLUDE (pipeline, v, features_skipped, quality_skipped), 'quality' AS family, unnest(string_split(quality_skipped[:500], ',')) AS piece FROM audio_placed
    )
    GROUP BY ALL
    -- end
)

-- name: audio_unfolded
-- Rows of rollups of audio, audio_rolled, taken apart into such pieces.
audio_unfolded AS NOT MATERIALIZED (
    SELECT * EXCLUDE (bins, codes, weights, least, most, spread_slot, spread_sum, reasons) FROM audio_rolled
    UNION ALL BY NAME
    SELECT
        * EXCLUDE (
            spans, weight, uncounted, compared, compared_weight, heard, heard_weight, worded, total, kept, beyond, beyond_weight,
            bins, codes, weights, least, most, spread_slot, spread_sum, reasons
        ),
        unnest(bins) AS bin, unnest(codes) AS code, unnest(weights) AS heavy, unnest(least) AS least, unnest(most) AS most
    FROM audio_rolled
    -- if: told
    UNION ALL BY NAME
    SELECT
        * EXCLUDE (
            spans, weight, uncounted, compared, compared_weight, heard, heard_weight, worded, total, kept, beyond, beyond_weight,
            bins, codes, weights, least, most, spread_slot, spread_sum, reasons
        ),
        unnest(spread_slot) AS slot, unnest(spread_sum)::DOUBLE AS spread
    FROM audio_rolled
    UNION ALL BY NAME
    SELECT * EXCLUDE (why, metric), 0 AS metric, why.what AS what, why.reason AS reason, why.spans AS skipped, why.weight AS skipped_weight
    FROM (
        SELECT
            * EXCLUDE (
                spans, weight, uncounted, compared, compared_weight, heard, heard_weight, worded, total, kept, beyond, beyond_weight,
                bins, codes, weights, least, most, spread_slot, spread_sum, reasons
            ),
            unnest(reasons) AS why
        FROM audio_rolled
    )
    -- end
)

-- name: audio_numbered
-- Numbers for the keys of audio_keyed: numbers are compared many times as fast as a dozen texts.
audio_cells AS MATERIALIZED (SELECT key, row_number() OVER () AS cell FROM (SELECT DISTINCT key FROM audio_keyed)),

-- name: audio_folded
-- Rows of rollups of audio from pieces.
SELECT key.*, folded.* EXCLUDE (cell)
FROM (
    SELECT
        cell, metric, coalesce(sum(spans), 0)::BIGINT AS spans, coalesce(sum(weight), 0) AS weight, sum(uncounted)::BIGINT AS uncounted,
        sum(compared)::BIGINT AS compared, sum(compared_weight) AS compared_weight, sum(heard)::BIGINT AS heard, sum(heard_weight) AS heard_weight,
        sum(worded)::BIGINT AS worded, sum(total) AS total, sum(kept) AS kept, sum(beyond)::BIGINT AS beyond, sum(beyond_weight) AS beyond_weight,
        list(bin ORDER BY bin, code) FILTER (code IS NOT NULL) AS bins, list(code ORDER BY bin, code) FILTER (code IS NOT NULL) AS codes,
        list(heavy ORDER BY bin, code) FILTER (code IS NOT NULL) AS weights, list(least ORDER BY bin, code) FILTER (code IS NOT NULL) AS least,
        list(most ORDER BY bin, code) FILTER (code IS NOT NULL) AS most, list(slot ORDER BY slot) FILTER (slot IS NOT NULL) AS spread_slot,
        list(spread::FLOAT ORDER BY slot) FILTER (slot IS NOT NULL) AS spread_sum,
        list({'what': what, 'reason': reason, 'spans': skipped, 'weight': skipped_weight} ORDER BY what, reason) FILTER (what IS NOT NULL) AS reasons
    FROM (
        SELECT
            cell, metric, bin, code, slot, what, reason, sum(spans) AS spans, sum(weight) AS weight, sum(uncounted) AS uncounted,
            sum(compared) AS compared, sum(compared_weight) AS compared_weight, sum(heard) AS heard, sum(heard_weight) AS heard_weight,
            sum(worded) AS worded, sum(total) AS total, sum(kept) AS kept, sum(beyond) AS beyond, sum(beyond_weight) AS beyond_weight,
            sum(heavy) AS heavy, min(least) AS least, max(most) AS most, sum(spread) AS spread, sum(skipped)::BIGINT AS skipped,
            sum(skipped_weight) AS skipped_weight
        FROM audio_pieces GROUP BY ALL
    )
    GROUP BY cell, metric
) AS folded JOIN audio_cells USING (cell)
ORDER BY metric, cell;

-- name: lines_by_trace
-- Between which minutes a trace has ledger lines of those that the index of traces knows: not from before it took them in, nor of
-- those that it has given up (`minutes_of_traces` of traces/queries.sql).
SELECT
    (trace_id::UHUGEINT & 18446744073709551615)::UBIGINT AS hash,
    (min(at_ns) // 60000000000)::INTEGER AS first_minute, (max(at_ns) // 60000000000)::INTEGER AS last_minute
FROM ledger
WHERE at_ns > coalesce(
    greatest((SELECT max(after_ns) FROM lines_indexed), (SELECT max(from_ns) FROM kept_from WHERE subject = 'trace_index')),
    -9223372036854775808
)
GROUP BY hash

-- name: says_word
-- Whether a span says a word without spaces, in any of what `judged_traces` puts together.
(
    contains(lower(attributes), $word::VARCHAR) OR contains(lower(name), $word::VARCHAR)
    OR contains(lower(service), $word::VARCHAR) OR contains(lower(user_id), $word::VARCHAR)
    OR contains(lower(session_id), $word::VARCHAR) OR contains(lower(operation), $word::VARCHAR)
    OR contains(lower(model), $word::VARCHAR) OR contains(lower(provider), $word::VARCHAR)
    OR contains(lower(route), $word::VARCHAR) OR contains(lower(error_type), $word::VARCHAR)
    OR contains(lower(status_message), $word::VARCHAR)
)

-- name: line_says_word
-- The same of a ledger line.
(
    contains(lower(attributes), $word::VARCHAR) OR contains(lower(service), $word::VARCHAR)
    OR contains(lower(user_id), $word::VARCHAR) OR contains(lower(session_id), $word::VARCHAR)
    OR contains(lower(operation), $word::VARCHAR) OR contains(lower(model), $word::VARCHAR)
    OR contains(lower(provider), $word::VARCHAR) OR contains(lower(error_type), $word::VARCHAR)
    OR contains(lower(response_id), $word::VARCHAR)
)

-- name: held_bits
-- The bits of a row's service and model, made where these are columns of a table: of a repeated text once.
CASE
    WHEN model IS NULL THEN list_extract($service_bits::UHUGEINT[], list_position($services::VARCHAR[], service))
    ELSE coalesce(
        list_extract($service_bits::UHUGEINT[], list_position($services::VARCHAR[], service))
        | list_extract($model_bits::UHUGEINT[], list_position($models::VARCHAR[], model)),
        list_extract($model_bits::UHUGEINT[], list_position($models::VARCHAR[], model))
    )
END

-- name: telling_conditions
-- One condition that spans and ledger lines meet alike (`few_…` of `judged_traces`), after a WHERE that has one already.
AND list_contains($session_id::VARCHAR[], session_id) -- if: few_session_id
AND list_contains($user_id::VARCHAR[], user_id) -- if: few_user_id
AND list_contains($model::VARCHAR[], model) -- if: few_model
AND list_contains($feature::VARCHAR[], feature) -- if: few_feature
AND list_contains($operation::VARCHAR[], operation) -- if: few_operation
AND list_contains($tenant::VARCHAR[], tenant) -- if: few_tenant
AND list_contains($user_tier::VARCHAR[], user_tier) -- if: few_user_tier
AND list_contains($provider::VARCHAR[], provider) -- if: few_provider
AND list_contains($service::VARCHAR[], service) -- if: few_service

-- name: telling_spans
-- Which spans can tell of traces asked for, after a WHERE that has a condition already.
AND list_contains($trace_id::UUID[], trace_id) -- if: trace_id
AND list_contains($name::VARCHAR[], name) -- if: few_name
AND status_code = 2 -- if: few_status
AND list_contains($route::VARCHAR[], route) -- if: few_route
-- include: telling_conditions

-- name: telling_lines
-- The same of ledger lines.
AND list_contains($trace_id::UUID[], trace_id) -- if: trace_id
AND false -- if: few_name few_route
AND error_type IS NOT NULL -- if: few_status
-- include: telling_conditions

-- name: behind_cursor
-- What stands behind where a page ended, after a WHERE that has a condition already.
AND ( -- if: after_trace
    ($after_place IS NULL AND place IS NULL AND trace_id > $after_trace::UUID) -- if: after_trace
    OR ($after_place IS NOT NULL AND place IS NULL) -- if: after_trace
    OR place > $after_place::DECIMAL(38, 12) -- if: after_trace
    OR (place = $after_place::DECIMAL(38, 12) AND trace_id > $after_trace::UUID) -- if: after_trace
) -- if: after_trace

-- name: judged_traces
-- The traces that left a span or a ledger line in a window and meet the conditions, after a WITH: `seen` is what they
-- left, `passed` the judgements; of one without `heavier` all was regarded. Only traces with something of another than
-- the usual weight can have left less. Of `two_weights`, 1 and this heavier one, each trace is judged once more by what weighs 1, if
-- anything does, which says the same of a trace that has nothing else. Where all conditions ask for what any span or line may have, more of a trace meets
-- what less of it did (`at_once`): its weight is then the least with which it meets them, and that is all its judgement.
-- Where few spans and lines meet one condition (`few_…`), only their traces are judged, and with `upto_ns` only those that
-- begin before then. One word is looked for column by column, which takes half of what it takes to look for it in all that a span says; the other `words` in that.
-- Where `facets` are asked for, a bit each says which of some services and models a trace has.
seen AS NOT MATERIALIZED (
    SELECT
        trace_id, start_ns, end_ns, service, name,
        ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'][kind + 1] AS kind,
        status_code, model, provider, operation, user_id, session_id, feature, tenant, user_tier, route,
        error_type, http_status, resource_id, NULL::VARCHAR AS state, NULL::DECIMAL(24, 12) AS cost_usd, coalesce(adjusted_count, 'inf'::DOUBLE) AS weight
        -- if: words
        , lower(concat_ws(
            ' ', name, service, user_id, session_id, operation, model, provider, route, error_type, status_message,
            attributes
        )) AS words
        -- end
        -- if: word
        ,
        -- include: says_word
        AS says
        -- end
        -- if: facets
        ,
        -- include: held_bits
        AS held
        -- end
    FROM spans
    WHERE start_ns >= $from_ns AND start_ns < $to_ns
        AND list_contains($trace_id::UUID[], trace_id) -- if: trace_id
        AND NOT list_contains($not_trace_id::UUID[], trace_id) -- if: not_trace_id
    UNION ALL
    SELECT
        trace_id, at_ns - coalesce(duration_ns, 0) AS start_ns, at_ns AS end_ns, service, NULL AS name, NULL AS kind,
        CASE WHEN error_type IS NULL THEN 0 ELSE 2 END AS status_code, model, provider, operation,
        user_id, session_id, feature, tenant, user_tier, NULL AS route, error_type, NULL AS http_status,
        NULL AS resource_id, state, cost_usd, 1 AS weight
        -- if: words
        , lower(concat_ws(
            ' ', service, user_id, session_id, operation, model, provider, error_type, response_id, attributes
        )) AS words
        -- end
        -- if: word
        ,
        -- include: line_says_word
        AS says
        -- end
        -- if: facets
        ,
        -- include: held_bits
        AS held
        -- end
    FROM ledger
    WHERE at_ns >= $from_ns AND at_ns < $to_ns
        AND list_contains($trace_id::UUID[], trace_id) -- if: trace_id
        AND NOT list_contains($not_trace_id::UUID[], trace_id) -- if: not_trace_id
),
-- if: upto_ns
begun AS MATERIALIZED (SELECT DISTINCT trace_id FROM seen WHERE start_ns < $upto_ns),
-- end
-- if: few_session_id few_user_id few_name few_status few_route few_model few_feature few_operation few_tenant few_user_tier few_provider few_service few_say
chosen AS MATERIALIZED (
    SELECT DISTINCT trace_id FROM seen
    SEMI JOIN begun USING (trace_id) -- if: upto_ns
    WHERE true
        AND list_contains($name::VARCHAR[], name) -- if: few_name
        AND status_code = 2 -- if: few_status
        AND list_contains($route::VARCHAR[], route) -- if: few_route
        AND says -- if: few_say
        -- include: telling_conditions
),
-- end
-- if: redrawn
mixed AS MATERIALIZED (SELECT * FROM seen SEMI JOIN (FROM seen WHERE weight <> $usual_weight) USING (trace_id)),
lesser AS MATERIALIZED (
    SELECT trace_id, weight, heavier
    FROM (
        SELECT trace_id, weight, lead(weight) OVER (PARTITION BY trace_id ORDER BY weight) AS heavier
        FROM (SELECT DISTINCT trace_id, weight FROM mixed)
    )
    WHERE heavier IS NOT NULL
),
-- end
regarded AS NOT MATERIALIZED (
    SELECT
        seen.*
        , NULL::DOUBLE AS heavier -- if: redrawn
        , unnest(CASE WHEN weight < $two_weights THEN [NULL, $two_weights] ELSE [NULL] END::DOUBLE[]) AS heavier -- if: two_weights
    FROM seen
    SEMI JOIN begun USING (trace_id) -- if: upto_ns
    SEMI JOIN chosen USING (trace_id) -- if: few_session_id few_user_id few_name few_status few_route few_model few_feature few_operation few_tenant few_user_tier few_provider few_service few_say
    -- if: redrawn
    UNION ALL
    SELECT mixed.*, lesser.heavier FROM mixed JOIN lesser USING (trace_id) WHERE mixed.weight <= lesser.weight
    -- end
),
judged AS NOT MATERIALIZED (
    SELECT
        trace_id, min(start_ns) AS start_ns,
        -- if: redrawn
        heavier, max(weight) AS weight,
        -- end
        heavier, CASE WHEN heavier IS NULL THEN $two_weights ELSE max(weight) END AS weight, -- if: two_weights
        -- if: at_once
        NULL::DOUBLE AS heavier,
        greatest(
            min(weight)
            , min(weight) FILTER (status_code = 2) -- if: status
            , min(weight) FILTER (true -- if: word words
                AND says -- if: word
                AND len(list_filter($words::VARCHAR[], lambda word: contains(words, word))) = len($words::VARCHAR[]) -- if: words
            ) -- if: word words
            , min(weight) FILTER (list_contains($service::VARCHAR[], service)) -- if: service
            , min(weight) FILTER (list_contains($name::VARCHAR[], name)) -- if: name
            , min(weight) FILTER (list_contains($kind::VARCHAR[], kind)) -- if: kind
            , min(weight) FILTER (list_contains($model::VARCHAR[], model)) -- if: model
            , min(weight) FILTER (list_contains($provider::VARCHAR[], provider)) -- if: provider
            , min(weight) FILTER (list_contains($operation::VARCHAR[], operation)) -- if: operation
            , min(weight) FILTER (list_contains($user_id::VARCHAR[], user_id)) -- if: user_id
            , min(weight) FILTER (list_contains($session_id::VARCHAR[], session_id)) -- if: session_id
            , min(weight) FILTER (list_contains($feature::VARCHAR[], feature)) -- if: feature
            , min(weight) FILTER (list_contains($tenant::VARCHAR[], tenant)) -- if: tenant
            , min(weight) FILTER (list_contains($user_tier::VARCHAR[], user_tier)) -- if: user_tier
            , min(weight) FILTER (list_contains($route::VARCHAR[], route)) -- if: route
            , min(weight) FILTER (list_contains($state::VARCHAR[], state)) -- if: state
        ) AS weight,
        -- end
        max(end_ns) - min(start_ns) AS duration_ns, -- if: duration_ns
        coalesce(sum(cost_usd), CASE WHEN count(state) = 0 THEN 0 END) AS cost_usd, -- if: cost_usd
        CASE max(status_code) WHEN 2 THEN 'error' WHEN 1 THEN 'ok' ELSE 'unset' END AS status
        , coalesce(bit_or(held), 0) AS held -- if: facets
    FROM regarded
    GROUP BY
        trace_id
        , heavier -- if: redrawn two_weights
    HAVING true
        -- if: word words
        AND bool_or(true
            AND says -- if: word
            AND len(list_filter($words::VARCHAR[], lambda word: contains(words, word))) = len($words::VARCHAR[]) -- if: words
        )
        -- end
        -- if: service
        AND (coalesce(bool_or(list_contains($service::VARCHAR[], service)), false) OR (list_contains($service::VARCHAR[], '') AND count(service) = 0))
        -- end
        -- if: not_service
        AND NOT (coalesce(bool_or(list_contains($not_service::VARCHAR[], service)), false) OR (list_contains($not_service::VARCHAR[], '') AND count(service) = 0))
        -- end
        -- if: name
        AND (coalesce(bool_or(list_contains($name::VARCHAR[], name)), false) OR (list_contains($name::VARCHAR[], '') AND count(name) = 0))
        -- end
        -- if: not_name
        AND NOT (coalesce(bool_or(list_contains($not_name::VARCHAR[], name)), false) OR (list_contains($not_name::VARCHAR[], '') AND count(name) = 0))
        -- end
        -- if: kind
        AND (coalesce(bool_or(list_contains($kind::VARCHAR[], kind)), false) OR (list_contains($kind::VARCHAR[], '') AND count(kind) = 0))
        -- end
        -- if: not_kind
        AND NOT (coalesce(bool_or(list_contains($not_kind::VARCHAR[], kind)), false) OR (list_contains($not_kind::VARCHAR[], '') AND count(kind) = 0))
        -- end
        -- if: model
        AND (coalesce(bool_or(list_contains($model::VARCHAR[], model)), false) OR (list_contains($model::VARCHAR[], '') AND count(model) = 0))
        -- end
        -- if: not_model
        AND NOT (coalesce(bool_or(list_contains($not_model::VARCHAR[], model)), false) OR (list_contains($not_model::VARCHAR[], '') AND count(model) = 0))
        -- end
        -- if: provider
        AND (coalesce(bool_or(list_contains($provider::VARCHAR[], provider)), false) OR (list_contains($provider::VARCHAR[], '') AND count(provider) = 0))
        -- end
        -- if: not_provider
        AND NOT (coalesce(bool_or(list_contains($not_provider::VARCHAR[], provider)), false) OR (list_contains($not_provider::VARCHAR[], '') AND count(provider) = 0))
        -- end
        -- if: operation
        AND (coalesce(bool_or(list_contains($operation::VARCHAR[], operation)), false) OR (list_contains($operation::VARCHAR[], '') AND count(operation) = 0))
        -- end
        -- if: not_operation
        AND NOT (coalesce(bool_or(list_contains($not_operation::VARCHAR[], operation)), false) OR (list_contains($not_operation::VARCHAR[], '') AND count(operation) = 0))
        -- end
        -- if: user_id
        AND (coalesce(bool_or(list_contains($user_id::VARCHAR[], user_id)), false) OR (list_contains($user_id::VARCHAR[], '') AND count(user_id) = 0))
        -- end
        -- if: not_user_id
        AND NOT (coalesce(bool_or(list_contains($not_user_id::VARCHAR[], user_id)), false) OR (list_contains($not_user_id::VARCHAR[], '') AND count(user_id) = 0))
        -- end
        -- if: session_id
        AND (coalesce(bool_or(list_contains($session_id::VARCHAR[], session_id)), false) OR (list_contains($session_id::VARCHAR[], '') AND count(session_id) = 0))
        -- end
        -- if: not_session_id
        AND NOT (coalesce(bool_or(list_contains($not_session_id::VARCHAR[], session_id)), false) OR (list_contains($not_session_id::VARCHAR[], '') AND count(session_id) = 0))
        -- end
        -- if: feature
        AND (coalesce(bool_or(list_contains($feature::VARCHAR[], feature)), false) OR (list_contains($feature::VARCHAR[], '') AND count(feature) = 0))
        -- end
        -- if: not_feature
        AND NOT (coalesce(bool_or(list_contains($not_feature::VARCHAR[], feature)), false) OR (list_contains($not_feature::VARCHAR[], '') AND count(feature) = 0))
        -- end
        -- if: tenant
        AND (coalesce(bool_or(list_contains($tenant::VARCHAR[], tenant)), false) OR (list_contains($tenant::VARCHAR[], '') AND count(tenant) = 0))
        -- end
        -- if: not_tenant
        AND NOT (coalesce(bool_or(list_contains($not_tenant::VARCHAR[], tenant)), false) OR (list_contains($not_tenant::VARCHAR[], '') AND count(tenant) = 0))
        -- end
        -- if: user_tier
        AND (coalesce(bool_or(list_contains($user_tier::VARCHAR[], user_tier)), false) OR (list_contains($user_tier::VARCHAR[], '') AND count(user_tier) = 0))
        -- end
        -- if: not_user_tier
        AND NOT (coalesce(bool_or(list_contains($not_user_tier::VARCHAR[], user_tier)), false) OR (list_contains($not_user_tier::VARCHAR[], '') AND count(user_tier) = 0))
        -- end
        -- if: route
        AND (coalesce(bool_or(list_contains($route::VARCHAR[], route)), false) OR (list_contains($route::VARCHAR[], '') AND count(route) = 0))
        -- end
        -- if: not_route
        AND NOT (coalesce(bool_or(list_contains($not_route::VARCHAR[], route)), false) OR (list_contains($not_route::VARCHAR[], '') AND count(route) = 0))
        -- end
        -- if: state
        AND (coalesce(bool_or(list_contains($state::VARCHAR[], state)), false) OR (list_contains($state::VARCHAR[], '') AND count(state) = 0))
        -- end
        -- if: not_state
        AND NOT (coalesce(bool_or(list_contains($not_state::VARCHAR[], state)), false) OR (list_contains($not_state::VARCHAR[], '') AND count(state) = 0))
        -- end
),
passed AS MATERIALIZED (
    SELECT
        *,
        start_ns AS place -- if: by_start
        -start_ns AS place -- if: by_start_down
        duration_ns AS place -- if: by_duration
        -duration_ns AS place -- if: by_duration_down
        cost_usd AS place -- if: by_cost
        -cost_usd AS place -- if: by_cost_down
    FROM judged
    WHERE true
        AND list_contains($status::VARCHAR[], status) -- if: status
        AND NOT list_contains($not_status::VARCHAR[], status) -- if: not_status
        AND duration_ns >= $least_duration -- if: least_duration
        AND duration_ns <= $most_duration -- if: most_duration
        AND cost_usd >= $least_cost -- if: least_cost
        AND cost_usd <= $most_cost -- if: most_cost
);

-- name: metrics_of_calls
-- Columns of the public views of metrics by minute, hour and day: of calls.
service,
kind,
operation,
provider,
model,
feature,
tenant,
user_tier,
calls AS total_requests,
calls - errors AS success_count,
errors AS failure_count,
duration_sum_ns::DOUBLE / nullif(list_sum(duration_count), 0) / 1e6 AS avg_latency,
duration_min_ns / 1e6 AS min_latency,
duration_max_ns / 1e6 AS max_latency,
distribution_quantile(duration_index, duration_count, 0.5) / 1e6 AS p50_latency,
distribution_quantile(duration_index, duration_count, 0.95) / 1e6 AS p95_latency,
distribution_quantile(duration_index, duration_count, 0.99) / 1e6 AS p99_latency,
input_tokens,
output_tokens,
coalesce(input_tokens, 0) + coalesce(output_tokens, 0) AS total_tokens,
cached_input_tokens,
cost_usd AS total_cost,
priced_calls,
unpriced_calls,
estimated_calls,
free_calls,
NULL::HUGEINT AS cache_hits,
NULL::HUGEINT AS cache_misses,
NULL::DOUBLE AS cache_hit_rate,
NULL::DECIMAL(38, 12) AS cache_saved_cost,
NULL::HUGEINT AS rate_limit_allowed,
NULL::HUGEINT AS rate_limit_denied

-- name: metrics_of_told
-- The same of what programs told.
service,
event AS kind,
CASE event WHEN 'cache' THEN subject END AS provider,
feature,
tenant,
user_tier,
sum(events) FILTER (outcome = 'hit') AS cache_hits,
sum(events) FILTER (outcome = 'miss') AS cache_misses,
cache_hits / nullif(coalesce(cache_hits, 0) + coalesce(cache_misses, 0), 0) AS cache_hit_rate,
sum(saved_cost) FILTER (outcome = 'hit') AS cache_saved_cost,
sum(events) FILTER (outcome = 'allowed') AS rate_limit_allowed,
sum(events) FILTER (outcome = 'denied') AS rate_limit_denied
