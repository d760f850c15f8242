-- name: search
-- Traces that left a span or a ledger line in a window and meet the conditions: their number, their histogram, what can
-- be narrowed further, and one page of ids. A key holds when any span or line of the trace has it; an empty value,
-- when none has any. Where spans were sampled, a trace is also judged by what less likely draws would have left of it: by
-- its lines and the spans of each smaller weight alone. What it adds to the estimate follows from all these judgements.
WITH
-- include: judged_traces
,
matched AS NOT MATERIALIZED (SELECT * FROM passed WHERE heavier IS NULL),
-- if: many_facets
narrowed AS NOT MATERIALIZED (SELECT trace_id, service, model FROM seen SEMI JOIN matched USING (trace_id)),
-- end
weighed AS (
    -- if: redrawn two_weights
    SELECT
        sum(CASE WHEN isinf(weight) THEN 0 WHEN heavier IS NULL OR isinf(heavier) THEN weight ELSE weight - heavier END) AS y,
        count(*) FILTER (heavier IS NULL AND isinf(weight)) > count(*) FILTER (isinf(heavier)) AS uncounted
    FROM passed
    SEMI JOIN lesser USING (trace_id) -- if: redrawn
    GROUP BY trace_id
    -- end
    UNION ALL -- if: redrawn
    -- if: redrawn at_once
    SELECT CASE WHEN isinf(weight) THEN 0 ELSE weight END AS y, isinf(weight) AS uncounted FROM passed
    ANTI JOIN lesser USING (trace_id) -- if: redrawn
    -- end
),
page AS (
    SELECT trace_id, place FROM matched
    WHERE true
        -- include: behind_cursor
    ORDER BY place NULLS LAST, trace_id
    LIMIT $most
)
SELECT 'page' AS told, trace_id, place FROM page
UNION ALL BY NAME
SELECT 'weighed' AS told, sum(y) AS total, sum(y * y) AS squares, count(*) FILTER (uncounted) AS traces FROM weighed
UNION ALL BY NAME
SELECT 'bar' AS told, greatest(start_ns, $from_ns) // $step_ns AS bar, status, count(*) AS traces FROM matched GROUP BY bar, status
-- if: facets
UNION ALL BY NAME
SELECT 'held' AS told, held, count(*) AS traces FROM matched GROUP BY held
-- end
-- if: many_facets
UNION ALL BY NAME
(
    SELECT 'services' AS told, service AS value, count(DISTINCT trace_id) AS traces
    FROM narrowed WHERE service IS NOT NULL GROUP BY service ORDER BY traces DESC, value LIMIT $most_facets
)
UNION ALL BY NAME
(
    SELECT 'models' AS told, model AS value, count(DISTINCT trace_id) AS traces
    FROM narrowed WHERE model IS NOT NULL GROUP BY model ORDER BY traces DESC, value LIMIT $most_facets
)
-- end
;

-- name: listed
-- One page of the ids that `search` gives, where every trace that may stand on it is judged; with `begun_ns` of those that,
-- as far as what is read tells, began by then.
WITH
-- include: judged_traces
SELECT trace_id, place FROM passed
WHERE true
    AND start_ns >= $begun_ns -- if: begun_ns
    -- include: behind_cursor
ORDER BY place NULLS LAST, trace_id
LIMIT $most;

-- name: listed_all
-- The same of all traces that, as far as what is read tells, began when it begins or later.
SELECT trace_id, -min(start_ns) AS place
FROM (
    SELECT trace_id, start_ns FROM spans WHERE start_ns >= $from_ns AND start_ns < $to_ns
    UNION ALL
    SELECT trace_id, at_ns - coalesce(duration_ns, 0) AS start_ns FROM ledger WHERE at_ns >= $from_ns AND at_ns < $to_ns
)
GROUP BY trace_id
HAVING min(start_ns) >= $from_ns
    -- include: behind_cursor
ORDER BY place, trace_id
LIMIT $most;

