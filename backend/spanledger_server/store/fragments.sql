-- What several statements ask alike; a line `-- include: NAME` in a queries.sql stands for it.

-- name: ledger_conditions
-- Filters of lines of the ledger, after a WHERE that has a condition already.
AND ($service IS NULL OR list_contains($service::VARCHAR[], coalesce(service, '')))
AND ($not_service IS NULL OR NOT list_contains($not_service::VARCHAR[], coalesce(service, '')))
AND ($status IS NULL OR list_contains($status::VARCHAR[], CASE WHEN error_type IS NULL THEN 'ok' ELSE 'error' END))
AND ($not_status IS NULL
    OR NOT list_contains($not_status::VARCHAR[], CASE WHEN error_type IS NULL THEN 'ok' ELSE 'error' END))
AND ($kind IS NULL OR list_contains($kind::VARCHAR[], kind))
AND ($not_kind IS NULL OR NOT list_contains($not_kind::VARCHAR[], kind))
AND ($model IS NULL OR list_contains($model::VARCHAR[], coalesce(model, '')))
AND ($not_model IS NULL OR NOT list_contains($not_model::VARCHAR[], coalesce(model, '')))
AND ($provider IS NULL OR list_contains($provider::VARCHAR[], coalesce(provider, '')))
AND ($not_provider IS NULL OR NOT list_contains($not_provider::VARCHAR[], coalesce(provider, '')))
AND ($operation IS NULL OR list_contains($operation::VARCHAR[], coalesce(operation, '')))
AND ($not_operation IS NULL OR NOT list_contains($not_operation::VARCHAR[], coalesce(operation, '')))
AND ($user_id IS NULL OR list_contains($user_id::VARCHAR[], coalesce(user_id, '')))
AND ($not_user_id IS NULL OR NOT list_contains($not_user_id::VARCHAR[], coalesce(user_id, '')))
AND ($session_id IS NULL OR list_contains($session_id::VARCHAR[], coalesce(session_id, '')))
AND ($not_session_id IS NULL OR NOT list_contains($not_session_id::VARCHAR[], coalesce(session_id, '')))
AND ($feature IS NULL OR list_contains($feature::VARCHAR[], coalesce(feature, '')))
AND ($not_feature IS NULL OR NOT list_contains($not_feature::VARCHAR[], coalesce(feature, '')))
AND ($tenant IS NULL OR list_contains($tenant::VARCHAR[], coalesce(tenant, '')))
AND ($not_tenant IS NULL OR NOT list_contains($not_tenant::VARCHAR[], coalesce(tenant, '')))
AND ($user_tier IS NULL OR list_contains($user_tier::VARCHAR[], coalesce(user_tier, '')))
AND ($not_user_tier IS NULL OR NOT list_contains($not_user_tier::VARCHAR[], coalesce(user_tier, '')))
AND ($state IS NULL OR list_contains($state::VARCHAR[], state))
AND ($not_state IS NULL OR NOT list_contains($not_state::VARCHAR[], state))
AND ($trace_id IS NULL OR list_contains($trace_id::UUID[], trace_id))
AND ($not_trace_id IS NULL OR NOT list_contains($not_trace_id::UUID[], trace_id))
AND ($least_duration IS NULL OR duration_ns >= $least_duration)
AND ($most_duration IS NULL OR duration_ns <= $most_duration)
AND ($least_cost IS NULL OR cost_usd >= $least_cost)
AND ($most_cost IS NULL OR cost_usd <= $most_cost);

-- name: cost_conditions
-- The same, as far as the rollups of costs can tell.
AND ($service IS NULL OR list_contains($service::VARCHAR[], coalesce(service, '')))
AND ($not_service IS NULL OR NOT list_contains($not_service::VARCHAR[], coalesce(service, '')))
AND ($kind IS NULL OR list_contains($kind::VARCHAR[], kind))
AND ($not_kind IS NULL OR NOT list_contains($not_kind::VARCHAR[], kind))
AND ($model IS NULL OR list_contains($model::VARCHAR[], coalesce(model, '')))
AND ($not_model IS NULL OR NOT list_contains($not_model::VARCHAR[], coalesce(model, '')))
AND ($provider IS NULL OR list_contains($provider::VARCHAR[], coalesce(provider, '')))
AND ($not_provider IS NULL OR NOT list_contains($not_provider::VARCHAR[], coalesce(provider, '')))
AND ($operation IS NULL OR list_contains($operation::VARCHAR[], coalesce(operation, '')))
AND ($not_operation IS NULL OR NOT list_contains($not_operation::VARCHAR[], coalesce(operation, '')))
AND ($feature IS NULL OR list_contains($feature::VARCHAR[], coalesce(feature, '')))
AND ($not_feature IS NULL OR NOT list_contains($not_feature::VARCHAR[], coalesce(feature, '')))
AND ($tenant IS NULL OR list_contains($tenant::VARCHAR[], coalesce(tenant, '')))
AND ($not_tenant IS NULL OR NOT list_contains($not_tenant::VARCHAR[], coalesce(tenant, '')))
AND ($user_tier IS NULL OR list_contains($user_tier::VARCHAR[], coalesce(user_tier, '')))
AND ($not_user_tier IS NULL OR NOT list_contains($not_user_tier::VARCHAR[], coalesce(user_tier, '')));

