-- name: rolled
-- The first hour, and after another the first minute, from which on the rollups are whole as far as they are kept; since when they are; and
-- what is not recomputed yet, by level. One statement, because each takes longer to plan than to run.
SELECT 'hours' AS what, [min(bucket)] AS found FROM cost_1h
UNION ALL SELECT 'minutes', [min(bucket)] FROM cost_1m WHERE bucket >= $from_minute
UNION ALL SELECT subject, [from_ns] FROM kept_from WHERE subject IN ('cost_1h', 'cost_1m')
UNION ALL SELECT level, list(bucket) FROM dirty_buckets WHERE family = 'cost' GROUP BY level;

-- name: hours
-- Costs by hour, and whether at or after split_ns: from the ledger, and from the rollups of hours and minutes where these
-- are fresh; by category too, where there is a dimension. `restated` is what it would have cost at the prices of now; of an
-- hour in which a price changed, as if it had been used evenly.
WITH changes AS NOT MATERIALIZED (
    SELECT
        unnest($providers::VARCHAR[]) AS provider, unnest($models::VARCHAR[]) AS model,
        unnest($changed_ns::BIGINT[]) AS until_ns, unnest($factors::DOUBLE[]) AS factor
),
cells AS (
    SELECT
        at_ns // 3600000000000 AS hour, at_ns >= $split_ns AS later,
        CASE WHEN $changing THEN provider END AS provider, CASE WHEN $changing THEN model END AS model,
        CASE $dimension
            WHEN 'model' THEN model WHEN 'feature' THEN feature WHEN 'user_tier' THEN user_tier
            WHEN 'provider' THEN provider WHEN 'service' THEN service WHEN 'user' THEN user_id
        END AS category,
        sum(cost_usd) AS cost_usd, count(*)::HUGEINT AS calls,
        count(*) FILTER (state = 'unpriced')::HUGEINT AS unpriced_calls
    FROM ledger
    WHERE spent_lines(at_ns, $h)
        -- include: ledger_conditions
    GROUP BY ALL
    -- if: rolled
    UNION ALL
    SELECT
        begin_ns // 3600000000000, begin_ns >= $split_ns, CASE WHEN $changing THEN provider END,
        CASE WHEN $changing THEN model END,
        CASE $dimension
            WHEN 'model' THEN model WHEN 'feature' THEN feature WHEN 'user_tier' THEN user_tier
            WHEN 'provider' THEN provider WHEN 'service' THEN service
        END,
        sum(cost_usd), sum(calls), sum(unpriced_calls)
    FROM (
        SELECT bucket * 3600000000000 AS begin_ns, * FROM cost_1h WHERE spent_hours(bucket, $h)
        UNION ALL
        SELECT bucket * 60000000000 AS begin_ns, * FROM cost_1m WHERE spent_minutes(bucket, $h)
    )
    WHERE true
        -- include: cost_conditions
    GROUP BY ALL
    -- end
)
SELECT
    hour, later, sum(cost_usd) AS cost_usd,
    coalesce(sum(cost_usd::DOUBLE * CASE
        WHEN (hour + 1) * 3600000000000 <= until_ns THEN factor
        WHEN hour * 3600000000000 < until_ns THEN factor / (factor + (1 - factor) * (until_ns / 3600000000000 - hour))
        ELSE 1
    END), 0) AS restated,
    sum(calls)::BIGINT AS calls, sum(unpriced_calls)::BIGINT AS unpriced_calls,
    category
FROM cells LEFT JOIN changes
    ON cells.provider IS NOT DISTINCT FROM changes.provider AND cells.model IS NOT DISTINCT FROM changes.model
GROUP BY ALL ORDER BY ALL;

-- name: window
-- The window's sums alone, from the same sources as hours.
SELECT sum(cost_usd) AS cost_usd, sum(calls)::BIGINT AS calls, sum(unpriced_calls)::BIGINT AS unpriced_calls
FROM (
    SELECT
        sum(cost_usd) AS cost_usd, count(*)::HUGEINT AS calls,
        count(*) FILTER (state = 'unpriced')::HUGEINT AS unpriced_calls
    FROM ledger
    WHERE spent_lines(at_ns, $h)
        -- include: ledger_conditions
    -- if: rolled
    UNION ALL
    SELECT sum(cost_usd), coalesce(sum(calls), 0), coalesce(sum(unpriced_calls), 0)
    FROM (SELECT * FROM cost_1h WHERE spent_hours(bucket, $h) UNION ALL SELECT * FROM cost_1m WHERE spent_minutes(bucket, $h))
    WHERE true
        -- include: cost_conditions
    -- end
);