-- name: left_any
-- Which of some traces left a span or a ledger line in a window.
SELECT trace_id FROM spans
WHERE start_ns >= $from_ns AND start_ns < $to_ns AND trace_id IN (SELECT unnest($traces::UUID[]))
UNION
SELECT trace_id FROM ledger
WHERE at_ns >= $from_ns AND at_ns < $to_ns AND trace_id IN (SELECT unnest($traces::UUID[]));

-- name: told_within
-- How many spans and lines a window holds, and how many of those before a time meet one condition (`few_…` of `judged_traces`),
-- or are there at all.
SELECT
    (SELECT count(*) FROM spans WHERE start_ns >= $from_ns AND start_ns < $to_ns)
    + (SELECT count(*) FROM ledger WHERE at_ns >= $from_ns AND at_ns < $to_ns) AS number,
    (
        SELECT count(*) FROM spans
        WHERE start_ns >= $from_ns AND start_ns < $before_ns
            -- include: telling_spans
    ) + (
        SELECT count(*) FROM ledger
        WHERE at_ns >= $from_ns AND at_ns < $before_ns
            -- include: telling_lines
    ) AS telling;

-- name: telling_edge
-- The time of the so many-th span or line, from one side of a window on, of those that meet one condition (`few_…` of `judged_traces`);
-- null where there are fewer.
WITH told AS (
    (
        SELECT start_ns AS time_ns FROM spans
        WHERE start_ns >= $from_ns AND start_ns < $before_ns
            -- include: telling_spans
        ORDER BY time_ns DESC -- if: newest
        ORDER BY time_ns -- if: oldest
        LIMIT $most
    )
    UNION ALL
    (
        SELECT at_ns AS time_ns FROM ledger
        WHERE at_ns >= $from_ns AND at_ns < $before_ns
            -- include: telling_lines
        ORDER BY time_ns DESC -- if: newest
        ORDER BY time_ns -- if: oldest
        LIMIT $most
    )
),
first AS (
    FROM told
    ORDER BY time_ns DESC -- if: newest
    ORDER BY time_ns -- if: oldest
    LIMIT $most
)
SELECT CASE
    WHEN count(*) < $most THEN NULL
    ELSE min(time_ns) -- if: newest
    ELSE max(time_ns) -- if: oldest
END FROM first;

