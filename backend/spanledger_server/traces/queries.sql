-- name: search
-- Traces that left a span or a ledger line in a window and meet the conditions: their number, their histogram, what can
-- be narrowed further, and one page of ids. A key holds when any span or line of the trace has it; an empty value,
-- when none has any. Where spans were sampled, a trace is also judged by what less likely draws would have left of it: by
-- its lines and the spans of each smaller weight alone. What it adds to the estimate follows from all these judgements.
WITH seen AS NOT MATERIALIZED (
    SELECT
        trace_id, start_ns, end_ns, service, name,
        ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'][kind + 1] AS kind,
        status_code, model, provider, operation, user_id, session_id, feature, tenant, user_tier, route,
        NULL::VARCHAR AS state, NULL::DECIMAL(24, 12) AS cost_usd, coalesce(adjusted_count, 'inf'::DOUBLE) AS weight,
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
        user_id, session_id, feature, tenant, user_tier, NULL AS route, state, cost_usd, 1 AS weight,
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
        trace_id, heavier, weight, start_ns, status,
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
),
matched AS NOT MATERIALIZED (SELECT * FROM passed WHERE heavier IS NULL),
weighed AS (
    SELECT
        sum(CASE WHEN isinf(weight) THEN 0 WHEN heavier IS NULL OR isinf(heavier) THEN weight ELSE weight - heavier END) AS y,
        count(*) FILTER (heavier IS NULL AND isinf(weight)) > count(*) FILTER (isinf(heavier)) AS uncounted
    FROM passed GROUP BY trace_id
),
narrowed AS NOT MATERIALIZED (SELECT trace_id, service, model FROM seen SEMI JOIN matched USING (trace_id)),
services AS (
    SELECT service AS value, count(DISTINCT trace_id) AS count
    FROM narrowed WHERE service IS NOT NULL GROUP BY service ORDER BY count DESC, value LIMIT $most_facets
),
models AS (
    SELECT model AS value, count(DISTINCT trace_id) AS count
    FROM narrowed WHERE model IS NOT NULL GROUP BY model ORDER BY count DESC, value LIMIT $most_facets
),
statuses AS (SELECT status AS value, count(*) AS count FROM matched GROUP BY status),
bars AS (
    SELECT
        greatest(start_ns, $from_ns) // $step_ns AS bar, count(*) AS traces,
        count(*) FILTER (status = 'error') AS errors
    FROM matched GROUP BY bar
),
page AS (
    SELECT trace_id, place
    FROM matched
    WHERE $after_trace IS NULL
        OR ($after_place IS NULL AND place IS NULL AND trace_id > $after_trace::UUID)
        OR ($after_place IS NOT NULL AND (
            place IS NULL OR place > $after_place::DECIMAL(38, 12)
            OR (place = $after_place::DECIMAL(38, 12) AND trace_id > $after_trace::UUID)))
    ORDER BY place NULLS LAST, trace_id
    LIMIT $most
)
SELECT
    (SELECT count(*) FROM matched) AS matched,
    (SELECT {'total': sum(y), 'squares': sum(y * y), 'uncounted': count(*) FILTER (uncounted)} FROM weighed) AS weighed,
    (SELECT list(bars) FROM bars) AS histogram,
    (SELECT list(services ORDER BY count DESC, value) FROM services) AS services,
    (SELECT list(models ORDER BY count DESC, value) FROM models) AS models,
    (SELECT list(statuses ORDER BY count DESC, value) FROM statuses) AS statuses,
    (SELECT list(page ORDER BY place NULLS LAST, trace_id) FROM page) AS page;

-- name: any_sampled
-- Whether a window holds spans that stand for more than themselves, or that do not say.
SELECT EXISTS (
    FROM spans WHERE start_ns >= $from_ns AND start_ns < $to_ns AND adjusted_count IS DISTINCT FROM 1
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
-- Between which minutes the spans of traces lie, by the low halves of their ids.
SELECT min(first_minute), max(last_minute) FROM trace_index WHERE hash IN (SELECT unnest($hashes::UBIGINT[]));

-- name: times_of_lines
-- Between which times the ledger lines of traces lie.
SELECT min(at_ns - coalesce(duration_ns, 0)), max(at_ns) FROM ledger WHERE trace_id IN (SELECT unnest($traces::UUID[]));

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
WHERE start_ns >= $from_ns AND start_ns < $to_ns AND trace_id IN (SELECT unnest($traces::UUID[]))
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
WHERE trace_id IN (SELECT unnest($traces::UUID[]))
GROUP BY trace_id;

-- name: spans_of_trace
-- A trace's spans by start, each with whether its parent is not among them; missing_parents counts those parents.
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
