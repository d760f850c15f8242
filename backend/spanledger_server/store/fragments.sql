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

-- name: call_sources
-- Calls by part of a window and category, before a SELECT: `rolled` from rollups, `lines` from the ledger.
WITH cells AS NOT MATERIALIZED (
    SELECT part_of(bucket * 60000000000, $p) AS part, * FROM cost_1m WHERE of_minutes(bucket, $s)
    UNION ALL BY NAME
    SELECT part_of(bucket * 3600000000000, $p) AS part, * FROM cost_1h WHERE of_hours(bucket, $s)
    UNION ALL BY NAME
    SELECT part_of(bucket * 86400000000000, $p) AS part, * FROM cost_1d WHERE of_days(bucket, $s)
),
rolled AS NOT MATERIALIZED (
    SELECT
        CASE $dimension
            WHEN 'model' THEN model WHEN 'provider' THEN provider WHEN 'service' THEN service WHEN 'operation' THEN operation
            WHEN 'feature' THEN feature WHEN 'tenant' THEN tenant WHEN 'user_tier' THEN user_tier
        END AS category, *
    FROM cells
    WHERE fits(service, $service, $not_service) AND fits(kind, $kind, $not_kind) AND fits(model, $model, $not_model)
        AND fits(provider, $provider, $not_provider) AND fits(operation, $operation, $not_operation)
        AND fits(feature, $feature, $not_feature) AND fits(tenant, $tenant, $not_tenant)
        AND fits(user_tier, $user_tier, $not_user_tier)
),
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
        AND ($whole OR list_contains($s.stale_minutes, at_ns // 60000000000))
        AND fits(service, $service, $not_service)
        AND fits(CASE WHEN error_type IS NULL THEN 'ok' ELSE 'error' END, $status, $not_status)
        AND fits(kind, $kind, $not_kind) AND fits(model, $model, $not_model) AND fits(provider, $provider, $not_provider)
        AND fits(operation, $operation, $not_operation) AND fits(user_id, $user_id, $not_user_id)
        AND fits(session_id, $session_id, $not_session_id) AND fits(feature, $feature, $not_feature)
        AND fits(tenant, $tenant, $not_tenant) AND fits(user_tier, $user_tier, $not_user_tier)
        AND fits(state, $state, $not_state)
        AND ($trace_id IS NULL OR list_contains($trace_id::UUID[], trace_id))
        AND ($not_trace_id IS NULL OR NOT list_contains($not_trace_id::UUID[], trace_id))
        AND ($least_duration IS NULL OR duration_ns >= $least_duration)
        AND ($most_duration IS NULL OR duration_ns <= $most_duration)
        AND ($least_cost IS NULL OR cost_usd >= $least_cost)
        AND ($most_cost IS NULL OR cost_usd <= $most_cost)
)

-- name: rule_call_cells
-- What rules read of calls: of `cells`, the buckets from `first` up to `beyond`, added up by the labels whose places `by` names. `only` and
-- `wanted` let through rows with some combinations of labels; `apart` keeps so many neighbours apart from the next; `spread` asks for distributions.
SELECT
    CASE WHEN $apart > 0 THEN bucket // $apart END AS bucket, list_select(labels, $by::INTEGER[]) AS key, sum(calls) AS calls, sum(errors) AS errors,
    sum(priced_calls) AS priced_calls, sum(unpriced_calls) AS unpriced_calls, sum(estimated_calls) AS estimated_calls,
    sum(free_calls) AS free_calls, sum(cost_usd) AS cost_usd, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
    sum(cached_input_tokens) AS cached_input_tokens, sum(duration_sum_ns) AS duration_sum_ns, min(duration_min_ns) AS duration_min_ns,
    max(duration_max_ns) AS duration_max_ns, flatten(list(CASE WHEN $spread THEN duration_index END)) AS codes,
    flatten(list(CASE WHEN $spread THEN duration_count END)) AS counts,
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

-- name: few_cells
-- Rows of a rollup of spans; what of each lies on the right side of a threshold, unless that lies within its histogram.
SELECT bucket, service, name, kind, status_code, route, model, entry, adjusted_spans AS weighed, spans, uncounted_spans AS uncounted,
    CASE WHEN (duration_max_ns <= $edge_ns) = $below THEN adjusted_spans ELSE 0 END AS within,
    CASE WHEN (duration_max_ns <= $edge_ns) = $below THEN spans ELSE 0 END AS sent,
    CASE WHEN duration_min_ns <= $edge_ns AND duration_max_ns > $edge_ns THEN duration_index END AS codes,
    CASE WHEN duration_min_ns <= $edge_ns AND duration_max_ns > $edge_ns THEN duration_weight END AS weights,
    CASE WHEN duration_min_ns <= $edge_ns AND duration_max_ns > $edge_ns THEN duration_count END AS numbers

-- name: few_conditions
-- Which of these rows.
WHERE bucket >= $first AND bucket < $beyond AND list_contains($buckets::BIGINT[], bucket) AND ($service IS NULL OR service = $service);

-- name: span_counts
-- Of `cells`, rollups of spans, the counts of each bucket: good ones as they are weighed, all, those that say what they stand for, those that
-- do not, and good ones as they were sent. A histogram is looked into only where the threshold lies within it.
SELECT
    bucket, coalesce(sum(within) FILTER (good), 0)::DOUBLE, coalesce(sum(adjusted_spans), 0)::DOUBLE, sum(spans - uncounted_spans)::DOUBLE,
    sum(uncounted_spans)::DOUBLE, coalesce(sum(sent) FILTER (good), 0)::DOUBLE
FROM (
    SELECT
        bucket, adjusted_spans, spans, uncounted_spans,
        CASE
            WHEN $edge_ns IS NULL THEN adjusted_spans
            WHEN duration_max_ns <= $edge_ns OR duration_min_ns > $edge_ns THEN CASE WHEN (duration_max_ns <= $edge_ns) = $below THEN adjusted_spans ELSE 0 END
            ELSE list_sum(list_where(duration_weight, list_transform(duration_index, lambda code: (code < $bound) = $below)))
        END AS within,
        CASE
            WHEN $edge_ns IS NULL THEN spans
            WHEN duration_max_ns <= $edge_ns OR duration_min_ns > $edge_ns THEN CASE WHEN (duration_max_ns <= $edge_ns) = $below THEN spans ELSE 0 END
            ELSE list_sum(list_where(duration_count, list_transform(duration_index, lambda code: (code < $bound) = $below)))
        END AS sent,
        fits(service, $good_service, $good_not_service)
            AND fits(name, $good_name, $good_not_name)
            AND fits(['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'][kind + 1], $good_kind, $good_not_kind)
            AND fits(CASE WHEN status_code = 2 THEN 'error' ELSE 'ok' END, $good_status, $good_not_status)
            AND fits(route, $good_route, $good_not_route)
            AND fits(model, $good_model, $good_not_model)
            AND fits(entry::VARCHAR, $good_entry, $good_not_entry) AS good
    FROM cells
    WHERE fits(service, $where_service, $where_not_service)
        AND fits(name, $where_name, $where_not_name)
        AND fits(['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'][kind + 1], $where_kind, $where_not_kind)
        AND fits(CASE WHEN status_code = 2 THEN 'error' ELSE 'ok' END, $where_status, $where_not_status)
        AND fits(route, $where_route, $where_not_route)
        AND fits(model, $where_model, $where_not_model)
        AND fits(entry::VARCHAR, $where_entry, $where_not_entry)
)
GROUP BY bucket;

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
    sum(calls)::BIGINT AS calls, sum(priced_calls)::BIGINT AS priced_calls, sum(unpriced_calls)::BIGINT AS unpriced_calls,
    sum(estimated_calls)::BIGINT AS estimated_calls, sum(free_calls)::BIGINT AS free_calls, sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens, sum(cached_input_tokens) AS cached_input_tokens
FROM cells LEFT JOIN ranked ON cells.category IS NOT DISTINCT FROM ranked.category
GROUP BY part, rank;

-- name: audio_spans
-- Spans of audio that meet the conditions and start in a window: `v` holds the measures in their order, null where there is none,
-- `problems` which of those it has, null where it cannot be told. A clip is a pipeline; where no pipeline of a trace is among them, the first stage below each parent.
-- Pipelines of up to margin_ns before are known, so that no clip is counted in two windows.
audio_read AS NOT MATERIALIZED (
    SELECT
        trace_id, span_id, parent_span_id, start_ns, end_ns, service, name, status_code, feature, tenant, user_tier, user_id, session_id,
        coalesce(adjusted_count, 1) AS weight, adjusted_count IS NULL AS uncounted, json_extract_string(attributes, $paths) AS said
    FROM spans
    WHERE start_ns >= $from_ns - $margin_ns AND start_ns < $to_ns AND contains(attributes, '"audio.')
        AND fits(service, $service, $not_service) AND fits(name, $name, $not_name)
        AND fits(['unset', 'ok', 'error'][status_code + 1], $status, $not_status)
        AND fits(feature, $feature, $not_feature) AND fits(tenant, $tenant, $not_tenant) AND fits(user_tier, $user_tier, $not_user_tier)
        AND fits(user_id, $user_id, $not_user_id) AND fits(session_id, $session_id, $not_session_id)
        AND ($trace_id IS NULL OR list_contains($trace_id::UUID[], trace_id))
        AND ($not_trace_id IS NULL OR NOT list_contains($not_trace_id::UUID[], trace_id))
        AND (NOT $of_calls OR trace_id IN (
            SELECT trace_id FROM ledger
            WHERE at_ns >= $from_ns - $margin_ns AND fits(model, $model, NULL) AND fits(provider, $provider, NULL)
                AND fits(operation, $operation, NULL)))
        AND (NOT $not_of_calls OR trace_id NOT IN (
            SELECT trace_id FROM ledger
            WHERE at_ns >= $from_ns - $margin_ns AND NOT (
                fits(model, NULL, $not_model) AND fits(provider, NULL, $not_provider) AND fits(operation, NULL, $not_operation))))
),
audio_told AS NOT MATERIALIZED (
    SELECT
        * EXCLUDE (said), said[1] AS stage, said[2] AS format, said[3] AS source, said[4] AS audio_id, said[5] AS features_skipped,
        said[6] AS quality_skipped,
        list_append(list_transform(try_cast(said[7:] AS DOUBLE[]), lambda value, i:
            CASE WHEN value BETWEEN ($least::DOUBLE[])[i] AND ($greatest::DOUBLE[])[i] THEN value END
        ), greatest(0, (end_ns - start_ns) / 1e9)) AS v
    FROM audio_read
),
audio_judged AS NOT MATERIALIZED (
    SELECT
        *, list_transform(list_select(v, $judged_by::INTEGER[]), lambda value, i:
            CASE WHEN ($above::BOOLEAN[])[i] THEN value > ($limits::DOUBLE[])[i] ELSE value < ($limits::DOUBLE[])[i] END) AS problems
    FROM audio_told
    WHERE fits(stage, $stage, $not_stage) AND fits(format, $format, $not_format) AND fits(source, $source, $not_source)
),
audio_chosen AS MATERIALIZED (
    SELECT * FROM audio_judged
    WHERE ($problem IS NULL OR coalesce(list_bool_or(list_select(problems, $problem::INTEGER[])), false))
        AND ($not_problem IS NULL OR NOT coalesce(list_bool_or(list_select(problems, $not_problem::INTEGER[])), false))
),
audio_alone AS (
    SELECT trace_id, arg_min(span_id, start_ns::HUGEINT * 18446744073709551616 + span_id) AS span_id
    FROM audio_chosen
    WHERE stage IS NOT NULL AND trace_id NOT IN (SELECT trace_id FROM audio_chosen WHERE stage IS NULL)
    GROUP BY trace_id, parent_span_id
),
audio_words AS (
    SELECT DISTINCT coalesce(service, '') AS service, coalesce(stage, '') AS stage FROM audio_chosen
    WHERE v[$words] IS NOT NULL OR contains(quality_skipped, 'word_error_rate=')
),
audio_heard AS MATERIALIZED (
    SELECT
        *, stage IS NULL OR (trace_id, span_id) IN (FROM audio_alone) AS clip,
        stage IS NULL OR list_count(list_select(v, $references::INTEGER[])) > 0
        OR (quality_skipped IS NOT NULL AND NOT starts_with(quality_skipped, 'word_error_rate=')) AS compared,
        features_skipped IS NOT NULL OR list_count(list_select(v, $features::INTEGER[])) > 0 AS heard,
        (coalesce(service, ''), coalesce(stage, '')) IN (FROM audio_words) AS words
    FROM audio_chosen WHERE start_ns >= $from_ns
),

-- name: audio_figures
-- Of audio_placed (audio_heard by part and category): how many there are, and of each of the measures `wanted` how many have it, their sum and
-- quantiles, exact: buckets of 2 % tell in which of them a quantile lies, and its values are then looked at one by one. Only clips count
-- for measures of clips, unless they are told apart.
audio_counts AS (
    SELECT
        part, category, count(*) AS spans, count(*) FILTER (uncounted) AS uncounted, sum(weight) AS weight,
        coalesce(sum(weight) FILTER (status_code = 2), 0) AS failed,
        count(*) FILTER (clip OR $apart) AS clips, coalesce(sum(weight) FILTER (clip OR $apart), 0) AS clips_weight,
        count(*) FILTER (clip AND uncounted) AS clips_uncounted,
        coalesce(sum(weight) FILTER ((clip OR $apart) AND status_code = 2), 0) AS clips_failed,
        count(*) FILTER (compared) AS compared, coalesce(sum(weight) FILTER (compared), 0) AS compared_weight,
        count(*) FILTER (heard) AS heard, coalesce(sum(weight) FILTER (heard), 0) AS heard_weight,
        count(*) FILTER (words) AS words, coalesce(sum(weight) FILTER (words), 0) AS words_weight
    FROM audio_placed GROUP BY part, category
),
audio_values AS MATERIALIZED (
    SELECT part, category, metric, value, weight, value_code(value) AS code
    FROM (
        SELECT part, category, clip, weight, unnest(list_select(v, $wanted::INTEGER[])) AS value, unnest($wanted::INTEGER[]) AS metric
        FROM audio_placed
    )
    WHERE value IS NOT NULL AND (clip OR $apart OR NOT list_contains($of_clips::INTEGER[], metric))
),
audio_sums AS (
    SELECT part, category, metric, count(*) AS measured, sum(weight) AS weight, sum(weight * value) AS total
    FROM audio_values GROUP BY part, category, metric
),
audio_codes AS (
    SELECT *, sum(weight) OVER (PARTITION BY part, category, metric ORDER BY code) AS upto
    FROM (SELECT part, category, metric, code, sum(weight) AS weight FROM audio_values GROUP BY part, category, metric, code)
),
audio_ranks AS MATERIALIZED (
    SELECT c.part, c.category, c.metric, q, any_value(q * s.weight) AS rank, min(code) AS code, min(upto - c.weight) AS below
    FROM audio_codes AS c JOIN audio_sums AS s USING (part, category, metric), (SELECT unnest([0.05, 0.5, 0.95]::DOUBLE[]) AS q)
    WHERE upto >= q * s.weight GROUP BY c.part, c.category, c.metric, q
),
audio_near AS (
    SELECT part, category, metric, code, value, sum(sum(weight)) OVER (PARTITION BY part, category, metric, code ORDER BY value) AS upto
    FROM audio_values SEMI JOIN audio_ranks USING (part, category, metric, code)
    GROUP BY part, category, metric, code, value
),
audio_quantiles AS (
    SELECT part, category, metric, map_from_entries(list((q, value))) AS quantiles
    FROM (
        SELECT part, category, metric, q, coalesce(min(value) FILTER (below + upto >= rank), max(value)) AS value
        FROM audio_near JOIN audio_ranks USING (part, category, metric, code)
        GROUP BY part, category, metric, q
    )
    GROUP BY part, category, metric
)

-- name: judged_traces
-- The traces that left a span or a ledger line in a window and meet the conditions, after a WITH: `seen` is what they
-- left, `passed` the judgements; of one without `heavier` all was regarded.
seen AS NOT MATERIALIZED (
    SELECT
        trace_id, start_ns, end_ns, service, name,
        ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'][kind + 1] AS kind,
        status_code, model, provider, operation, user_id, session_id, feature, tenant, user_tier, route,
        error_type, http_status, resource_id, NULL::VARCHAR AS state, NULL::DECIMAL(24, 12) AS cost_usd, coalesce(adjusted_count, 'inf'::DOUBLE) AS weight,
        CASE WHEN $words IS NOT NULL THEN lower(concat_ws(
            ' ', name, service, user_id, session_id, operation, model, provider, route, error_type, status_message,
            attributes
        )) END AS words
    FROM spans
    WHERE start_ns >= $from_ns AND start_ns < $to_ns
        AND ($trace_id IS NULL OR list_contains($trace_id::UUID[], trace_id))
        AND ($not_trace_id IS NULL OR NOT list_contains($not_trace_id::UUID[], trace_id))
    UNION ALL
    SELECT
        trace_id, at_ns - coalesce(duration_ns, 0) AS start_ns, at_ns AS end_ns, service, NULL AS name, NULL AS kind,
        CASE WHEN error_type IS NULL THEN 0 ELSE 2 END AS status_code, model, provider, operation,
        user_id, session_id, feature, tenant, user_tier, NULL AS route, error_type, NULL AS http_status,
        NULL AS resource_id, state, cost_usd, 1 AS weight,
        CASE WHEN $words IS NOT NULL THEN lower(concat_ws(
            ' ', service, user_id, session_id, operation, model, provider, error_type, response_id, attributes
        )) END AS words
    FROM ledger
    WHERE at_ns >= $from_ns AND at_ns < $to_ns
        AND ($trace_id IS NULL OR list_contains($trace_id::UUID[], trace_id))
        AND ($not_trace_id IS NULL OR NOT list_contains($not_trace_id::UUID[], trace_id))
),
lesser AS (
    SELECT trace_id, weight, heavier
    FROM (
        SELECT trace_id, weight, lead(weight) OVER (PARTITION BY trace_id ORDER BY weight) AS heavier
        FROM (SELECT DISTINCT trace_id, weight FROM seen WHERE $sampled)
    )
    WHERE heavier IS NOT NULL
),
regarded AS NOT MATERIALIZED (
    SELECT seen.*, NULL::DOUBLE AS heavier FROM seen
    UNION ALL
    SELECT seen.*, lesser.heavier FROM seen JOIN lesser USING (trace_id)
    WHERE $sampled AND seen.weight <= lesser.weight
),
judged AS NOT MATERIALIZED (
    SELECT
        trace_id, heavier, max(weight) AS weight,
        min(start_ns) AS start_ns, max(end_ns) - min(start_ns) AS duration_ns,
        coalesce(sum(cost_usd), CASE WHEN count(state) = 0 THEN 0 END) AS cost_usd,
        CASE max(status_code) WHEN 2 THEN 'error' WHEN 1 THEN 'ok' ELSE 'unset' END AS status
    FROM regarded
    GROUP BY trace_id, heavier
    HAVING ($words IS NULL
            OR bool_or(
                len(list_filter($words::VARCHAR[], lambda word: contains(words, word))) = len($words::VARCHAR[])
            ))
        AND ($service IS NULL OR coalesce(bool_or(list_contains($service::VARCHAR[], service)), false)
            OR (list_contains($service::VARCHAR[], '') AND count(service) = 0))
        AND ($not_service IS NULL OR NOT (coalesce(bool_or(list_contains($not_service::VARCHAR[], service)), false)
            OR (list_contains($not_service::VARCHAR[], '') AND count(service) = 0)))
        AND ($name IS NULL OR coalesce(bool_or(list_contains($name::VARCHAR[], name)), false)
            OR (list_contains($name::VARCHAR[], '') AND count(name) = 0))
        AND ($not_name IS NULL OR NOT (coalesce(bool_or(list_contains($not_name::VARCHAR[], name)), false)
            OR (list_contains($not_name::VARCHAR[], '') AND count(name) = 0)))
        AND ($kind IS NULL OR coalesce(bool_or(list_contains($kind::VARCHAR[], kind)), false)
            OR (list_contains($kind::VARCHAR[], '') AND count(kind) = 0))
        AND ($not_kind IS NULL OR NOT (coalesce(bool_or(list_contains($not_kind::VARCHAR[], kind)), false)
            OR (list_contains($not_kind::VARCHAR[], '') AND count(kind) = 0)))
        AND ($model IS NULL OR coalesce(bool_or(list_contains($model::VARCHAR[], model)), false)
            OR (list_contains($model::VARCHAR[], '') AND count(model) = 0))
        AND ($not_model IS NULL OR NOT (coalesce(bool_or(list_contains($not_model::VARCHAR[], model)), false)
            OR (list_contains($not_model::VARCHAR[], '') AND count(model) = 0)))
        AND ($provider IS NULL OR coalesce(bool_or(list_contains($provider::VARCHAR[], provider)), false)
            OR (list_contains($provider::VARCHAR[], '') AND count(provider) = 0))
        AND ($not_provider IS NULL OR NOT (coalesce(bool_or(list_contains($not_provider::VARCHAR[], provider)), false)
            OR (list_contains($not_provider::VARCHAR[], '') AND count(provider) = 0)))
        AND ($operation IS NULL OR coalesce(bool_or(list_contains($operation::VARCHAR[], operation)), false)
            OR (list_contains($operation::VARCHAR[], '') AND count(operation) = 0))
        AND ($not_operation IS NULL OR NOT (coalesce(bool_or(list_contains($not_operation::VARCHAR[], operation)),
            false)
            OR (list_contains($not_operation::VARCHAR[], '') AND count(operation) = 0)))
        AND ($user_id IS NULL OR coalesce(bool_or(list_contains($user_id::VARCHAR[], user_id)), false)
            OR (list_contains($user_id::VARCHAR[], '') AND count(user_id) = 0))
        AND ($not_user_id IS NULL OR NOT (coalesce(bool_or(list_contains($not_user_id::VARCHAR[], user_id)), false)
            OR (list_contains($not_user_id::VARCHAR[], '') AND count(user_id) = 0)))
        AND ($session_id IS NULL OR coalesce(bool_or(list_contains($session_id::VARCHAR[], session_id)), false)
            OR (list_contains($session_id::VARCHAR[], '') AND count(session_id) = 0))
        AND ($not_session_id IS NULL OR NOT (coalesce(bool_or(list_contains($not_session_id::VARCHAR[], session_id)),
            false)
            OR (list_contains($not_session_id::VARCHAR[], '') AND count(session_id) = 0)))
        AND ($feature IS NULL OR coalesce(bool_or(list_contains($feature::VARCHAR[], feature)), false)
            OR (list_contains($feature::VARCHAR[], '') AND count(feature) = 0))
        AND ($not_feature IS NULL OR NOT (coalesce(bool_or(list_contains($not_feature::VARCHAR[], feature)), false)
            OR (list_contains($not_feature::VARCHAR[], '') AND count(feature) = 0)))
        AND ($tenant IS NULL OR coalesce(bool_or(list_contains($tenant::VARCHAR[], tenant)), false)
            OR (list_contains($tenant::VARCHAR[], '') AND count(tenant) = 0))
        AND ($not_tenant IS NULL OR NOT (coalesce(bool_or(list_contains($not_tenant::VARCHAR[], tenant)), false)
            OR (list_contains($not_tenant::VARCHAR[], '') AND count(tenant) = 0)))
        AND ($user_tier IS NULL OR coalesce(bool_or(list_contains($user_tier::VARCHAR[], user_tier)), false)
            OR (list_contains($user_tier::VARCHAR[], '') AND count(user_tier) = 0))
        AND ($not_user_tier IS NULL OR NOT (coalesce(bool_or(list_contains($not_user_tier::VARCHAR[], user_tier)),
            false)
            OR (list_contains($not_user_tier::VARCHAR[], '') AND count(user_tier) = 0)))
        AND ($route IS NULL OR coalesce(bool_or(list_contains($route::VARCHAR[], route)), false)
            OR (list_contains($route::VARCHAR[], '') AND count(route) = 0))
        AND ($not_route IS NULL OR NOT (coalesce(bool_or(list_contains($not_route::VARCHAR[], route)), false)
            OR (list_contains($not_route::VARCHAR[], '') AND count(route) = 0)))
        AND ($state IS NULL OR coalesce(bool_or(list_contains($state::VARCHAR[], state)), false)
            OR (list_contains($state::VARCHAR[], '') AND count(state) = 0))
        AND ($not_state IS NULL OR NOT (coalesce(bool_or(list_contains($not_state::VARCHAR[], state)), false)
            OR (list_contains($not_state::VARCHAR[], '') AND count(state) = 0)))
),
passed AS MATERIALIZED (
    SELECT
        trace_id, heavier, weight, start_ns, duration_ns, cost_usd, status,
        CASE WHEN $descending THEN -key ELSE key END AS place
    FROM (
        SELECT
            *,
            CASE $sort_by WHEN 'start' THEN start_ns WHEN 'duration' THEN duration_ns
                ELSE cost_usd END::DECIMAL(38, 12) AS key
        FROM judged
    )
    WHERE ($status IS NULL OR list_contains($status::VARCHAR[], status))
        AND ($not_status IS NULL OR NOT list_contains($not_status::VARCHAR[], status))
        AND ($least_duration IS NULL OR duration_ns >= $least_duration)
        AND ($most_duration IS NULL OR duration_ns <= $most_duration)
        AND ($least_cost IS NULL OR cost_usd >= $least_cost)
        AND ($most_cost IS NULL OR cost_usd <= $most_cost)
);
