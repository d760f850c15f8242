-- name: seconds
-- One row for each second in which calls ended, from the ledger: exact whatever was sampled.
SELECT
    at_ns // 1000000000 AS t,
    count(*) AS calls,
    count(*) FILTER (WHERE error_type IS NOT NULL) AS errors,
    sum(cost_usd) AS cost,
    count(*) FILTER (WHERE state = 'unpriced') AS unpriced,
    sum(input_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens,
    quantile_cont(duration_ns, [0.5, 0.95, 0.99]) AS durations_ns,
    quantile_cont(time_to_first_chunk_ns, 0.95) AS first_chunk_ns
FROM ledger
WHERE at_ns >= $from_ns AND at_ns < $to_ns
GROUP BY t
ORDER BY t;

-- name: reports
-- What each service reported in each second, by any signal; a row without calls and spans still says that it lives.
SELECT t, service, sum(calls) AS calls, sum(errors) AS errors, sum(cost) AS cost, sum(spans) AS spans
FROM (
    SELECT
        at_ns // 1000000000 AS t, service, count(*) AS calls, count(*) FILTER (WHERE error_type IS NOT NULL) AS errors,
        sum(cost_usd) AS cost, 0 AS spans
    FROM ledger WHERE at_ns >= $from_ns AND at_ns < $to_ns GROUP BY ALL
    UNION ALL
    SELECT end_ns // 1000000000, service, 0, 0, NULL, count(*)
    FROM spans WHERE end_ns >= $from_ns AND end_ns < $to_ns GROUP BY ALL
    UNION ALL
    SELECT DISTINCT at_ns // 1000000000, service, 0, 0, NULL, 0
    FROM logs WHERE at_ns >= $from_ns AND at_ns < $to_ns
    UNION ALL
    SELECT DISTINCT p.at_ns // 1000000000, s.service, 0, 0, NULL, 0
    FROM metric_points AS p JOIN metric_series AS s USING (series_id)
    WHERE p.at_ns >= $from_ns AND p.at_ns < $to_ns
)
WHERE service IS NOT NULL
GROUP BY t, service
ORDER BY t, service;

-- name: latency
-- The 95th percentiles of a stretch of time, over all calls.
SELECT quantile_cont(duration_ns, 0.95) AS duration_ns, quantile_cont(time_to_first_chunk_ns, 0.95) AS first_chunk_ns
FROM ledger
WHERE at_ns >= $from_ns AND at_ns < $to_ns;

-- name: service_latency
-- The 95th percentile of each service's calls.
SELECT service, quantile_cont(duration_ns, 0.95) AS duration_ns
FROM ledger
WHERE at_ns >= $from_ns AND at_ns < $to_ns AND service IS NOT NULL
GROUP BY service;

-- name: today_by_model
-- Calls and cost of the day to date, by model: rollups where they are up to date, and the ledger's lines since.
SELECT model, provider, sum(calls) AS calls, sum(unpriced_calls) AS unpriced, sum(cost_usd) AS cost
FROM (
    SELECT model, provider, calls, unpriced_calls, cost_usd FROM cost_1m WHERE of_minutes(bucket, $s)
    UNION ALL SELECT model, provider, calls, unpriced_calls, cost_usd FROM cost_1h WHERE of_hours(bucket, $s) -- if: hours
    UNION ALL SELECT model, provider, calls, unpriced_calls, cost_usd FROM cost_1d WHERE of_days(bucket, $s) -- if: days
    -- if: rows
    UNION ALL
    SELECT model, provider, 1, CASE WHEN state = 'unpriced' THEN 1 ELSE 0 END, cost_usd
    FROM ledger WHERE of_rows(at_ns, commit_no, $s)
    -- end
)
GROUP BY model, provider
ORDER BY cost DESC NULLS LAST, calls DESC;

-- name: model_slots
-- The colour slot of each model.
SELECT value, slot FROM series_slots WHERE dimension = 'model';

-- name: slow_or_failed
-- The calls most worth a look: the latest that failed and the slowest of the rest. Two short lists: ranking all calls of a busy
-- quarter of an hour takes a hundred times as long.
FROM (
    SELECT trace_id, span_id, at_ns, service, model, operation, duration_ns, error_type, cost_usd
    FROM ledger
    WHERE at_ns >= $from_ns AND at_ns < $to_ns AND error_type IS NOT NULL
    ORDER BY ledger.at_ns DESC LIMIT $most
)
UNION ALL
FROM (
    SELECT trace_id, span_id, at_ns, service, model, operation, duration_ns, error_type, cost_usd
    FROM ledger
    WHERE at_ns >= $from_ns AND at_ns < $to_ns AND error_type IS NULL AND duration_ns IS NOT NULL
    ORDER BY ledger.duration_ns DESC LIMIT $most
)
ORDER BY at_ns DESC;

-- name: reporting_minutes
-- For each service seen since an instant: its last minute, and the gap that nine of ten of its reports stay within.
WITH minutes AS (
    SELECT service, bucket FROM span_1m WHERE bucket >= $from_minute
    UNION
    SELECT service, bucket FROM cost_1m WHERE bucket >= $from_minute
    UNION
    SELECT s.service, m.bucket FROM metric_1m AS m JOIN metric_series AS s USING (series_id) WHERE m.bucket >= $from_minute
),
gaps AS (
    SELECT service, bucket, bucket - lag(bucket) OVER (PARTITION BY service ORDER BY bucket) AS gap FROM minutes WHERE service IS NOT NULL
)
SELECT service, max(bucket) AS last_minute, quantile_disc(gap, 0.9) AS gap_minutes
FROM gaps
GROUP BY service;

-- name: anything_ever
-- Whether anything was ever stored.
SELECT EXISTS (FROM spans) OR EXISTS (FROM ledger) OR EXISTS (FROM metric_points) OR EXISTS (FROM logs) AS anything;

-- name: refused_today
-- Records refused since an instant.
SELECT coalesce(sum(records), 0) AS refused FROM loss WHERE at_ns >= $from_ns;

-- name: audio
-- How good and how fast audio of a stretch of time was, as a whole (minute null) and by minute: medians, each span as heavy as the number it stands
-- for. An audio is a pipeline, or a stage of a trace without one.
WITH heard AS (
    SELECT trace_id, stage, start_ns // 60000000000 AS minute, coalesce(adjusted_count, 1) AS weight, v[$pesq] AS pesq, v[$factor] AS factor
    FROM audio_spans WHERE start_ns >= $from_ns AND start_ns < $to_ns
),
told AS (
    SELECT unnest([NULL, minute]) AS minute, weight, 'audios' AS metric, 0.0::DOUBLE AS value
    FROM heard WHERE stage IS NULL OR trace_id NOT IN (SELECT trace_id FROM heard WHERE stage IS NULL)
    UNION ALL BY NAME
    SELECT unnest([NULL, minute]) AS minute, weight, 'pesq' AS metric, pesq AS value FROM heard WHERE pesq IS NOT NULL
    UNION ALL BY NAME
    SELECT unnest([NULL, minute]) AS minute, weight, 'real_time_factor' AS metric, factor AS value
    FROM heard WHERE factor IS NOT NULL AND (stage IS NULL OR trace_id NOT IN (SELECT trace_id FROM heard WHERE stage IS NULL))
),
ranked AS (
    SELECT
        metric, minute, value, weight, sum(weight) OVER (PARTITION BY metric, minute) AS whole,
        sum(weight) OVER (PARTITION BY metric, minute ORDER BY value ROWS UNBOUNDED PRECEDING) AS upto
    FROM told
)
SELECT
    metric, minute, sum(weight) AS weight, count(*) AS kept, min(value) FILTER (upto >= 0.5 * whole) AS p50,
    min(value) FILTER (upto >= 0.95 * whole) AS p95
FROM ranked GROUP BY metric, minute ORDER BY metric, minute;
