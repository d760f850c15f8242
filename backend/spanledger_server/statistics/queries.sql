-- name: cost_cells
-- Costs of a period by part and category. Lines come from the ledger (all of them when head_ns = to_ns), and between
-- head_ns and tail_ns from whole rollup buckets but for those listed in dirty, and the hours of the day that are split, which
-- are read from the ledger too. The categories beyond the costliest `most` are one, of rank null; `categories` tells how many there are.
WITH cells AS MATERIALIZED (
    SELECT
        part_of(at_ns, $p) AS part,
        CASE $dimension
            WHEN 'model' THEN model WHEN 'feature' THEN feature WHEN 'user_tier' THEN user_tier
            WHEN 'provider' THEN provider WHEN 'service' THEN service
        END AS category,
        sum(cost_usd) AS cost_usd, count(*) AS calls,
        count(*) FILTER (state = 'priced') AS priced_calls,
        count(*) FILTER (state = 'unpriced') AS unpriced_calls,
        count(*) FILTER (state = 'estimated') AS estimated_calls,
        count(*) FILTER (state = 'free') AS free_calls, sum(input_tokens) AS input_tokens,
        sum(output_tokens) AS output_tokens, sum(cached_input_tokens) AS cached_input_tokens
    FROM (
        SELECT * FROM ledger
        WHERE at_ns >= $rest_from_ns AND at_ns < $to_ns
            AND (at_ns < $head_ns OR at_ns >= $tail_ns
                OR (at_ns >= $dirty_from_ns AND at_ns < $dirty_to_ns AND list_contains($dirty::BIGINT[], at_ns // $unit_ns)))
        -- if: split
        UNION ALL
        SELECT * FROM ledger
        WHERE $split_to_ns > 0 AND at_ns >= $head_ns AND at_ns < $tail_ns
            AND at_ns % 86400000000000 >= $split_from_ns AND at_ns % 86400000000000 < $split_to_ns
            AND NOT list_contains($dirty::BIGINT[], at_ns // $unit_ns)
        -- end
    )
    WHERE true
        -- include: ledger_conditions
    GROUP BY part, category
    -- if: rolled
    UNION ALL
    SELECT
        part_of(at_ns, $p) AS part,
        CASE $dimension
            WHEN 'model' THEN model WHEN 'feature' THEN feature WHEN 'user_tier' THEN user_tier
            WHEN 'provider' THEN provider WHEN 'service' THEN service
        END AS category,
        sum(cost_usd), sum(calls), sum(priced_calls), sum(unpriced_calls), sum(estimated_calls), sum(free_calls),
        sum(input_tokens), sum(output_tokens), sum(cached_input_tokens)
    FROM (
        SELECT bucket * $unit_ns AS at_ns, * FROM cost_1d WHERE $level = '1d'
        UNION ALL SELECT bucket * $unit_ns AS at_ns, * FROM cost_1h WHERE $level = '1h' -- if: hourly
    )
    WHERE bucket >= $head_ns // $unit_ns AND bucket < $tail_ns // $unit_ns
        AND NOT list_contains($dirty::BIGINT[], bucket)
        AND ($split_to_ns = 0 OR at_ns % 86400000000000 < $split_from_ns OR at_ns % 86400000000000 >= $split_to_ns) -- if: split
        -- include: cost_conditions
    GROUP BY part, category
    -- end
)
-- if: ranked
,
-- include: ranked_cells
-- end
-- if: unranked
-- include: unranked_cells
-- end
;

-- name: cost_cells_of_users
-- The same of some users, or without them: from days by user, and the ledger's lines of the rest.
WITH cells AS MATERIALIZED (
    SELECT
        part_of(at_ns, $p) AS part,
        CASE $dimension
            WHEN 'model' THEN model WHEN 'feature' THEN feature WHEN 'user_tier' THEN user_tier
            WHEN 'provider' THEN provider WHEN 'service' THEN service
        END AS category,
        sum(cost_usd) AS cost_usd, count(*) AS calls,
        count(*) FILTER (state = 'priced') AS priced_calls,
        count(*) FILTER (state = 'unpriced') AS unpriced_calls,
        count(*) FILTER (state = 'estimated') AS estimated_calls,
        count(*) FILTER (state = 'free') AS free_calls, sum(input_tokens) AS input_tokens,
        sum(output_tokens) AS output_tokens, sum(cached_input_tokens) AS cached_input_tokens
    FROM ledger
    WHERE of_lines(at_ns, $u)
        -- include: ledger_conditions
    GROUP BY part, category
    UNION ALL
    SELECT
        part_of((bucket::BIGINT * 96 + quarter) * 900000000000, $p) AS part,
        CASE $dimension
            WHEN 'model' THEN model WHEN 'feature' THEN feature WHEN 'user_tier' THEN user_tier
            WHEN 'provider' THEN provider WHEN 'service' THEN service
        END AS category,
        sum(cost_usd), sum(calls), sum(priced_calls), sum(unpriced_calls), sum(estimated_calls), sum(free_calls),
        sum(input_tokens), sum(output_tokens), sum(cached_input_tokens)
    FROM user_1d
    WHERE bucket >= $u.first_day AND bucket < $u.end_day AND user_days(bucket, quarter, $u)
        -- include: user_conditions
        -- include: cost_conditions
    GROUP BY part, category
)
-- if: ranked
,
-- include: ranked_cells
-- end
-- if: unranked
-- include: unranked_cells
-- end
;

-- name: reach
-- When the first line of the ledger was, and the last sign of life of anybody who sends; the first buckets of the rollups of costs, and the
-- first and the last day by user. Nothing is looked for beyond what is known from before: a table that is written to would
-- be read whole for it. A union, because the order in which columns of one row are found is planned at length.
SELECT 'first_ns' AS what, min(at_ns) AS found FROM ledger WHERE at_ns <= $first_ns
UNION ALL SELECT 'last_ns', max(at_ns) FROM ledger WHERE at_ns >= $last_ns
UNION ALL SELECT 'last_ns', max(start_ns) FROM spans WHERE start_ns >= $last_ns
UNION ALL SELECT 'last_ns', max(at_ns) FROM metric_points WHERE at_ns >= $last_ns
UNION ALL SELECT 'last_ns', max(at_ns) FROM logs WHERE at_ns >= $last_ns
UNION ALL SELECT 'cost_1m', min(bucket) FROM cost_1m WHERE bucket <= $cost_1m
UNION ALL SELECT 'cost_1h', min(bucket) FROM cost_1h WHERE bucket <= $cost_1h
UNION ALL SELECT 'cost_1d', min(bucket) FROM cost_1d WHERE bucket <= $cost_1d
UNION ALL SELECT 'first_day', min(bucket) FROM user_1d WHERE bucket <= $first_day
UNION ALL SELECT 'last_day', max(bucket) FROM user_1d WHERE bucket >= $last_day;

-- name: numbers_of_users
-- The numbers of those of some users who have one.
SELECT user_number, user_id FROM user_numbers WHERE user_id IN (SELECT unnest($users::VARCHAR[]));

-- name: names_of_users
-- Who has these numbers.
SELECT user_number, user_id FROM user_numbers
WHERE user_number >= $least AND user_number <= $most AND list_contains($numbers::INTEGER[], user_number);

-- name: lines_of_users
-- What users spent, by the ledger's lines of a time beside the days by user; `parted`: by part of a period, too.
SELECT
    part_of(at_ns, $p) AS part, -- if: parted
    user_id, count(*) AS calls, count(*) FILTER (state = 'priced') AS priced_calls,
    count(*) FILTER (state = 'unpriced') AS unpriced_calls, count(*) FILTER (state = 'estimated') AS estimated_calls,
    count(*) FILTER (state = 'free') AS free_calls, sum(cost_usd) AS cost_usd, sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens, sum(cached_input_tokens) AS cached_input_tokens,
    count(input_tokens) AS input_told, count(output_tokens) AS output_told,
    count(cached_input_tokens) AS cached_input_told
FROM ledger
WHERE of_lines(at_ns, $u)
    -- include: ledger_conditions
GROUP BY user_id
    , part -- if: parted
;

-- name: days_of_users
-- The same of the days by user, by number: from a year's sums and what has to be added to them or taken off, else from days.
SELECT
    user_number, sum(calls)::BIGINT AS calls, sum(priced_calls)::BIGINT AS priced_calls, sum(unpriced_calls)::BIGINT AS unpriced_calls,
    sum(estimated_calls)::BIGINT AS estimated_calls, sum(free_calls)::BIGINT AS free_calls, sum(cost_usd) AS cost_usd,
    sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(cached_input_tokens) AS cached_input_tokens,
    sum(input_told)::BIGINT AS input_told, sum(output_told)::BIGINT AS output_told, sum(cached_input_told)::BIGINT AS cached_input_told
FROM (
    -- if: year
    SELECT * FROM user_1y WHERE bucket = $y.year
    -- end
    -- if: both
    UNION ALL BY NAME
    -- end
    -- if: days
    SELECT
        user_number, CASE WHEN inside THEN calls ELSE -calls END AS calls,
        CASE WHEN inside THEN priced_calls ELSE -priced_calls END AS priced_calls,
        CASE WHEN inside THEN unpriced_calls ELSE -unpriced_calls END AS unpriced_calls,
        CASE WHEN inside THEN estimated_calls ELSE -estimated_calls END AS estimated_calls,
        CASE WHEN inside THEN free_calls ELSE -free_calls END AS free_calls,
        CASE WHEN inside THEN cost_usd ELSE -cost_usd END AS cost_usd,
        CASE WHEN inside THEN input_tokens ELSE -input_tokens END AS input_tokens,
        CASE WHEN inside THEN output_tokens ELSE -output_tokens END AS output_tokens,
        CASE WHEN inside THEN cached_input_tokens ELSE -cached_input_tokens END AS cached_input_tokens,
        CASE WHEN input_tokens IS NOT NULL THEN CASE WHEN inside THEN 1 ELSE -1 END END AS input_told,
        CASE WHEN output_tokens IS NOT NULL THEN CASE WHEN inside THEN 1 ELSE -1 END END AS output_told,
        CASE WHEN cached_input_tokens IS NOT NULL THEN CASE WHEN inside THEN 1 ELSE -1 END END AS cached_input_told
    FROM (SELECT *, user_days(bucket, quarter, $u) AS inside FROM user_1d)
    WHERE bucket >= $y.from_day AND bucket < $y.to_day AND inside <> (bucket >= $y.year_day)
        -- include: user_conditions
        -- include: cost_conditions
    -- end
)
GROUP BY user_number HAVING sum(calls) > 0;

-- name: parts_of_users
-- What these users spent by part of a period, in the days by user.
SELECT part, user_id, cost_usd, known_calls
FROM (
    SELECT
        part_of((bucket::BIGINT * 96 + quarter) * 900000000000, $p) AS part, user_number, sum(cost_usd) AS cost_usd,
        sum(calls - unpriced_calls) AS known_calls
    FROM user_1d
    WHERE bucket >= $u.first_day AND bucket < $u.end_day AND user_days(bucket, quarter, $u)
        AND user_number >= $first_number AND user_number <= $last_number
        AND user_number IN (SELECT unnest($user_numbers::INTEGER[]))
        -- include: user_conditions
        -- include: cost_conditions
    GROUP BY part, user_number
) LEFT JOIN user_numbers USING (user_number);

-- name: later_parts_of_users
-- The same, of the ledger's lines beside them; `unset` for lines without a user.
SELECT part_of(at_ns, $p) AS part, user_id, sum(cost_usd) AS cost_usd, count(*) FILTER (state <> 'unpriced') AS known_calls
FROM ledger
WHERE of_lines(at_ns, $u) AND (list_contains($users::VARCHAR[], user_id) OR ($unset AND user_id IS NULL))
    -- include: ledger_conditions
GROUP BY ALL;

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

-- name: slots_taken
-- How many slots of each dimension are given.
SELECT dimension, count(*) FROM series_slots GROUP BY dimension;

-- name: unseen_values
-- The values of some dimensions that have no slot yet, the costliest first: of the rollups of minutes since from_ns, and of earlier
-- hours and days; users, whom these do not have, of the ledger since from_ns.
SELECT dimension, list(value ORDER BY place) FROM (
    SELECT
        dimension, value,
        row_number() OVER (PARTITION BY dimension ORDER BY sum(cost_usd) DESC NULLS LAST, sum(calls) DESC, value) AS place
    FROM (
        SELECT
            dimension,
            CASE dimension
                WHEN 'model' THEN model WHEN 'feature' THEN feature WHEN 'user_tier' THEN user_tier
                WHEN 'provider' THEN provider WHEN 'service' THEN service WHEN 'user' THEN user_id
            END AS value,
            cost_usd, calls
        FROM (
            SELECT model, feature, user_tier, provider, service, NULL::VARCHAR AS user_id, cost_usd, calls
            FROM cost_1m WHERE bucket >= $from_ns // 60000000000
            -- if: users
            UNION ALL BY NAME
            SELECT user_id, sum(cost_usd) AS cost_usd, count(*) AS calls FROM ledger WHERE at_ns >= $from_ns GROUP BY user_id
            -- end
            UNION ALL BY NAME
            SELECT model, feature, user_tier, provider, service, cost_usd, calls
            FROM cost_1h WHERE bucket >= $from_ns // 86400000000000 * 24
            UNION ALL BY NAME
            SELECT model, feature, user_tier, provider, service, cost_usd, calls FROM cost_1d
        ), (SELECT unnest($dimensions::VARCHAR[]) AS dimension)
    )
    WHERE value IS NOT NULL AND (dimension, value) NOT IN (SELECT (dimension, value) FROM series_slots)
    GROUP BY dimension, value
)
WHERE place <= $most GROUP BY dimension;

-- name: told_by_senders
-- What the own counters and levels of senders, and of Collectors between, say of their items within a window, by process:
-- `items` is what a counter grew by, `level` what a level was last, between first_ns and told_ns. Only series that began
-- again are followed point by point.
WITH told AS MATERIALIZED (
    SELECT
        series_id, service, name, resource_id, kind, json_extract_string(attributes, '$."spanledger.signal"') AS signal,
        json_extract_string(attributes, '$."spanledger.outcome"') AS outcome,
        json_extract_string(attributes, '$."spanledger.reason"') AS reason,
        json_extract_string(attributes, '$.exporter') AS exporter,
        json_extract_string(attributes, '$.data_type') AS data_type,
        json_extract_string(attributes, '$.policy') AS policy
    FROM metric_series WHERE list_contains($metrics::VARCHAR[], name)
),
ends AS MATERIALIZED (
    SELECT
        series_id, any_value(kind) AS kind, min(start_ns) AS began_ns, max(start_ns) AS again_ns, max(value) AS highest,
        arg_max(value, at_ns) FILTER (at_ns < $from_ns) AS before_value,
        arg_min(value, at_ns) FILTER (at_ns >= $from_ns) AS first_value, arg_max(value, at_ns) AS last_value,
        min(at_ns) FILTER (at_ns >= $from_ns) AS first_ns, max(at_ns) AS told_ns
    FROM metric_points JOIN told USING (series_id)
    WHERE at_ns >= $look_from_ns AND at_ns < $to_ns AND value IS NOT NULL
    GROUP BY series_id
),
followed AS (
    SELECT
        series_id, at_ns, start_ns, value, lag(value) OVER one_series AS before_value, lag(at_ns) OVER one_series AS before_ns
    FROM metric_points SEMI JOIN (
        SELECT series_id FROM ends WHERE kind = 'sum' AND (again_ns > began_ns OR last_value < highest)
    ) USING (series_id)
    WHERE at_ns >= $look_from_ns AND at_ns < $to_ns AND value IS NOT NULL
    WINDOW one_series AS (PARTITION BY series_id ORDER BY at_ns)
),
begun_again AS (
    SELECT
        series_id,
        sum(CASE
            WHEN before_value IS NULL THEN CASE WHEN start_ns >= $look_from_ns THEN value ELSE 0 END
            WHEN value < before_value OR coalesce(start_ns >= before_ns, false) THEN value
            ELSE value - before_value
        END) AS items
    FROM followed WHERE at_ns >= $from_ns GROUP BY series_id
)
SELECT
    t.service, t.name, t.resource_id, t.signal, t.outcome, t.reason, t.exporter, t.data_type, t.policy,
    json_extract_string(r.attributes, '$."host.name"') AS host,
    coalesce(
        again.items,
        e.last_value - coalesce(e.before_value, CASE WHEN e.began_ns >= $look_from_ns THEN 0 ELSE e.first_value END)
    )::BIGINT AS items,
    e.last_value::BIGINT AS level, e.first_ns, e.told_ns, coalesce(e.began_ns, 0) AS began_ns
FROM ends AS e JOIN told AS t USING (series_id)
LEFT JOIN begun_again AS again USING (series_id) LEFT JOIN resources AS r USING (resource_id)
WHERE e.first_ns IS NOT NULL;

-- name: points_told_with
-- How many points came in the very readings in which processes told of themselves: they could not count those yet.
SELECT resource_id, count(*) AS items
FROM metric_points JOIN metric_series USING (series_id)
WHERE at_ns BETWEEN $first_ns AND $last_ns
    AND (resource_id, at_ns) IN (SELECT unnest($resources::UBIGINT[]), unnest($told::BIGINT[]))
GROUP BY resource_id;

-- name: stored_untold
-- What is stored of stretches of time of which the senders had not told yet.
WITH untold AS MATERIALIZED (
    SELECT unnest($services::VARCHAR[]) AS service, unnest($began::BIGINT[]) AS began_ns, unnest($ended::BIGINT[]) AS ended_ns
),
stored AS (
    SELECT coalesce(service, '') AS service, 'spans' AS signal, end_ns AS at_ns
    FROM spans WHERE end_ns >= $first_ns AND start_ns < $to_ns
    UNION ALL
    SELECT coalesce(service, ''), 'ledger', at_ns
    FROM ledger WHERE at_ns >= $first_ns AND at_ns < $to_ns AND source = 'event'
    UNION ALL
    SELECT coalesce(service, ''), 'logs', at_ns FROM logs WHERE at_ns >= $first_ns AND at_ns < $to_ns
    UNION ALL
    SELECT coalesce(service, ''), 'metrics', at_ns
    FROM metric_points JOIN metric_series USING (series_id) WHERE at_ns >= $first_ns AND at_ns < $to_ns
)
SELECT service, signal, count(*) AS items
FROM stored JOIN untold USING (service)
WHERE at_ns > began_ns AND at_ns <= ended_ns
GROUP BY service, signal;

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

-- name: weighed_cells
-- Requests of a window by part of it, service, operation, route and outcome: kept spans, their weights, codes of durations and
-- the sketch of the variance. `loose` is what spans that do not say how they were sampled add to a code, each counted once.
WITH cells AS NOT MATERIALIZED (
    SELECT part_of(bucket * 60000000000, $p) AS part, * FROM span_1m WHERE entry AND of_minutes(bucket, $s)
    UNION ALL BY NAME SELECT part_of(bucket * 3600000000000, $p) AS part, * FROM span_1h WHERE entry AND of_hours(bucket, $s) -- if: hours
    UNION ALL BY NAME SELECT part_of(bucket * 86400000000000, $p) AS part, * FROM span_1d WHERE entry AND of_days(bucket, $s) -- if: days
),
wanted AS NOT MATERIALIZED (
    SELECT
        part, coalesce(service, 'unknown_service') AS service, name, coalesce(route, name) AS path, kind = 2 AS served,
        status_code = 2 AS failed, http_class, spans, adjusted_spans, uncounted_spans, duration_sum_ns, duration_index,
        duration_count, duration_weight, spread_slot, spread_sum, uncounted_spans / spans AS loose
    FROM cells WHERE true
        AND ($service IS NULL OR coalesce(service, 'unknown_service') = $service) -- if: service
)
-- if: rows
,
fresh AS NOT MATERIALIZED (
    SELECT
        part_of(end_ns, $p) AS part, coalesce(service, 'unknown_service') AS service, name, coalesce(route, name) AS path,
        kind = 2 AS served, status_code = 2 AS failed, try_cast(http_status // 100 AS UTINYINT) AS http_class, adjusted_count AS weight,
        end_ns - start_ns AS duration_ns, hash(trace_id) AS chance
    FROM spans
    WHERE of_rows(end_ns, commit_no, $s) AND enters(parent_span_id, flags, kind)
        AND ($service IS NULL OR coalesce(service, 'unknown_service') = $service) -- if: service
)
-- end
,
parts AS (
    SELECT part, service, name, path, served, failed, http_class, NULL::INTEGER AS code, NULL::UTINYINT AS slot,
        sum(spans) AS spans, sum(uncounted_spans) AS uncounted, sum(adjusted_spans) AS weight,
        sum(duration_sum_ns) AS duration_sum_ns, NULL::DOUBLE AS kept, NULL::DOUBLE AS timed, NULL::DOUBLE AS loose,
        NULL::DOUBLE AS spread
    FROM wanted GROUP BY ALL
    UNION ALL BY NAME
    SELECT part, service, name, path, served, failed, http_class, code, sum(kept) AS kept, sum(n) AS timed,
        sum(kept * loose) AS loose
    FROM (
        SELECT part, service, name, path, served, failed, http_class, loose, unnest(duration_index) AS code,
            unnest(duration_weight) AS n, unnest(duration_count) AS kept
        FROM wanted
    )
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT part, service, name, path, served, failed, http_class, slot, sum(n) AS spread
    FROM (
        SELECT part, service, name, path, served, failed, http_class, unnest(spread_slot) AS slot, unnest(spread_sum) AS n
        FROM wanted
    )
    GROUP BY ALL
    -- if: rows
    UNION ALL BY NAME
    SELECT part, service, name, path, served, failed, http_class, value_code(duration_ns) AS code, count(*) AS spans,
        count(*) - count(weight) AS uncounted, sum(weight) AS weight, sum(duration_ns) AS duration_sum_ns, count(*) AS kept,
        coalesce(sum(weight), 0) AS timed, count(*) - count(weight) AS loose
    FROM fresh GROUP BY ALL
    UNION ALL BY NAME
    SELECT part, service, name, path, served, failed, http_class, (chance & 63)::UTINYINT AS slot,
        sum(CASE WHEN chance & 64 = 0 THEN 1 ELSE -1 END * sqrt(weight * (weight - 1))) AS spread
    FROM fresh WHERE weight > 1 GROUP BY ALL
    -- end
),
added AS (
    SELECT part, service, name, path, served, failed, http_class, code, slot, sum(spans) AS spans, sum(uncounted) AS uncounted,
        sum(weight) AS weight, sum(duration_sum_ns) AS duration_sum_ns, sum(kept) AS kept, sum(timed) AS timed,
        sum(loose) AS loose, sum(spread) AS spread
    FROM parts GROUP BY ALL
)
SELECT
    part, service, name, path, served, failed, http_class, sum(spans)::BIGINT AS spans, sum(uncounted)::BIGINT AS uncounted,
    coalesce(sum(weight), 0) AS weight, coalesce(sum(duration_sum_ns), 0)::DOUBLE AS duration_sum_ns,
    list(code ORDER BY code) FILTER (code IS NOT NULL) AS codes,
    list(coalesce(timed, 0) ORDER BY code) FILTER (code IS NOT NULL) AS weights,
    list(coalesce(loose, 0) ORDER BY code) FILTER (code IS NOT NULL) AS loose,
    list(coalesce(kept, 0) ORDER BY code) FILTER (code IS NOT NULL) AS kept,
    list(slot ORDER BY slot) FILTER (slot IS NOT NULL) AS slots,
    list(coalesce(spread, 0) ORDER BY slot) FILTER (slot IS NOT NULL) AS sums
FROM added GROUP BY ALL;

-- name: told_cells
-- What tracking calls told of some kinds of event within a window, by part of it, event, service, subject and outcome.
WITH cells AS NOT MATERIALIZED (
    SELECT part_of(bucket * 60000000000, $p) AS part, * FROM told_1m WHERE of_minutes(bucket, $s)
    UNION ALL BY NAME SELECT part_of(bucket * 3600000000000, $p) AS part, * FROM told_1h WHERE of_hours(bucket, $s) -- if: hours
    UNION ALL BY NAME SELECT part_of(bucket * 86400000000000, $p) AS part, * FROM told_1d WHERE of_days(bucket, $s) -- if: days
    -- if: rows
    UNION ALL BY NAME
    SELECT
        part_of(at_ns, $p) AS part, event, service, subject, outcome, feature, tenant, user_tier, 1 AS events, saved_cost,
        (saved_cost IS NOT NULL)::BIGINT AS saved_cost_told, saved_tokens,
        (saved_tokens IS NOT NULL)::BIGINT AS saved_tokens_told, duration_ns AS duration_sum_ns,
        CASE WHEN duration_ns IS NOT NULL THEN [value_code(duration_ns)] END AS duration_index,
        CASE WHEN duration_ns IS NOT NULL THEN [1] END AS duration_count
    FROM told($rows_from_ns, $rows_to_ns) WHERE of_rows(at_ns, NULL::BIGINT, $s)
    -- end
),
wanted AS NOT MATERIALIZED (
    SELECT * REPLACE (coalesce(service, 'unknown_service') AS service) FROM cells
    WHERE list_contains($events::VARCHAR[], event)
        AND fits(coalesce(service, 'unknown_service'), $service, $not_service) -- if: service not_service
        AND fits(CASE event WHEN 'cache' THEN subject END, $provider, $not_provider) -- if: provider not_provider
        AND fits(CASE event WHEN 'rate_limit' THEN subject END, $limit_type, $not_limit_type) -- if: limit_type not_limit_type
        AND fits(feature, $feature, $not_feature) -- if: feature not_feature
        AND fits(tenant, $tenant, $not_tenant) -- if: tenant not_tenant
        AND fits(user_tier, $user_tier, $not_user_tier) -- if: user_tier not_user_tier
),
parts AS (
    SELECT part, event, service, subject, outcome, NULL::INTEGER AS code, sum(events) AS events, sum(saved_cost) AS saved_cost,
        sum(saved_cost_told) AS saved_cost_told, sum(saved_tokens) AS saved_tokens, sum(saved_tokens_told) AS saved_tokens_told,
        sum(duration_sum_ns) AS duration_sum_ns, NULL::HUGEINT AS timed
    FROM wanted GROUP BY ALL
    UNION ALL BY NAME
    SELECT part, event, service, subject, outcome, code, sum(n) AS timed
    FROM (
        SELECT part, event, service, subject, outcome, unnest(duration_index) AS code, unnest(duration_count) AS n FROM wanted
    )
    GROUP BY ALL
)
SELECT
    part, event, service, subject, outcome, sum(events)::BIGINT AS events, sum(saved_cost) AS saved_cost,
    sum(saved_cost_told)::BIGINT AS saved_cost_told, sum(saved_tokens) AS saved_tokens,
    sum(saved_tokens_told)::BIGINT AS saved_tokens_told, coalesce(sum(duration_sum_ns), 0)::DOUBLE AS duration_sum_ns,
    list(code ORDER BY code) FILTER (code IS NOT NULL) AS codes,
    list(timed::DOUBLE ORDER BY code) FILTER (code IS NOT NULL) AS weights
FROM parts GROUP BY ALL;

-- name: call_cells
-- Calls of the ledger by part of a window and category: from rollups and the lines of minutes that are not fresh; where `whole` is
-- set, from the lines alone.
-- include: call_sources
SELECT part, category, sum(calls)::BIGINT AS calls, sum(errors)::BIGINT AS errors, sum(priced_calls)::BIGINT AS priced_calls,
    sum(unpriced_calls)::BIGINT AS unpriced_calls, sum(estimated_calls)::BIGINT AS estimated_calls, sum(free_calls)::BIGINT AS free_calls,
    sum(cost_usd) AS cost_usd, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
    sum(cached_input_tokens) AS cached_input_tokens, sum(duration_sum_ns) AS duration_sum_ns,
    min(duration_min_ns) AS duration_min_ns, max(duration_max_ns) AS duration_max_ns
FROM (
    SELECT * FROM rolled
    -- if: rows
    UNION ALL BY NAME
    SELECT part, category, count(*) AS calls, count(error_type) AS errors,
        count(*) FILTER (state = 'priced') AS priced_calls, count(*) FILTER (state = 'unpriced') AS unpriced_calls,
        count(*) FILTER (state = 'estimated') AS estimated_calls, count(*) FILTER (state = 'free') AS free_calls,
        sum(cost_usd) AS cost_usd, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
        sum(cached_input_tokens) AS cached_input_tokens, sum(duration_ns) AS duration_sum_ns,
        min(duration_ns) AS duration_min_ns, max(duration_ns) AS duration_max_ns
    FROM lines GROUP BY part, category
    -- end
)
GROUP BY part, category
LIMIT $most_rows + 1 -- if: most_rows
;

-- name: call_durations
-- How long the same calls took: codes of durations and how often each occurs, by part and category in one row or several.
-- include: call_sources
SELECT part, category::VARCHAR AS category, duration_index AS codes, duration_count AS counts
FROM rolled WHERE duration_index IS NOT NULL
-- if: rows
UNION ALL
SELECT part, category::VARCHAR, list(code), list(n)
FROM (
    SELECT part, category, value_code(duration_ns) AS code, count(*) AS n
    FROM lines WHERE duration_ns IS NOT NULL GROUP BY part, category, code
)
GROUP BY part, category
-- end
;

-- name: gauge_cells
-- Gauges by series and part of a window: their mean.
WITH chosen AS (SELECT series_id, name, service, attributes FROM metric_series WHERE list_contains($names::VARCHAR[], name)),
cells AS NOT MATERIALIZED (
    SELECT series_id, part_of(bucket * 60000000000, $p) AS part, sum, points
    FROM metric_1m WHERE of_minutes(bucket, $s) AND series_id IN (SELECT series_id FROM chosen)
    -- if: hours
    UNION ALL
    SELECT series_id, part_of(bucket * 3600000000000, $p), sum, points
    FROM metric_1h WHERE of_hours(bucket, $s) AND series_id IN (SELECT series_id FROM chosen)
    -- end
    -- if: days
    UNION ALL
    SELECT series_id, part_of(bucket * 86400000000000, $p), sum, points
    FROM metric_1d WHERE of_days(bucket, $s) AND series_id IN (SELECT series_id FROM chosen)
    -- end
    -- if: rows
    UNION ALL
    SELECT series_id, part_of(at_ns, $p), value, 1
    FROM metric_points
    WHERE of_rows(at_ns, NULL::BIGINT, $s) AND isfinite(value) AND series_id IN (SELECT series_id FROM chosen)
    -- end
)
SELECT name, service, attributes, part, sum(sum) / sum(points) AS mean
FROM cells JOIN chosen USING (series_id) WHERE sum IS NOT NULL
GROUP BY series_id, name, service, attributes, part;

-- name: sent_metric
-- The kind and unit of a metric that was sent.
SELECT kind, unit FROM metric_series WHERE name = $name ORDER BY series_id LIMIT 1;

-- name: sent_cells
-- Rollups of a metric that was sent, by part of a window and series; a minute that is not rolled up yet is left out.
WITH chosen AS (
    SELECT series_id, kind = 'sum' AND (coalesce(monotonic, false) OR temporality = 'delta') AS increments
    FROM metric_series WHERE name = $name
),
cells AS NOT MATERIALIZED (
    SELECT part_of(bucket * 60000000000, $p) AS part, *
    FROM metric_1m WHERE of_minutes(bucket, $s) AND series_id IN (SELECT series_id FROM chosen)
    UNION ALL
    SELECT part_of(bucket * 3600000000000, $p) AS part, *
    FROM metric_1h WHERE of_hours(bucket, $s) AND series_id IN (SELECT series_id FROM chosen)
    UNION ALL
    SELECT part_of(bucket * 86400000000000, $p) AS part, *
    FROM metric_1d WHERE of_days(bucket, $s) AND series_id IN (SELECT series_id FROM chosen)
)
SELECT part, increments, points, sum, count, value_index AS codes, value_count AS counts FROM cells JOIN chosen USING (series_id);

-- name: dialogue_sums
-- Dialogues of a time by category and user.
SELECT
    CASE $dimension WHEN 'book' THEN book_id WHEN 'user' THEN user_id WHEN 'model' THEN model WHEN 'type' THEN type END AS category,
    user_id, count(*) AS dialogues, count(user_id) AS users_told, sum(message_count) AS messages,
    count(message_count) AS messages_told, sum(duration_s) AS seconds, count(duration_s) AS seconds_told, sum(rating) AS ratings,
    count(rating) AS ratings_told, count(feedback) AS feedbacks
FROM dialogues
WHERE at_ns >= $from_ns AND at_ns < $to_ns
    -- include: dialogue_conditions
GROUP BY category, user_id;

-- name: dialogue_parts
-- Dialogues of a time by part of a period, and how many users had them.
SELECT part_of(at_ns, $p) AS part, count(*) AS dialogues, count(DISTINCT user_id) AS users
FROM dialogues
WHERE at_ns >= $from_ns AND at_ns < $to_ns
    -- include: dialogue_conditions
GROUP BY part;

-- name: dialogues_within
-- How many dialogues a time has.
SELECT count(*)
FROM dialogues
WHERE at_ns >= $from_ns AND at_ns < $to_ns
    -- include: dialogue_conditions
;

-- name: dialogues_kept
-- How many dialogues of a time there are, whatever they are, and whether it is kept whole: they are never changed, and those that are
-- deleted are from before what is kept.
SELECT
    (SELECT count(*) FROM dialogues WHERE at_ns >= $from_ns AND at_ns < $to_ns),
    (SELECT coalesce(max(from_ns) <= $from_ns, true) FROM kept_from WHERE subject = 'dialogues');

-- name: first_dialogue
-- When the first dialogue ended of which anything is kept.
SELECT min(at_ns) FROM dialogues;

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