-- name: differences
-- Two parts of the traces that `search` would find: those inside a selection, and the rest. For each value that a key has
-- in them, in how many of either part; the values whose shares are farthest apart, and how long the traces took. What
-- very few traces have can tell nothing: it is left out. A key has a value in a trace when any span or line has it. A
-- trace weighs what it adds to the estimate, at least itself.
WITH
-- include: judged_traces
,
matched AS MATERIALIZED (
    SELECT
        trace_id, any_value(start_ns) FILTER (heavier IS NULL) AS start_ns,
        any_value(duration_ns) FILTER (heavier IS NULL) AS duration_ns,
        any_value(cost_usd) FILTER (heavier IS NULL) AS cost_usd, any_value(status) FILTER (heavier IS NULL) AS status,
        greatest(1, sum(
            CASE WHEN isinf(weight) THEN 0 WHEN heavier IS NULL OR isinf(heavier) THEN weight ELSE weight - heavier END
        )) AS weight
    FROM passed GROUP BY trace_id HAVING bool_or(heavier IS NULL)
),
bounds AS (
    SELECT
        CASE WHEN $duration_rank IS NOT NULL THEN quantile_disc(duration_ns, coalesce($duration_rank::DOUBLE, 0.5)) END AS duration_ns,
        CASE WHEN $cost_rank IS NOT NULL THEN quantile_disc(cost_usd, coalesce($cost_rank::DOUBLE, 0.5)) END AS cost_usd
    FROM matched
),
parted AS MATERIALIZED (
    SELECT
        matched.trace_id, matched.weight, matched.duration_ns,
        coalesce(($chosen_from IS NULL OR start_ns >= $chosen_from) AND ($chosen_to IS NULL OR start_ns < $chosen_to)
            AND ($chosen_status IS NULL OR list_contains($chosen_status::VARCHAR[], status))
            AND ($chosen_not_status IS NULL OR NOT list_contains($chosen_not_status::VARCHAR[], status))
            AND ($chosen_least_duration IS NULL OR matched.duration_ns >= $chosen_least_duration)
            AND ($chosen_most_duration IS NULL OR matched.duration_ns <= $chosen_most_duration)
            AND ($chosen_least_cost IS NULL OR matched.cost_usd >= $chosen_least_cost)
            AND ($chosen_most_cost IS NULL OR matched.cost_usd <= $chosen_most_cost)
            AND ($duration_rank IS NULL OR matched.duration_ns > bounds.duration_ns)
            AND ($cost_rank IS NULL OR matched.cost_usd > bounds.cost_usd), false) AS inside
    FROM matched CROSS JOIN bounds
),
totals AS (
    SELECT
        count(*) FILTER (inside) AS inside, count(*) FILTER (NOT inside) AS outside,
        coalesce(sum(weight) FILTER (inside), 0) AS inside_weight, coalesce(sum(weight) FILTER (NOT inside), 0) AS outside_weight,
        coalesce(sum(weight * weight) FILTER (inside), 0) AS inside_squares,
        coalesce(sum(weight * weight) FILTER (NOT inside), 0) AS outside_squares
    FROM parted
),
left_by AS MATERIALIZED (
    SELECT DISTINCT
        trace_id, service, name, model, provider, operation, feature, tenant, user_tier, user_id, route, error_type,
        http_status, resource_id
    FROM seen SEMI JOIN parted USING (trace_id)
),
held AS (
    SELECT trace_id, 'service' AS key, service AS value FROM left_by
    UNION SELECT trace_id, 'name', name FROM left_by
    UNION SELECT trace_id, 'model', model FROM left_by
    UNION SELECT trace_id, 'provider', provider FROM left_by
    UNION SELECT trace_id, 'operation', operation FROM left_by
    UNION SELECT trace_id, 'feature', feature FROM left_by
    UNION SELECT trace_id, 'tenant', tenant FROM left_by
    UNION SELECT trace_id, 'user_tier', user_tier FROM left_by
    UNION SELECT trace_id, 'user_id', user_id FROM left_by
    UNION SELECT trace_id, 'route', route FROM left_by
    UNION SELECT trace_id, 'error_type', error_type FROM left_by
    UNION SELECT trace_id, 'http_status', http_status::VARCHAR FROM left_by
    UNION SELECT trace_id, 'version', attributes ->> '$."service.version"'
    FROM left_by JOIN resources USING (resource_id)
),
counted AS (
    SELECT
        key, value, count(*) FILTER (inside) AS inside, count(*) FILTER (NOT inside) AS outside,
        coalesce(sum(weight) FILTER (inside), 0) AS inside_weight, coalesce(sum(weight) FILTER (NOT inside), 0) AS outside_weight
    FROM held JOIN parted USING (trace_id)
    WHERE value IS NOT NULL
    GROUP BY key, value
    HAVING count(*) >= $fewest
),
farthest AS (
    SELECT counted.*
    FROM counted CROSS JOIN totals
    WHERE totals.inside > 0 AND totals.outside > 0
    ORDER BY
        abs(counted.inside_weight / totals.inside_weight - counted.outside_weight / totals.outside_weight) DESC, key, value
    LIMIT $most
),
lengths AS (
    SELECT floor(log10(greatest(duration_ns, 1)) * 4)::INTEGER AS step, count(*) AS traces, count(*) FILTER (inside) AS inside
    FROM parted GROUP BY step
)
SELECT
    (SELECT totals FROM totals) AS totals, (SELECT bounds FROM bounds) AS bounds,
    (SELECT count(*) FROM counted) AS compared, (SELECT list(farthest) FROM farthest) AS farthest,
    (SELECT list(lengths ORDER BY step) FROM lengths) AS lengths;

