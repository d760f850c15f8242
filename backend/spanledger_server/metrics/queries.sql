-- name: metric_names
-- Every metric name with its kind, unit and number of series.
SELECT name, any_value(kind) AS kind, any_value(unit) AS unit, count(*) AS series,
    list(DISTINCT service) FILTER (service IS NOT NULL) AS services
FROM metric_series GROUP BY name ORDER BY name;

-- name: series_of_metric
-- The series of a metric.
SELECT series_id, kind, unit, temporality, coalesce(monotonic, false) AS monotonic, service, attributes
FROM metric_series WHERE name = $name ORDER BY series_id;

-- name: numbers
-- Points of gauges and sums by group and slot. A cumulative sum counts by its increments; after a restart, from
-- nothing.
WITH chosen AS (
    SELECT unnest($series::UBIGINT[]) AS series_id, unnest($groups::BIGINT[]) AS series_group,
        unnest($cumulative::BOOLEAN[]) AS cumulative
),
followed AS (
    SELECT
        series_group, cumulative, at_ns, start_ns, value,
        lag(value) OVER one_series AS before_value, lag(at_ns) OVER one_series AS before_ns
    FROM metric_points JOIN chosen USING (series_id)
    WHERE at_ns >= $look_from_ns AND at_ns < $to_ns AND value IS NOT NULL
    WINDOW one_series AS (PARTITION BY series_id ORDER BY at_ns)
),
counted AS (
    SELECT
        series_group, at_ns, value,
        CASE
            WHEN NOT cumulative THEN value
            WHEN before_value IS NULL THEN CASE WHEN start_ns >= $look_from_ns THEN value END
            WHEN value < before_value OR start_ns >= before_ns THEN value
            ELSE value - before_value
        END AS increment
    FROM followed WHERE at_ns >= $from_ns
)
SELECT
    series_group, at_ns // $step_ns AS slot, count(*) AS points, sum(increment) AS increase, avg(value) AS avg,
    min(value) AS min, max(value) AS max, arg_max(value, at_ns) AS last
FROM counted GROUP BY series_group, slot;

-- name: distributions
-- Histogram points by group and slot: observations, their sum and buckets. A cumulative series counts by what a
-- point has more than the one before; after a restart, from nothing. Buckets of different scales or bounds stay apart.
WITH chosen AS (
    SELECT
        unnest($series::UBIGINT[]) AS series_id, unnest($groups::BIGINT[]) AS series_group,
        unnest($cumulative::BOOLEAN[]) AS cumulative
),
followed AS (
    SELECT
        series_group, cumulative, at_ns, start_ns, value, count, scale, coalesce(zero_count, 0) AS zero_count,
        bounds, coalesce(bucket_index, range(len(bucket_count))::INTEGER[]) AS bucket_index, bucket_count,
        lag(at_ns) OVER one_series AS before_ns, lag(value) OVER one_series AS before_value,
        lag(count) OVER one_series AS before_count, lag(scale) OVER one_series AS before_scale,
        lag(coalesce(zero_count, 0)) OVER one_series AS before_zero_count, lag(bounds) OVER one_series AS before_bounds,
        lag(coalesce(bucket_index, range(len(bucket_count))::INTEGER[])) OVER one_series AS before_bucket_index,
        lag(bucket_count) OVER one_series AS before_bucket_count
    FROM metric_points JOIN chosen USING (series_id)
    WHERE at_ns >= $look_from_ns AND at_ns < $to_ns AND count IS NOT NULL
    WINDOW one_series AS (PARTITION BY series_id ORDER BY at_ns)
),
signed AS (
    SELECT
        series_group, at_ns // $step_ns AS slot, scale, bounds, 1 AS sign, count, value, zero_count, bucket_index,
            bucket_count
    FROM followed
    WHERE at_ns >= $from_ns AND (NOT cumulative OR before_ns IS NOT NULL OR start_ns >= $look_from_ns)
    UNION ALL
    SELECT
        series_group, at_ns // $step_ns AS slot, before_scale AS scale, before_bounds AS bounds, -1 AS sign,
            before_count AS count,
        before_value AS value, before_zero_count AS zero_count, before_bucket_index AS bucket_index,
        before_bucket_count AS bucket_count
    FROM followed
    WHERE at_ns >= $from_ns AND cumulative AND before_ns IS NOT NULL
        AND NOT (count < before_count OR coalesce(start_ns >= before_ns, false)
            OR bounds IS DISTINCT FROM before_bounds)
),
totals AS (
    SELECT
        series_group, slot, scale, bounds, sum(sign * count)::BIGINT AS count, sum(sign * value) AS sum,
        sum(sign * zero_count)::BIGINT AS zero_count
    FROM signed GROUP BY series_group, slot, scale, bounds
),
unnested AS (
    SELECT
        series_group, slot, scale, bounds, sign, unnest(bucket_index) AS bucket, unnest(bucket_count) AS observations
    FROM signed WHERE bucket_count IS NOT NULL
),
summed AS (
    SELECT series_group, slot, scale, bounds, bucket, sum(sign * observations)::BIGINT AS observations
    FROM unnested GROUP BY series_group, slot, scale, bounds, bucket
),
listed AS (
    SELECT
        series_group, slot, scale, bounds, list(bucket ORDER BY bucket) AS buckets,
        list(observations ORDER BY bucket) AS observations
    FROM summed WHERE observations > 0 GROUP BY series_group, slot, scale, bounds
)
SELECT totals.*, listed.buckets, listed.observations
FROM totals LEFT JOIN listed
    ON totals.series_group = listed.series_group AND totals.slot = listed.slot
    AND totals.scale IS NOT DISTINCT FROM listed.scale AND totals.bounds IS NOT DISTINCT FROM listed.bounds;
