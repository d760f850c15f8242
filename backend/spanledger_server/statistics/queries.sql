-- name: cost_cells
-- Costs of a period by part and category. Lines come from the ledger (all of them when head_ns = to_ns), and between
-- head_ns and tail_ns from whole rollup buckets but for those listed in dirty, which are read from the ledger too. The
-- categories beyond the costliest `most` are one, of rank null; `categories` tells how many there are.
WITH cells AS MATERIALIZED (
    SELECT
        (at_ns + CASE
            WHEN at_ns >= $turn_4 THEN $offset_4 WHEN at_ns >= $turn_3 THEN $offset_3
            WHEN at_ns >= $turn_2 THEN $offset_2 WHEN at_ns >= $turn_1 THEN $offset_1 ELSE $offset_0
        END) // $width_ns AS part,
        CASE $dimension
            WHEN 'model' THEN model WHEN 'feature' THEN feature WHEN 'user_tier' THEN user_tier
            WHEN 'provider' THEN provider WHEN 'service' THEN service
        END AS category,
        sum(cost_usd) AS cost_usd, count(*)::HUGEINT AS calls,
        count(*) FILTER (state = 'priced')::HUGEINT AS priced_calls,
        count(*) FILTER (state = 'unpriced')::HUGEINT AS unpriced_calls,
        count(*) FILTER (state = 'estimated')::HUGEINT AS estimated_calls,
        count(*) FILTER (state = 'free')::HUGEINT AS free_calls, sum(input_tokens) AS input_tokens,
        sum(output_tokens) AS output_tokens, sum(cached_input_tokens) AS cached_input_tokens
    FROM ledger
    WHERE at_ns >= $from_ns AND at_ns < $to_ns
        AND (at_ns < $head_ns OR at_ns >= $tail_ns
            OR (at_ns >= $dirty_from_ns AND at_ns < $dirty_to_ns
                AND list_contains($dirty::BIGINT[], at_ns // $unit_ns)))
        AND ($service IS NULL OR list_contains($service::VARCHAR[], coalesce(service, '')))
        AND ($not_service IS NULL OR NOT list_contains($not_service::VARCHAR[], coalesce(service, '')))
        AND ($status IS NULL
            OR list_contains($status::VARCHAR[], CASE WHEN error_type IS NULL THEN 'ok' ELSE 'error' END))
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
        AND ($most_cost IS NULL OR cost_usd <= $most_cost)
    GROUP BY part, category
    UNION ALL
    SELECT
        (at_ns + CASE
            WHEN at_ns >= $turn_4 THEN $offset_4 WHEN at_ns >= $turn_3 THEN $offset_3
            WHEN at_ns >= $turn_2 THEN $offset_2 WHEN at_ns >= $turn_1 THEN $offset_1 ELSE $offset_0
        END) // $width_ns AS part,
        CASE $dimension
            WHEN 'model' THEN model WHEN 'feature' THEN feature WHEN 'user_tier' THEN user_tier
            WHEN 'provider' THEN provider WHEN 'service' THEN service
        END AS category,
        sum(cost_usd), sum(calls), sum(priced_calls), sum(unpriced_calls), sum(estimated_calls), sum(free_calls),
        sum(input_tokens), sum(output_tokens), sum(cached_input_tokens)
    FROM (
        SELECT bucket * $unit_ns AS at_ns, * FROM cost_1h WHERE $level = '1h'
        UNION ALL
        SELECT bucket * $unit_ns AS at_ns, * FROM cost_1d WHERE $level = '1d'
    )
    WHERE bucket >= $head_ns // $unit_ns AND bucket < $tail_ns // $unit_ns
        AND NOT list_contains($dirty::BIGINT[], bucket)
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
        AND ($not_user_tier IS NULL OR NOT list_contains($not_user_tier::VARCHAR[], coalesce(user_tier, '')))
    GROUP BY part, category
),
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

-- name: cost_cells_by_user
-- As cost_cells, by user and from the ledger alone. Users are ranked first: they are too many to be summed by part.
WITH lines AS NOT MATERIALIZED (
    SELECT at_ns, user_id AS category, cost_usd, state, input_tokens, output_tokens, cached_input_tokens
    FROM ledger
    WHERE at_ns >= $from_ns AND at_ns < $to_ns
        AND ($service IS NULL OR list_contains($service::VARCHAR[], coalesce(service, '')))
        AND ($not_service IS NULL OR NOT list_contains($not_service::VARCHAR[], coalesce(service, '')))
        AND ($status IS NULL
            OR list_contains($status::VARCHAR[], CASE WHEN error_type IS NULL THEN 'ok' ELSE 'error' END))
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
        AND ($most_cost IS NULL OR cost_usd <= $most_cost)
),
costliest AS MATERIALIZED (
    SELECT category, sum(cost_usd) AS cost_usd, count(*) AS calls, count(*) OVER () AS categories
    FROM lines GROUP BY category ORDER BY cost_usd DESC NULLS LAST, calls DESC, category LIMIT $most
),
ranked AS MATERIALIZED (
    SELECT
        category, categories,
        row_number() OVER (ORDER BY cost_usd DESC NULLS LAST, calls DESC, category) AS rank
    FROM costliest
)
SELECT
    (at_ns + CASE
        WHEN at_ns >= $turn_4 THEN $offset_4 WHEN at_ns >= $turn_3 THEN $offset_3
        WHEN at_ns >= $turn_2 THEN $offset_2 WHEN at_ns >= $turn_1 THEN $offset_1 ELSE $offset_0
    END) // $width_ns AS part,
    rank, any_value(ranked.category) AS category, any_value(categories) AS categories,
    sum(cost_usd) AS cost_usd, count(*)::HUGEINT AS calls,
    count(*) FILTER (state = 'priced')::HUGEINT AS priced_calls,
    count(*) FILTER (state = 'unpriced')::HUGEINT AS unpriced_calls,
    count(*) FILTER (state = 'estimated')::HUGEINT AS estimated_calls,
    count(*) FILTER (state = 'free')::HUGEINT AS free_calls, sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens, sum(cached_input_tokens) AS cached_input_tokens
FROM lines LEFT JOIN ranked ON lines.category IS NOT DISTINCT FROM ranked.category
GROUP BY part, rank;

-- name: rolled_from
-- The first bucket of unit_ns from which on the rollup of a level is whole.
SELECT greatest(
    CASE $level WHEN '1h' THEN (SELECT min(bucket) FROM cost_1h) ELSE (SELECT min(bucket) FROM cost_1d) END,
    (SELECT (from_ns + $unit_ns - 1) // $unit_ns FROM kept_from WHERE subject = 'cost_' || $level)
);

-- name: dirty_costs
-- Buckets of unit_ns of which some minute, hour or day is not recomputed yet.
SELECT DISTINCT
    bucket * CASE level
        WHEN '1m' THEN 60000000000 WHEN '1h' THEN 3600000000000 ELSE 86400000000000
    END // $unit_ns AS bucket,
    level
FROM dirty_buckets WHERE family = 'cost';

-- name: known_range
-- From the first line of the ledger to the last sign of life of anybody who sends.
SELECT
    (SELECT min(at_ns) FROM ledger) AS first_ns,
    (SELECT min(bucket) * 86400000000000 FROM cost_1d) AS first_rolled_ns,
    greatest(
        (SELECT max(at_ns) FROM ledger), (SELECT max(start_ns) FROM spans), (SELECT max(at_ns) FROM metric_points),
        (SELECT max(at_ns) FROM logs)
    ) AS last_ns;

-- name: slots
-- The slots of a dimension's values.
SELECT value, slot FROM series_slots WHERE dimension = $dimension;

-- name: assign_slots
-- Give values the next free slots, in the order of the list.
INSERT INTO series_slots
SELECT $dimension, value, (SELECT coalesce(max(slot), 0) FROM series_slots WHERE dimension = $dimension) + place
FROM (
    SELECT value, row_number() OVER (ORDER BY place) AS place
    FROM (SELECT unnest($values::VARCHAR[]) AS value, generate_subscripts($values::VARCHAR[], 1) AS place)
    WHERE value NOT IN (SELECT value FROM series_slots WHERE dimension = $dimension)
)
WHERE (SELECT coalesce(max(slot), 0) FROM series_slots WHERE dimension = $dimension) + place <= $most;

-- name: unseen_values
-- The values of a dimension that have no slot yet, the costliest first: of the ledger since from_ns, and of the rollups of
-- earlier hours and days, which have no users.
SELECT value FROM (
    SELECT
        CASE $dimension
            WHEN 'model' THEN model WHEN 'feature' THEN feature WHEN 'user_tier' THEN user_tier
            WHEN 'provider' THEN provider WHEN 'service' THEN service WHEN 'user' THEN user_id
        END AS value,
        cost_usd, calls
    FROM (
        SELECT model, feature, user_tier, provider, service, user_id, cost_usd, 1 AS calls
        FROM ledger WHERE at_ns >= $from_ns
        UNION ALL BY NAME
        SELECT model, feature, user_tier, provider, service, cost_usd, calls
        FROM cost_1h WHERE bucket >= $from_ns // 86400000000000 * 24
        UNION ALL BY NAME
        SELECT model, feature, user_tier, provider, service, cost_usd, calls FROM cost_1d
    )
)
WHERE value IS NOT NULL AND value NOT IN (SELECT value FROM series_slots WHERE dimension = $dimension)
GROUP BY value ORDER BY sum(cost_usd) DESC NULLS LAST, sum(calls) DESC, value LIMIT $most;

-- name: told_by_senders
-- What the own counters of senders, and of Collectors between, say became of their items within a window.
WITH counters AS (
    SELECT
        series_id, service, name, json_extract_string(attributes, '$."spanledger.signal"') AS signal,
        json_extract_string(attributes, '$."spanledger.outcome"') AS outcome,
        json_extract_string(attributes, '$."spanledger.reason"') AS reason,
        json_extract_string(attributes, '$.exporter') AS exporter
    FROM metric_series WHERE list_contains($metrics::VARCHAR[], name)
),
followed AS (
    SELECT
        service, name, signal, outcome, reason, exporter, at_ns, start_ns, value,
        lag(value) OVER one_series AS before_value, lag(at_ns) OVER one_series AS before_ns
    FROM metric_points JOIN counters USING (series_id)
    WHERE at_ns >= $look_from_ns AND at_ns < $to_ns AND value IS NOT NULL
    WINDOW one_series AS (PARTITION BY series_id ORDER BY at_ns)
)
SELECT
    service, name, signal, outcome, reason, exporter,
    sum(CASE
        WHEN before_value IS NULL THEN CASE WHEN start_ns >= $look_from_ns THEN value ELSE 0 END
        WHEN value < before_value OR coalesce(start_ns >= before_ns, false) THEN value
        ELSE value - before_value
    END)::BIGINT AS items
FROM followed
WHERE at_ns >= $from_ns
GROUP BY service, name, signal, outcome, reason, exporter;

-- name: stored_items
-- What a window holds, by service and signal.
SELECT service, 'spans' AS signal, count(*) AS items
FROM spans WHERE start_ns >= $from_ns AND start_ns < $to_ns GROUP BY service
UNION ALL
SELECT service, 'ledger', count(*)
FROM ledger WHERE at_ns >= $from_ns AND at_ns < $to_ns AND source = 'event' GROUP BY service
UNION ALL
SELECT service, 'logs', count(*) FROM logs WHERE at_ns >= $from_ns AND at_ns < $to_ns GROUP BY service
UNION ALL
SELECT service, 'metrics', sum(points)::BIGINT
FROM (
    SELECT series_id, count(*) AS points
    FROM metric_points WHERE at_ns >= $from_ns AND at_ns < $to_ns GROUP BY series_id
)
JOIN metric_series USING (series_id) GROUP BY service;

-- name: refused_items
-- What this server refused within a window.
SELECT service, signal, reason, sum(records)::BIGINT AS items
FROM loss WHERE at_ns >= $from_ns AND at_ns < $to_ns GROUP BY service, signal, reason;

-- name: kept_rollups
-- Since when rollups of spans are kept, where some were deleted.
SELECT subject, from_ns FROM kept_from WHERE subject IN ('span_1m', 'span_1h');

-- name: weighed_cells
-- Requests of a window by service, operation and outcome, from days, hours and, left and right of the hours, minutes.
WITH cells AS NOT MATERIALIZED (
    SELECT service, name, status_code = 2 AS failed, spans, adjusted_spans, uncounted_spans, duration_index, duration_weight,
        spread_slot, spread_sum
    FROM span_1m
    WHERE entry AND ((bucket >= $from_minute AND bucket < least($to_minute, $first_hour * 60))
        OR (bucket >= greatest($from_minute, $end_hour * 60) AND bucket < $to_minute))
    UNION ALL BY NAME
    SELECT service, name, status_code = 2 AS failed, spans, adjusted_spans, uncounted_spans, duration_index, duration_weight,
        spread_slot, spread_sum
    FROM span_1h WHERE entry AND bucket >= $first_hour AND bucket < $end_hour
    UNION ALL BY NAME
    SELECT service, name, status_code = 2 AS failed, spans, adjusted_spans, uncounted_spans, duration_index, duration_weight,
        spread_slot, spread_sum
    FROM span_1d WHERE entry AND bucket >= $first_day AND bucket < $end_day
),
wanted AS NOT MATERIALIZED (
    SELECT * REPLACE (coalesce(service, 'unknown_service') AS service) FROM cells
    WHERE $service IS NULL OR coalesce(service, 'unknown_service') = $service
),
parts AS (
    SELECT service, name, failed, NULL::INTEGER AS code, NULL::UTINYINT AS slot, sum(spans) AS spans,
        sum(uncounted_spans) AS uncounted, sum(adjusted_spans) AS weight, NULL::DOUBLE AS sum
    FROM wanted GROUP BY ALL
    UNION ALL BY NAME
    SELECT service, name, failed, code, sum(n) AS sum
    FROM (SELECT service, name, failed, unnest(duration_index) AS code, unnest(duration_weight) AS n FROM wanted)
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT service, name, failed, slot, sum(n) AS sum
    FROM (SELECT service, name, failed, unnest(spread_slot) AS slot, unnest(spread_sum) AS n FROM wanted)
    GROUP BY ALL
)
SELECT
    service, name, failed, sum(spans)::BIGINT AS spans, sum(uncounted)::BIGINT AS uncounted,
    coalesce(sum(weight), 0) AS weight,
    list(code ORDER BY code) FILTER (code IS NOT NULL) AS codes,
    list(coalesce(sum, 0) ORDER BY code) FILTER (code IS NOT NULL) AS weights,
    list(slot ORDER BY slot) FILTER (slot IS NOT NULL) AS slots,
    list(sum ORDER BY slot) FILTER (slot IS NOT NULL) AS sums
FROM parts GROUP BY service, name, failed;

-- name: lines_within
-- How many lines of the ledger a window holds.
SELECT count(*) FROM ledger WHERE at_ns >= $from_ns AND at_ns < $to_ns;

-- name: sampled_calls
-- Billable calls of a window by service: all of them, as their events tell; those whose span was kept, weighed by it; and
-- sums over the traces of the latter, from which intervals are made. An event that has no span of its own is seen with
-- the span of the call below which it was made.
WITH lines AS MATERIALIZED (
    SELECT coalesce(service, 'unknown_service') AS service, trace_id, span_id, parent_span_id, cost_usd::DOUBLE AS cost
    FROM ledger WHERE at_ns >= $from_ns AND at_ns < $to_ns AND source = 'event' AND kind = 'usage'
),
kept AS MATERIALIZED (
    SELECT trace_id, span_id, adjusted_count AS weight
    FROM spans SEMI JOIN lines USING (trace_id, span_id)
    WHERE end_ns >= $from_ns - $apart_ns AND end_ns < $to_ns + $apart_ns
),
calls AS (
    SELECT service, trace_id, coalesce(cost, 0) AS cost, weight FROM lines JOIN kept USING (trace_id, span_id)
    UNION ALL
    SELECT l.service, l.trace_id, coalesce(l.cost, 0) AS cost, above.weight
    FROM (SELECT * FROM lines WHERE parent_span_id IS NOT NULL) AS l ANTI JOIN kept USING (trace_id, span_id)
    JOIN kept AS above ON above.trace_id = l.trace_id AND above.span_id = l.parent_span_id
),
levels AS (
    SELECT service, trace_id, weight, count(*) AS x, sum(cost) AS y FROM calls WHERE weight IS NOT NULL GROUP BY ALL
),
cumulated AS (
    SELECT *, sum(x) OVER upward AS x_to, sum(y) OVER upward AS y_to
    FROM levels WINDOW upward AS (PARTITION BY service, trace_id ORDER BY weight)
),
traces AS (
    SELECT
        service, sum(x) AS x, sum(y) AS y, sum(weight * x) AS wx, sum(weight * y) AS wy,
        greatest(0, sum(weight * x) ** 2 - sum(weight * (x_to ** 2 - (x_to - x) ** 2))) AS x_variance,
        greatest(0, sum(weight * y) ** 2 - sum(weight * (y_to ** 2 - (y_to - y) ** 2))) AS y_variance,
        CASE WHEN sum(y) > 0 THEN sum(weight * y) / sum(y) ELSE 1 END AS y_weight, sum(weight * x) / sum(x) AS x_weight
    FROM cumulated GROUP BY service, trace_id
),
estimated AS (
    SELECT
        service, count(*) FILTER (x_weight > 1) AS sampled_traces,
        sum(wx) AS calls_total, sum(x) AS calls_seen, sum(x_variance) AS calls_variance,
        sum(x_weight * (x_weight - 1) ** 2 * x ** 3) AS calls_third, sum(x_variance ** 2 * (1 - 1 / x_weight)) AS calls_freedom,
        sum(wy) AS cost_total, sum(y) AS cost_seen, sum(y_variance) AS cost_variance,
        sum(y_weight * (y_weight - 1) ** 2 * y ** 3) AS cost_third, sum(y_variance ** 2 * (1 - 1 / y_weight)) AS cost_freedom
    FROM traces GROUP BY service
),
told AS (SELECT service, count(*) AS calls, coalesce(sum(cost), 0) AS cost FROM lines GROUP BY service),
met AS (SELECT service, count(*) AS seen, count(*) - count(weight) AS uncounted FROM calls GROUP BY service)
SELECT told.*, coalesce(seen, 0) AS seen, coalesce(uncounted, 0) AS uncounted, estimated.* EXCLUDE (service)
FROM told LEFT JOIN met USING (service) LEFT JOIN estimated USING (service) ORDER BY service;