-- name: root
-- The first span of a trace that has no parent.
SELECT name, service, start_ns FROM spans
WHERE trace_id = $trace_id::UUID AND start_ns >= $from_ns AND start_ns < $to_ns AND parent_span_id IS NULL
ORDER BY start_ns, span_id LIMIT 1;

-- name: typical
-- Of the other traces that begin with the same operation, the one of the median duration; each counts as often as it
-- stands for others.
SELECT trace_id, duration_ns, traces, upto
FROM (
    SELECT
        *, count(*) OVER () AS traces, sum(weight) OVER () AS whole,
        sum(weight) OVER (ORDER BY duration_ns, trace_id) AS upto
    FROM (
        SELECT trace_id, max(end_ns - start_ns) AS duration_ns, max(coalesce(adjusted_count, 1)) AS weight
        FROM spans
        WHERE start_ns >= $from_ns AND start_ns < $to_ns AND parent_span_id IS NULL
            AND name = $name AND service IS NOT DISTINCT FROM $service AND trace_id <> $trace_id::UUID
        GROUP BY trace_id
    )
)
WHERE upto * 2 >= whole
ORDER BY upto LIMIT 1;

-- name: span_of
-- What tells which spans are like one.
SELECT name, service, start_ns, end_ns - start_ns AS duration_ns FROM spans
WHERE trace_id = $trace_id::UUID AND span_id = $span_id::UBIGINT AND start_ns >= $from_ns AND start_ns < $to_ns LIMIT 1;

-- name: alike
-- Of the other spans of that name in that service: how many ended, what share was faster (of those that took as long, a half;
-- each counts as often as it stands for others), and how long those that are stored took.
SELECT
    count(*) AS spans, sum(weight * CASE WHEN took < $duration_ns THEN 1 WHEN took = $duration_ns THEN 0.5 ELSE 0 END) / sum(weight) AS faster,
    quantile_disc(took, 0.5) AS median_ns, quantile_disc(took, 0.95) AS p95_ns
FROM (
    SELECT end_ns - start_ns AS took, coalesce(adjusted_count, 1) AS weight
    FROM spans
    WHERE start_ns >= $from_ns AND start_ns < $to_ns AND end_ns IS NOT NULL
        AND name = $name AND service IS NOT DISTINCT FROM $service
        AND NOT (trace_id = $trace_id::UUID AND span_id = $span_id::UBIGINT)
);

-- name: rows_within
-- How many spans and lines a window holds.
SELECT
    (SELECT count(*) FROM spans WHERE start_ns >= $from_ns AND start_ns < $to_ns)
    + (SELECT count(*) FROM ledger WHERE at_ns >= $from_ns AND at_ns < $to_ns);

-- name: left_within
-- The services and models of what a window holds, `most_values` of each, and one. Where it may matter (`drawn`), whether some
-- of it stands for more than other, for how much most of it does, and for how much what does not stand for itself alone, where all
-- that stands for as much. Of one condition, whether few meet it.
WITH kinds AS MATERIALIZED (
    SELECT
        service, model
        , min(weight) AS least, min(weight) FILTER (weight > 1) AS heavier, max(weight) AS most -- if: drawn
        , count(*) AS number -- if: drawn by_session_id by_user_id by_name by_status by_model
        , count(*) FILTER (meets) AS meeting -- if: by_session_id by_user_id by_name by_status by_model
    FROM (
        SELECT
            service, model
            , coalesce(adjusted_count, 'inf'::DOUBLE) AS weight -- if: drawn
            , list_contains($by_session_id::VARCHAR[], session_id) AS meets -- if: by_session_id
            , list_contains($by_user_id::VARCHAR[], user_id) AS meets -- if: by_user_id
            , list_contains($by_name::VARCHAR[], name) AS meets -- if: by_name
            , status_code = 2 AS meets -- if: by_status
            , list_contains($by_model::VARCHAR[], model) AS meets -- if: by_model
        FROM spans WHERE start_ns >= $from_ns AND start_ns < $to_ns
        UNION ALL
        SELECT
            service, model
            , 1 -- if: drawn
            , list_contains($by_session_id::VARCHAR[], session_id) -- if: by_session_id
            , list_contains($by_user_id::VARCHAR[], user_id) -- if: by_user_id
            , false -- if: by_name
            , error_type IS NOT NULL -- if: by_status
            , list_contains($by_model::VARCHAR[], model) -- if: by_model
        FROM ledger WHERE at_ns >= $from_ns AND at_ns < $to_ns
    )
    GROUP BY service, model
)
SELECT
    coalesce((SELECT min(least) < max(most) FROM kinds), false) AS sampled, -- if: drawn
    (SELECT arg_max(most, number) FROM kinds) AS usual_weight, -- if: drawn
    (SELECT max(most) FROM kinds HAVING min(least) = 1 AND min(heavier) = max(most)) AS two_weights, -- if: drawn
    (SELECT sum(meeting) * $once_in <= sum(number) FROM kinds) AS rarely, -- if: by_session_id by_user_id by_name by_status by_model
    (SELECT list(service) FROM (SELECT DISTINCT service FROM kinds WHERE service IS NOT NULL LIMIT $most_values + 1)) AS services,
    (SELECT list(model) FROM (SELECT DISTINCT model FROM kinds WHERE model IS NOT NULL LIMIT $most_values + 1)) AS models;

