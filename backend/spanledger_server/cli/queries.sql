-- name: schema_version
-- Which version of the tables the file has.
SELECT max(version) FROM schema_version;

-- name: ledger_duplicates
-- Calls that have more than one line.
SELECT count(*) FROM (SELECT trace_id, span_id FROM ledger GROUP BY trace_id, span_id HAVING count(*) > 1);

-- name: lines_unlike_corrections
-- Lines that cost something else than their newest correction says.
SELECT count(*)
FROM ledger AS l JOIN (
    SELECT trace_id, span_id, at_ns, source, arg_max({'cost': cost_usd, 'state': state}, (corrected_ns, rowid)) AS newest
    FROM ledger_corrections GROUP BY ALL
) AS c USING (trace_id, span_id, at_ns, source)
WHERE (l.cost_usd, l.state) IS DISTINCT FROM (c.newest.cost, c.newest.state);

-- name: span_duplicates
-- Spans that are stored more than once.
SELECT count(*) FROM (SELECT trace_id, span_id, start_ns FROM spans GROUP BY trace_id, span_id, start_ns HAVING count(*) > 1);

-- name: ledger_states
-- Lines whose state and cost disagree: a price without a cost, or a cost without a price.
SELECT count(*) FROM ledger WHERE (state = 'unpriced') <> (cost_usd IS NULL);

-- name: points_without_series
-- Metric points whose series is not known.
SELECT count(*) FROM metric_points AS p WHERE NOT EXISTS (FROM metric_series AS s WHERE s.series_id = p.series_id);

-- name: rows_without_resource
-- Spans and logs whose resource is not known.
SELECT
    (SELECT count(*) FROM spans AS t WHERE resource_id IS NOT NULL AND NOT EXISTS (FROM resources AS r WHERE r.resource_id = t.resource_id))
    + (SELECT count(*) FROM logs AS t WHERE resource_id IS NOT NULL AND NOT EXISTS (FROM resources AS r WHERE r.resource_id = t.resource_id));

-- name: minutes_unlike_ledger
-- Minutes, not waiting to be recomputed, whose rollup differs from the ledger in calls, cost or tokens.
WITH first_minute AS (SELECT min(bucket) AS bucket FROM cost_1m),
rolled AS (
    SELECT bucket, sum(calls) AS calls, sum(cost_usd) AS cost, coalesce(sum(input_tokens), 0) AS input, coalesce(sum(output_tokens), 0) AS output
    FROM cost_1m GROUP BY bucket
),
counted AS (
    SELECT
        at_ns // 60000000000 AS bucket, count(*) AS calls, sum(cost_usd) AS cost,
        coalesce(sum(input_tokens), 0) AS input, coalesce(sum(output_tokens), 0) AS output
    FROM ledger WHERE at_ns // 60000000000 >= (SELECT bucket FROM first_minute) GROUP BY ALL
)
SELECT bucket
FROM rolled AS r FULL JOIN counted AS c USING (bucket)
WHERE bucket NOT IN (SELECT bucket FROM dirty_buckets WHERE family = 'cost' AND level = '1m')
    AND (r.calls, r.cost, r.input, r.output) IS DISTINCT FROM (c.calls, c.cost, c.input, c.output);