-- name: rates_used
-- What was billed at which rates, of models that had more than one: where the last of one was before the first of
-- another, the price has changed.
WITH used AS (
    SELECT
        provider, model, service_tier, batch, rate, min(at_ns) AS first_ns, max(at_ns) AS last_ns, count(*) AS calls,
        sum(cost_usd) AS cost_usd, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
        sum(cached_input_tokens) AS cache_read_tokens, sum(cache_write_tokens) AS cache_write_tokens,
        sum(cache_write_5m_tokens) AS cache_write_5m_tokens, sum(cache_write_1h_tokens) AS cache_write_1h_tokens,
        sum(reasoning_tokens) AS reasoning_tokens, sum(audio_input_tokens) AS audio_input_tokens,
        sum(audio_output_tokens) AS audio_output_tokens, sum(audio_cached_input_tokens) AS audio_cache_read_tokens,
        sum(audio_seconds) AS audio_seconds, sum(characters) AS characters, sum(coalesce(requests, 1)) AS requests,
        sum(web_searches) AS web_searches
    FROM ledger
    WHERE at_ns >= $from_ns AND at_ns < $to_ns AND rate IS NOT NULL AND kind = 'usage' AND cost_usd IS NOT NULL
    GROUP BY provider, model, service_tier, batch, rate
)
SELECT * FROM used QUALIFY count(*) OVER (PARTITION BY provider, model, service_tier, batch) > 1
ORDER BY provider, model, service_tier, batch, last_ns;

-- name: compared
-- What each value of a dimension cost in two stretches of time, those that changed most first; both from the same sources as hours. Users, whom
-- the rollup does not have, from the ledger.
WITH cells AS (
    SELECT
        CASE $dimension
            WHEN 'model' THEN model WHEN 'feature' THEN feature WHEN 'user_tier' THEN user_tier
            WHEN 'provider' THEN provider WHEN 'service' THEN service WHEN 'user' THEN user_id
        END AS category,
        now, sum(cost_usd) AS cost_usd, count(*)::HUGEINT AS calls, count(*) FILTER (state = 'unpriced')::HUGEINT AS unpriced_calls
    FROM (
        SELECT *, true AS now FROM ledger WHERE spent_lines(at_ns, $h)
        UNION ALL
        SELECT *, false AS now FROM ledger WHERE spent_lines(at_ns, $before)
    )
    WHERE true
        -- include: ledger_conditions
    GROUP BY category, now
    -- if: rolled
    UNION ALL
    SELECT
        CASE $dimension
            WHEN 'model' THEN model WHEN 'feature' THEN feature WHEN 'user_tier' THEN user_tier
            WHEN 'provider' THEN provider WHEN 'service' THEN service
        END AS category,
        now, sum(cost_usd), sum(calls), sum(unpriced_calls)
    FROM (
        SELECT *, true AS now FROM cost_1h WHERE spent_hours(bucket, $h)
        UNION ALL SELECT *, true AS now FROM cost_1m WHERE spent_minutes(bucket, $h)
        UNION ALL SELECT *, false AS now FROM cost_1h WHERE spent_hours(bucket, $before)
        UNION ALL SELECT *, false AS now FROM cost_1m WHERE spent_minutes(bucket, $before)
    )
    WHERE true
        -- include: cost_conditions
    GROUP BY category, now
    -- end
)
SELECT
    category, sum(cost_usd) FILTER (now) AS spent, sum(cost_usd) FILTER (NOT now) AS before,
    coalesce(sum(calls) FILTER (now), 0)::BIGINT AS calls, coalesce(sum(calls) FILTER (NOT now), 0)::BIGINT AS calls_before,
    coalesce(sum(unpriced_calls) FILTER (now), 0)::BIGINT AS unpriced_calls
FROM cells GROUP BY category
ORDER BY abs(coalesce(sum(cost_usd) FILTER (now), 0) - coalesce(sum(cost_usd) FILTER (NOT now), 0)) DESC, category
LIMIT $most;

-- name: running_sum_of_hour
-- When, within an hour, what was spent since the hour's begin reached an amount; null when it did not.
SELECT min(at_ns) FROM (
    SELECT at_ns, sum(cost_usd) OVER (ORDER BY at_ns RANGE UNBOUNDED PRECEDING) AS so_far
    FROM ledger
    WHERE at_ns >= $from_ns AND at_ns < $to_ns
        -- include: ledger_conditions
)
WHERE so_far >= $amount::DECIMAL(38, 12);