-- name: says_rarely
-- Whether few of the spans of a window say a word.
SELECT count(*) FILTER (says) * $once_in <= count(*)
FROM (
    SELECT
        -- include: says_word
        AS says
    FROM spans WHERE start_ns >= $from_ns AND start_ns < $to_ns
);

-- name: rows_by_slice
-- How many spans and lines a window holds, by slices of it.
SELECT slice, sum(number)::BIGINT AS number
FROM (
    SELECT (start_ns - $from_ns) // $slice_ns AS slice, count(*) AS number
    FROM spans WHERE start_ns >= $from_ns AND start_ns < $to_ns GROUP BY slice
    UNION ALL
    SELECT (at_ns - $from_ns) // $slice_ns AS slice, count(*) AS number
    FROM ledger WHERE at_ns >= $from_ns AND at_ns < $to_ns GROUP BY slice
)
GROUP BY slice;

-- name: minutes_of_traces
-- Between which minutes the spans of traces lie, and their spans and ledger lines, by the low halves of their ids, of all
-- times or of some (`from_minute`, `to_minute`), as many traces at once are looked for in each block of those; and up to
-- when lines may lie elsewhere: because the index did not take them in yet or has given them up, and because it gave up
-- those of traces without spans.
SELECT
    min(first_minute) FILTER (of_lines IS NOT TRUE), max(last_minute) FILTER (of_lines IS NOT TRUE),
    min(first_minute), max(last_minute),
    greatest(
        (SELECT max(after_ns) FROM lines_indexed WHERE without_spans IS NOT TRUE),
        (SELECT max(from_ns) FROM kept_from WHERE subject = 'trace_index')
    ),
    (SELECT max(after_ns) FROM lines_indexed WHERE without_spans)
FROM trace_index
WHERE true
    AND hash = $hash::UBIGINT -- if: hash
    AND hash IN (SELECT unnest($hashes::UBIGINT[])) -- if: hashes
    AND last_minute >= $from_minute AND first_minute <= $to_minute -- if: from_minute
;

-- name: times_of_lines
-- Between which times the ledger lines of traces lie.
SELECT min(at_ns - coalesce(duration_ns, 0)), max(at_ns) FROM ledger
WHERE at_ns >= $from_ns AND at_ns < $to_ns AND trace_id IN (SELECT unnest($traces::UUID[]));

-- name: lines_of_trace
-- A trace's ledger lines, in any order: planning to sort them takes as long as finding them.
SELECT * FROM ledger WHERE trace_id = $trace_id::UUID AND at_ns >= $from_ns AND at_ns < $to_ns;