-- name: hours_unlike_minutes
-- Hours, not waiting to be recomputed, whose rollup differs from their minutes.
WITH first_minute AS (SELECT min(bucket) AS bucket FROM cost_1m),
hours AS (SELECT bucket, sum(calls) AS calls, sum(cost_usd) AS cost FROM cost_1h GROUP BY bucket),
minutes AS (SELECT bucket // 60 AS bucket, sum(calls) AS calls, sum(cost_usd) AS cost FROM cost_1m GROUP BY ALL)
SELECT bucket
FROM hours AS h JOIN minutes AS m USING (bucket)
WHERE bucket > (SELECT bucket // 60 FROM first_minute)
    AND bucket NOT IN (SELECT bucket FROM dirty_buckets WHERE family = 'cost' AND level = '1h')
    AND bucket NOT IN (SELECT bucket // 60 FROM dirty_buckets WHERE family = 'cost' AND level = '1m')
    AND (h.calls, h.cost) IS DISTINCT FROM (m.calls, m.cost);

-- name: days_unlike_hours
-- Days, not waiting to be recomputed, whose rollup differs from their hours.
WITH first_hour AS (SELECT min(bucket) AS bucket FROM cost_1h),
days AS (SELECT bucket, sum(calls) AS calls, sum(cost_usd) AS cost FROM cost_1d GROUP BY bucket),
hours AS (SELECT bucket // 24 AS bucket, sum(calls) AS calls, sum(cost_usd) AS cost FROM cost_1h GROUP BY ALL)
SELECT bucket
FROM days AS d JOIN hours AS h USING (bucket)
WHERE bucket > (SELECT bucket // 24 FROM first_hour)
    AND bucket NOT IN (SELECT bucket FROM dirty_buckets WHERE family = 'cost' AND level = '1d')
    AND bucket NOT IN (SELECT bucket // 24 FROM dirty_buckets WHERE family = 'cost' AND level = '1h')
    AND bucket NOT IN (SELECT bucket // 1440 FROM dirty_buckets WHERE family = 'cost' AND level = '1m')
    AND (d.calls, d.cost) IS DISTINCT FROM (h.calls, h.cost);

-- name: user_days_unlike_ledger
-- Days of users, not waiting to be recomputed and of which all lines are kept, that differ from the ledger in calls, cost or tokens,
-- or in whose they are: each user's calls and costs weigh something else, which needs no sums by user.
WITH kept AS (
    SELECT coalesce(max(from_ns), 0) // 86400000000000 AS bucket FROM kept_from WHERE subject IN ('user_1d', 'ledger')
),
waiting AS (
    SELECT bucket // CASE level WHEN '1m' THEN 1440 WHEN '1h' THEN 24 ELSE 1 END AS bucket
    FROM dirty_buckets WHERE family IN ('cost', 'user')
),
users AS (
    SELECT user_number, hash(user_id) AS chance FROM user_numbers
    UNION ALL
    SELECT 0, hash(NULL::VARCHAR)
),
rolled AS (
    SELECT
        bucket, sum(calls) AS calls, sum(unpriced_calls) AS unpriced, sum(cost_usd) AS cost, coalesce(sum(input_tokens), 0) AS input,
        coalesce(sum(output_tokens), 0) AS output, sum(calls::HUGEINT * chance) AS whose,
        sum(cost_usd::DECIMAL(34, 12) * (chance % 1000)::DECIMAL(4, 0)) AS whose_cost
    FROM user_1d LEFT JOIN users USING (user_number) GROUP BY bucket
),
counted AS (
    SELECT
        bucket, count(*) AS calls, count(*) FILTER (state = 'unpriced') AS unpriced, sum(cost_usd) AS cost,
        coalesce(sum(input_tokens), 0) AS input, coalesce(sum(output_tokens), 0) AS output, sum(chance::HUGEINT) AS whose,
        sum(cost_usd * (chance % 1000)::DECIMAL(4, 0)) AS whose_cost
    FROM (SELECT *, at_ns // 86400000000000 AS bucket, hash(user_id) AS chance FROM ledger) GROUP BY bucket
)
SELECT bucket
FROM rolled AS r FULL JOIN counted AS c USING (bucket)
WHERE bucket >= (SELECT bucket FROM kept) AND bucket NOT IN (SELECT bucket FROM waiting)
    AND (r.calls, r.unpriced, r.cost, r.input, r.output, r.whose, r.whose_cost)
        IS DISTINCT FROM (c.calls, c.unpriced, c.cost, c.input, c.output, c.whose, c.whose_cost);

-- name: user_years_unlike_days
-- Years of which all days are kept and in which sums of users differ from these days: the first day of each.
WITH kept AS (SELECT coalesce(max(from_ns), 0) // 86400000000000 AS bucket FROM kept_from WHERE subject IN ('user_1d', 'ledger')),
summed AS (
    SELECT
        year(DATE '1970-01-01' + bucket) AS bucket, user_number, sum(calls) AS calls, sum(cost_usd) AS cost,
        coalesce(sum(input_tokens), 0) AS input, count(input_tokens) AS input_told, coalesce(sum(output_tokens), 0) AS output,
        count(output_tokens) AS output_told, sum(unpriced_calls) AS unpriced
    FROM user_1d GROUP BY ALL
)
SELECT DISTINCT make_date(bucket::INTEGER, 1, 1) - DATE '1970-01-01'
FROM (FROM user_1y WHERE make_date(bucket, 1, 1) - DATE '1970-01-01' >= (SELECT bucket FROM kept)) AS y
FULL JOIN (FROM summed WHERE bucket IN (SELECT bucket FROM user_1y)
    AND make_date(bucket::INTEGER, 1, 1) - DATE '1970-01-01' >= (SELECT bucket FROM kept)) AS s USING (bucket, user_number)
WHERE (y.calls, y.cost_usd, coalesce(y.input_tokens, 0), y.input_told, coalesce(y.output_tokens, 0), y.output_told, y.unpriced_calls)
    IS DISTINCT FROM (s.calls, s.cost, s.input, s.input_told, s.output, s.output_told, s.unpriced);

-- name: users_without_number
-- Days with numbers that two users have, of users with two numbers, and with numbers that nobody has.
SELECT DISTINCT bucket FROM user_1d WHERE user_number <> 0 AND user_number NOT IN (
    SELECT any_value(user_number) FROM user_numbers GROUP BY user_id HAVING count(*) = 1
    EXCEPT
    SELECT user_number FROM user_numbers GROUP BY user_number HAVING count(*) > 1
);

-- name: forget_shared_numbers
-- Numbers that two users have, and those of users with two.
DELETE FROM user_numbers
WHERE user_number IN (SELECT user_number FROM user_numbers GROUP BY user_number HAVING count(*) > 1)
    OR user_id IN (SELECT user_id FROM user_numbers GROUP BY user_id HAVING count(*) > 1);

-- name: traces_not_indexed
-- Traces that a question by id would not find, or not whole: a minute of their spans lies outside of what the index says.
WITH minutes AS (SELECT DISTINCT trace_id, start_ns // 60000000000 AS minute FROM spans),
hashed AS (SELECT trace_id, minute, ('0x' || right(replace(trace_id::VARCHAR, '-', ''), 16))::UBIGINT AS hash FROM minutes)
SELECT count(DISTINCT trace_id) FROM hashed AS h
WHERE NOT EXISTS (
    FROM trace_index AS i WHERE i.hash = h.hash AND i.of_lines IS NOT TRUE AND h.minute BETWEEN i.first_minute AND i.last_minute
);

-- name: index_traces
-- Let every trace be found by its id: one more entry for each whose spans lie outside of what the index says.
INSERT INTO trace_index (hash, first_minute, last_minute)
WITH minutes AS (
    SELECT trace_id, min(start_ns // 60000000000)::INTEGER AS first_minute, max(start_ns // 60000000000)::INTEGER AS last_minute
    FROM spans GROUP BY trace_id
),
hashed AS (SELECT *, ('0x' || right(replace(trace_id::VARCHAR, '-', ''), 16))::UBIGINT AS hash FROM minutes)
SELECT hash, first_minute, last_minute FROM hashed AS h
WHERE NOT EXISTS (
    FROM trace_index AS i
    WHERE i.hash = h.hash AND i.of_lines IS NOT TRUE AND i.first_minute <= h.first_minute AND i.last_minute >= h.last_minute
);

-- name: lines_not_indexed
-- Traces of whose ledger lines a question by id would not find all: a line from when all of them are indexed lies outside of what
-- the index says.
SELECT count(*)
FROM (
    -- include: lines_by_trace
) AS l
WHERE NOT EXISTS (
    FROM (SELECT hash, min(first_minute) AS first_minute, max(last_minute) AS last_minute FROM trace_index GROUP BY hash) AS i
    WHERE i.hash = l.hash AND i.first_minute <= l.first_minute AND i.last_minute >= l.last_minute
);

-- name: index_lines
-- Let these be found: one more entry for each trace, that is given up like those of lines that came as events.
INSERT INTO trace_index (hash, first_minute, last_minute, of_lines)
SELECT hash, first_minute, last_minute, true
FROM (
    -- include: lines_by_trace
) AS l
WHERE NOT EXISTS (
    FROM (SELECT hash, min(first_minute) AS first_minute, max(last_minute) AS last_minute FROM trace_index GROUP BY hash) AS i
    WHERE i.hash = l.hash AND i.first_minute <= l.first_minute AND i.last_minute >= l.last_minute
);

-- name: span_minutes_unlike_spans
-- Minutes, not waiting to be recomputed and of which all spans are kept, whose rollup differs from them.
WITH kept AS (SELECT coalesce(max(from_ns), 0) // 60000000000 AS bucket FROM kept_from WHERE subject = 'spans'),
rolled AS (SELECT bucket, sum(spans) AS spans FROM span_1m WHERE bucket >= (SELECT bucket FROM kept) GROUP BY bucket),
counted AS (
    SELECT end_ns // 60000000000 AS bucket, count(*) AS spans FROM spans
    WHERE end_ns // 60000000000 >= (SELECT bucket FROM kept) GROUP BY ALL
)
SELECT bucket
FROM rolled AS r FULL JOIN counted AS c USING (bucket)
WHERE bucket NOT IN (SELECT bucket FROM dirty_buckets WHERE family = 'span' AND level = '1m')
    AND r.spans IS DISTINCT FROM c.spans;

-- name: span_hours_unlike_minutes
-- The same of hours and their minutes.
WITH first_minute AS (SELECT min(bucket) AS bucket FROM span_1m),
hours AS (SELECT bucket, sum(spans) AS spans FROM span_1h GROUP BY bucket),
minutes AS (SELECT bucket // 60 AS bucket, sum(spans) AS spans FROM span_1m GROUP BY ALL)
SELECT bucket
FROM hours AS h JOIN minutes AS m USING (bucket)
WHERE bucket > (SELECT bucket // 60 FROM first_minute)
    AND bucket NOT IN (SELECT bucket FROM dirty_buckets WHERE family = 'span' AND level = '1h')
    AND bucket NOT IN (SELECT bucket // 60 FROM dirty_buckets WHERE family = 'span' AND level = '1m')
    AND h.spans IS DISTINCT FROM m.spans;

-- name: span_days_unlike_hours
-- The same of days and their hours.
WITH first_hour AS (SELECT min(bucket) AS bucket FROM span_1h),
days AS (SELECT bucket, sum(spans) AS spans FROM span_1d GROUP BY bucket),
hours AS (SELECT bucket // 24 AS bucket, sum(spans) AS spans FROM span_1h GROUP BY ALL)
SELECT bucket
FROM days AS d JOIN hours AS h USING (bucket)
WHERE bucket > (SELECT bucket // 24 FROM first_hour)
    AND bucket NOT IN (SELECT bucket FROM dirty_buckets WHERE family = 'span' AND level = '1d')
    AND bucket NOT IN (SELECT bucket // 24 FROM dirty_buckets WHERE family = 'span' AND level = '1h')
    AND bucket NOT IN (SELECT bucket // 1440 FROM dirty_buckets WHERE family = 'span' AND level = '1m')
    AND d.spans IS DISTINCT FROM h.spans;

-- name: audio_hours_unlike_spans
-- Hours of audio, not waiting to be recomputed and of which all spans are kept, whose rollup differs from them: in how many there
-- are (metric 0), what they stand for, how many have a measure, or in its sum, but for how sums of fractions are rounded.
WITH kept AS (SELECT coalesce(max(from_ns), 0) // 3600000000000 AS bucket FROM kept_from WHERE subject = 'audio_spans'),
rolled AS (
    SELECT bucket, metric, sum(spans) AS spans, CASE metric WHEN 0 THEN sum(weight) ELSE sum(kept) END AS total
    FROM audio_1h WHERE bucket >= (SELECT bucket FROM kept) GROUP BY bucket, metric
),
counted AS (
    SELECT bucket, metric, count(*) AS spans, sum(value) AS total
    FROM (
        SELECT start_ns // 3600000000000 AS bucket, 0 AS metric, coalesce(adjusted_count, 1) AS value FROM audio_spans
        UNION ALL
        SELECT start_ns // 3600000000000, generate_subscripts(v, 1), unnest(v) FROM audio_spans
    )
    WHERE value IS NOT NULL AND bucket >= (SELECT bucket FROM kept) GROUP BY bucket, metric
)
SELECT DISTINCT bucket
FROM rolled AS r FULL JOIN counted AS c USING (bucket, metric)
WHERE bucket NOT IN (SELECT bucket FROM dirty_buckets WHERE family = 'audio' AND level = '1h')
    AND (r.spans IS DISTINCT FROM c.spans OR abs(r.total - c.total) > 1e-6 * greatest(1, abs(r.total), abs(c.total)));

-- name: audio_days_unlike_hours
-- The same of days and their hours.
WITH first_hour AS (SELECT min(bucket) AS bucket FROM audio_1h),
days AS (
    SELECT bucket, metric, sum(spans) AS spans, CASE metric WHEN 0 THEN sum(weight) ELSE sum(kept) END AS total
    FROM audio_1d GROUP BY bucket, metric
),
hours AS (
    SELECT bucket // 24 AS bucket, metric, sum(spans) AS spans, CASE metric WHEN 0 THEN sum(weight) ELSE sum(kept) END AS total
    FROM audio_1h WHERE bucket // 24 IN (SELECT bucket FROM audio_1d) GROUP BY bucket // 24, metric
)
SELECT DISTINCT bucket
FROM days AS d FULL JOIN hours AS h USING (bucket, metric)
WHERE bucket > (SELECT bucket // 24 FROM first_hour)
    AND bucket NOT IN (SELECT bucket // CASE level WHEN '1h' THEN 24 ELSE 1 END FROM dirty_buckets WHERE family = 'audio')
    AND (d.spans IS DISTINCT FROM h.spans OR abs(d.total - h.total) > 1e-6 * greatest(1, abs(d.total), abs(h.total)));