-- name: rule_call_cells
-- What rules read of calls: of `cells`, the buckets from `first` up to `beyond`, added up by the labels whose places `by` names. `only` and
-- `wanted` let through rows with some combinations of labels; `apart` keeps so many neighbours apart from the next.
SELECT
    CASE WHEN $apart > 0 THEN bucket // $apart END AS bucket, list_select(labels, $by::INTEGER[]) AS key, sum(calls) AS calls, sum(errors) AS errors,
    sum(priced_calls) AS priced_calls, sum(unpriced_calls) AS unpriced_calls, sum(estimated_calls) AS estimated_calls,
    sum(free_calls) AS free_calls, sum(cost_usd) AS cost_usd, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
    sum(cached_input_tokens) AS cached_input_tokens, sum(duration_sum_ns) AS duration_sum_ns, min(duration_min_ns) AS duration_min_ns,
    max(duration_max_ns) AS duration_max_ns, flatten(list(duration_index)) AS codes, flatten(list(duration_count)) AS counts,
    count(*) OVER () AS groups
FROM (
    SELECT *, [
            coalesce(service, ''), coalesce(kind, ''), coalesce(operation, ''), coalesce(provider, ''), coalesce(model, ''),
            coalesce(feature, ''), coalesce(tenant, ''), coalesce(user_tier, '')
        ] AS labels
    FROM cells WHERE bucket >= $first AND bucket < $beyond
)
WHERE $wanted IS NULL OR list_contains($wanted::VARCHAR[][], list_select(labels, $only::INTEGER[]))
GROUP BY ALL LIMIT $most;

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
    coalesce(sum(duration_sum_ns), 0)::DOUBLE AS duration_sum_ns, flatten(list(duration_index)) AS codes,
    flatten(list(list_transform(duration_weight, lambda w: coalesce(w, 0)))) AS weights,
    flatten(list(list_transform(duration_count, lambda n: n * uncounted_spans / spans))) AS loose,
    flatten(list(duration_count)) AS kept, NULL::UTINYINT[] AS slots, NULL::FLOAT[] AS sums, count(*) OVER () AS groups
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
    SELECT segment, service, name, kind, status_code, route, model, entry, spans, adjusted_spans, uncounted_spans, duration_index,
        duration_weight, duration_count
    FROM span_1m JOIN (FROM piece WHERE level = '1m') USING (bucket)
    WHERE ($services IS NULL OR list_contains($services::VARCHAR[], service)) AND ($entry IS NULL OR entry = $entry)
    UNION ALL
    SELECT segment, service, name, kind, status_code, route, model, entry, spans, adjusted_spans, uncounted_spans, duration_index,
        duration_weight, duration_count
    FROM span_1h JOIN (FROM piece WHERE level = '1h') USING (bucket)
    WHERE ($services IS NULL OR list_contains($services::VARCHAR[], service)) AND ($entry IS NULL OR entry = $entry)
    UNION ALL
    SELECT segment, service, name, kind, status_code, route, model, entry, spans, adjusted_spans, uncounted_spans, duration_index,
        duration_weight, duration_count
    FROM span_1d JOIN (FROM piece WHERE level = '1d') USING (bucket)
    WHERE ($services IS NULL OR list_contains($services::VARCHAR[], service)) AND ($entry IS NULL OR entry = $entry)
    UNION ALL
    SELECT segment, service, name, kind, status_code, route, model, entry, count(*), sum(weight), count(*) - count(weight),
        [code], [sum(weight)], [count(*)]
    FROM (
        SELECT end_ns // 60000000000 AS bucket, service, name, kind, status_code, route, model,
            parent_span_id IS NULL OR coalesce(flags & 512, 0) > 0 OR (kind IN (2, 5) AND coalesce(flags & 256, 0) = 0) AS entry,
            CASE WHEN $code IS NOT NULL THEN value_code(end_ns - start_ns) END AS code, adjusted_count AS weight
        FROM spans
        WHERE end_ns >= $least_ns AND end_ns < $most_ns
            AND ($services IS NULL OR list_contains($services::VARCHAR[], service))
    ) JOIN (FROM piece WHERE level = 'raw') USING (bucket)
    WHERE $entry IS NULL OR entry = $entry
    GROUP BY segment, service, name, kind, status_code, route, model, entry, code
)

-- name: user_conditions
-- Filters of users in days by user, as statistics/spenders.py makes them.
AND user_number >= $least_number AND user_number <= $most_number
AND ($numbers IS NULL OR list_contains($numbers::INTEGER[], user_number))
AND ($not_numbers IS NULL OR NOT list_contains($not_numbers::INTEGER[], user_number));

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
    sum(calls) AS calls, sum(priced_calls) AS priced_calls, sum(unpriced_calls) AS unpriced_calls,
    sum(estimated_calls) AS estimated_calls, sum(free_calls) AS free_calls, sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens, sum(cached_input_tokens) AS cached_input_tokens
FROM cells LEFT JOIN ranked ON cells.category IS NOT DISTINCT FROM ranked.category
GROUP BY part, rank;