-- name: summaries_of_spans
-- What traces look like from outside, by their spans.
SELECT
    trace_id, min(start_ns) AS start_ns, max(end_ns) AS end_ns, count(*) AS span_count,
    count(*) FILTER (status_code = 2) AS error_count, count(*) FILTER (status_code = 1) AS ok_count,
    arg_min(
        {'name': name, 'service': service},
        start_ns::HUGEINT + CASE WHEN parent_span_id IS NULL THEN 0 ELSE 9223372036854775807 END
    ) AS root,
    list(DISTINCT service) FILTER (service IS NOT NULL) AS services,
    list(DISTINCT model) FILTER (model IS NOT NULL) AS models,
    arg_min(user_id, start_ns) FILTER (user_id IS NOT NULL) AS user_id,
    arg_min(session_id, start_ns) FILTER (session_id IS NOT NULL) AS session_id,
    arg_min(feature, start_ns) FILTER (feature IS NOT NULL) AS feature
FROM spans
WHERE start_ns >= $from_ns AND start_ns < $to_ns
    AND trace_id = $trace::UUID -- if: trace
    AND trace_id IN (SELECT unnest($traces::UUID[])) -- if: traces
GROUP BY trace_id;

-- name: summaries_of_lines
-- What traces look like from outside, by their ledger lines.
SELECT
    trace_id, min(at_ns - coalesce(duration_ns, 0)) AS start_ns, max(at_ns) AS end_ns,
    count(*) AS calls, sum(cost_usd) AS cost_usd, count(*) FILTER (state = 'unpriced') AS unpriced_calls,
    count(error_type) AS failed_calls,
    arg_min({'name': nullif(concat_ws(' ', operation, model), ''), 'service': service}, at_ns) AS root,
    list(DISTINCT service) FILTER (service IS NOT NULL) AS services,
    list(DISTINCT model) FILTER (model IS NOT NULL) AS models,
    arg_min(user_id, at_ns) FILTER (user_id IS NOT NULL) AS user_id,
    arg_min(session_id, at_ns) FILTER (session_id IS NOT NULL) AS session_id,
    arg_min(feature, at_ns) FILTER (feature IS NOT NULL) AS feature
FROM ledger
WHERE at_ns >= $from_ns AND at_ns < $to_ns
    AND trace_id = $trace::UUID -- if: trace
    AND trace_id IN (SELECT unnest($traces::UUID[])) -- if: traces
GROUP BY trace_id;

-- name: few_rows_of_spans
-- What spans of traces say of these, in any order. They are found by their ids alone, before anything else of them is read.
SELECT
    trace_id, span_id, parent_span_id, start_ns, end_ns, name, service, status_code, model, user_id, session_id, feature
FROM spans
WHERE start_ns >= $from_ns AND start_ns < $to_ns AND rowid IN (
    SELECT rowid FROM spans
    WHERE start_ns >= $from_ns AND start_ns < $to_ns
        AND trace_id = $trace::UUID -- if: trace
        AND trace_id IN (SELECT unnest($traces::UUID[])) -- if: traces
    LIMIT $most
);

-- name: few_rows_of_lines
-- The same of their ledger lines.
SELECT
    trace_id, span_id, at_ns, duration_ns, operation, service, model, state, cost_usd, error_type, user_id, session_id, feature
FROM ledger
WHERE at_ns >= $from_ns AND at_ns < $to_ns AND rowid IN (
    SELECT rowid FROM ledger
    WHERE at_ns >= $from_ns AND at_ns < $to_ns
        AND trace_id = $trace::UUID -- if: trace
        AND trace_id IN (SELECT unnest($traces::UUID[])) -- if: traces
    LIMIT $most
);

-- name: few_spans_of_trace
-- A trace's spans, in any order.
SELECT * FROM spans WHERE trace_id = $trace_id::UUID AND start_ns >= $from_ns AND start_ns < $to_ns LIMIT $most;

-- name: spans_of_trace
-- A trace's first spans by start, each with whether its parent is not among all of them; missing_parents counts those parents.
WITH mine AS MATERIALIZED (
    SELECT * FROM spans WHERE trace_id = $trace_id::UUID AND start_ns >= $from_ns AND start_ns < $to_ns
),
missing AS MATERIALIZED (
    SELECT DISTINCT parent_span_id FROM mine
    WHERE parent_span_id IS NOT NULL AND parent_span_id NOT IN (SELECT span_id FROM mine)
)
SELECT
    mine.*, missing.parent_span_id IS NOT NULL AS parent_missing, (SELECT count(*) FROM missing) AS missing_parents
FROM mine LEFT JOIN missing USING (parent_span_id)
ORDER BY start_ns, span_id
LIMIT $most;

-- name: resources
-- The attributes of resources, as JSON.
SELECT resource_id, attributes FROM resources WHERE resource_id IN (SELECT unnest($ids::UBIGINT[]));

-- name: jaeger_services
-- The services of which spans are kept: from rollups, and from spans that came since the last ones.
SELECT DISTINCT coalesce(service, $nameless) AS service
FROM (
    SELECT service FROM span_1h
    WHERE bucket >= (SELECT coalesce(max(from_ns), 0) FROM kept_from WHERE subject = 'spans') // 3600000000000
    UNION ALL
    SELECT service FROM span_1m WHERE bucket >= $since_ns // 60000000000
    UNION ALL
    SELECT service FROM spans WHERE start_ns >= $recent_ns
)
ORDER BY service;

-- name: jaeger_operations
-- The operations of a service and their kinds, from where `jaeger_services` looks.
SELECT DISTINCT name, kind
FROM (
    SELECT service, name, kind FROM span_1h
    WHERE bucket >= (SELECT coalesce(max(from_ns), 0) FROM kept_from WHERE subject = 'spans') // 3600000000000
    UNION ALL
    SELECT service, name, kind FROM span_1m WHERE bucket >= $since_ns // 60000000000
    UNION ALL
    SELECT service, name, kind FROM spans WHERE start_ns >= $recent_ns
)
WHERE coalesce(service, $nameless) = $service AND ($kind IS NULL OR kind = $kind)
ORDER BY name, kind;

-- name: jaeger_found
-- The traces in which one span meets all conditions, the newest of these spans first. A tag holds where it is shown: among
-- the span's own attributes and what Jaeger shows as such, its events' and its resource's.
WITH held AS MATERIALIZED (
    SELECT resource_id, list(key) AS keys
    FROM resources, (
        SELECT unnest($keys::VARCHAR[]) AS key, unnest($pointers::VARCHAR[]) AS pointer, unnest($texts::VARCHAR[][]) AS texts
    )
    WHERE list_contains(texts, json_extract_string(attributes, pointer))
    GROUP BY resource_id
)
SELECT trace_id, max(start_ns) AS newest
FROM spans LEFT JOIN held USING (resource_id)
WHERE start_ns >= $from_ns AND start_ns < $to_ns
    AND ($service IS NULL OR coalesce(service, $nameless) = $service)
    AND ($name IS NULL OR name = $name)
    AND ($least_ns IS NULL OR end_ns - start_ns >= $least_ns)
    AND ($most_ns IS NULL OR end_ns - start_ns <= $most_ns)
    AND len(list_filter($keys::VARCHAR[], lambda key, place: NOT (
        coalesce(list_contains(keys, key), false)
        OR coalesce(list_contains(list_extract($texts::VARCHAR[][], place), json_extract_string(attributes, list_extract($pointers::VARCHAR[], place))),
            false)
        OR coalesce(list_contains(list_extract($texts::VARCHAR[][], place), CASE key
            WHEN 'error' THEN CASE WHEN status_code = 2 THEN 'true' ELSE 'false' END
            WHEN 'span.kind' THEN [NULL, 'internal', 'server', 'client', 'producer', 'consumer'][kind + 1]
            WHEN 'otel.status_code' THEN [NULL, 'OK', 'ERROR'][status_code + 1]
            WHEN 'otel.status_description' THEN status_message
            WHEN 'otel.scope.name' THEN scope
            WHEN 'w3c.tracestate' THEN trace_state
            WHEN 'gen_ai.operation.name' THEN operation
            WHEN 'gen_ai.provider.name' THEN provider
            WHEN 'gen_ai.response.model' THEN model
            WHEN 'gen_ai.usage.input_tokens' THEN input_tokens::VARCHAR
            WHEN 'gen_ai.usage.output_tokens' THEN output_tokens::VARCHAR
            WHEN 'user.id' THEN user_id
            WHEN 'session.id' THEN session_id
            WHEN 'spanledger.feature' THEN feature
            WHEN 'spanledger.tenant' THEN tenant
            WHEN 'spanledger.user_tier' THEN user_tier
            WHEN 'http.route' THEN route
            WHEN 'http.response.status_code' THEN http_status::VARCHAR
            WHEN 'error.type' THEN error_type
        END), false)
        OR coalesce(len(list_filter(json_extract(events, '$[*].attributes'), lambda told:
            list_contains(list_extract($texts::VARCHAR[][], place), json_extract_string(told, list_extract($pointers::VARCHAR[], place))))), 0) > 0
    ))) = 0
GROUP BY trace_id
ORDER BY newest DESC, trace_id
LIMIT $most;

-- name: jaeger_sizes
-- How many spans each of these traces has.
SELECT trace_id, count(*) AS number
FROM spans
WHERE start_ns >= $from_ns AND start_ns < $to_ns AND trace_id IN (SELECT unnest($traces::UUID[]))
GROUP BY trace_id;

-- name: jaeger_spans
-- The spans of these traces by start, of each trace at most so many.
SELECT *
FROM spans
WHERE start_ns >= $from_ns AND start_ns < $to_ns AND trace_id IN (SELECT unnest($traces::UUID[]))
QUALIFY row_number() OVER (PARTITION BY trace_id ORDER BY start_ns, span_id) <= $most
ORDER BY start_ns, span_id;

-- name: jaeger_summaries
-- Each of these traces in one row, with its services; orphans are spans whose parent is not there.
WITH mine AS MATERIALIZED (
    SELECT trace_id, span_id, parent_span_id, start_ns, end_ns, name, coalesce(service, $nameless) AS service, status_code
    FROM spans
    WHERE start_ns >= $from_ns AND start_ns < $to_ns AND trace_id IN (SELECT unnest($traces::UUID[]))
),
orphaned AS (
    SELECT trace_id, count(*) AS orphans
    FROM mine
    WHERE parent_span_id IS NOT NULL AND (trace_id, parent_span_id) NOT IN (SELECT (trace_id, span_id) FROM mine)
    GROUP BY trace_id
),
by_service AS (
    SELECT trace_id, list({'name': service, 'spans': spans, 'errors': errors} ORDER BY service) AS services
    FROM (
        SELECT trace_id, service, count(*) AS spans, count(*) FILTER (status_code = 2) AS errors FROM mine GROUP BY ALL
    )
    GROUP BY trace_id
)
SELECT
    trace_id, min(start_ns) AS start_ns, max(end_ns) AS end_ns, count(*) AS spans,
    count(*) FILTER (status_code = 2) AS errors, coalesce(any_value(orphans), 0) AS orphans,
    any_value(services) AS services,
    arg_min(
        {'name': name, 'service': service},
        start_ns::HUGEINT + CASE WHEN parent_span_id IS NULL THEN 0 ELSE 9223372036854775807 END
    ) AS root
FROM mine LEFT JOIN orphaned USING (trace_id) LEFT JOIN by_service USING (trace_id)
GROUP BY trace_id;

-- name: jaeger_dependencies
-- How often a span of one service is the parent of a span of another; both began in the window.
WITH mine AS MATERIALIZED (
    SELECT trace_id, span_id, parent_span_id, coalesce(service, $nameless) AS service
    FROM spans WHERE start_ns >= $from_ns AND start_ns < $to_ns
)
SELECT parents.service AS parent, children.service AS child, count(*) AS calls
FROM mine AS children
JOIN mine AS parents ON parents.trace_id = children.trace_id AND parents.span_id = children.parent_span_id
WHERE parents.service <> children.service
GROUP BY ALL
ORDER BY ALL;
